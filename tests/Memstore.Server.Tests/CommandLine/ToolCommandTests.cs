using Memstore.Engine;
using Memstore.Storage;
using Memstore.Storage.Disks;
using Memstore.Storage.Effects;
using Xunit;

namespace Memstore.Server.Tests.CommandLine;

/// <summary>The tools for data directories as an operator calls them. What they do is tested with the storage.</summary>
public sealed class ToolCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("memstore-").FullName;

    private string Data => Path.Combine(_directory, "data");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Check_repair_and_restore_answer_0_for_a_good_directory()
    {
        Save();
        var (code, output, _) = await ProgramRun.RunAsync("check", Data);
        Assert.Equal(0, code);
        Assert.Contains("image-0000000000000001.msi: sequence 1, ", output, StringComparison.Ordinal);
        Assert.EndsWith("The directory is good.\n", output, StringComparison.Ordinal);
        (code, output, _) = await ProgramRun.RunAsync("repair", Data);
        Assert.Equal((0, "There is nothing to repair.\n"), (code, output));
        (code, output, _) = await ProgramRun.RunAsync("restore", "--from", Data, "--to", Path.Combine(_directory, "copy"), "--at", "2999-01-01T00:00:00Z");
        Assert.Equal(0, code);
        Assert.Contains("holds the data as of sequence 1", output, StringComparison.Ordinal);
        Assert.Equal(0, (await ProgramRun.RunAsync("check", Path.Combine(_directory, "copy"))).Code);
    }

    [Fact]
    public async Task A_damaged_directory_answers_1_and_is_changed_only_with_yes()
    {
        Save();
        var image = Path.Combine(Data, StorageFiles.Image(1));
        var bytes = await File.ReadAllBytesAsync(image, TestContext.Current.CancellationToken);
        bytes[70] ^= 1;
        await File.WriteAllBytesAsync(image, bytes, TestContext.Current.CancellationToken);
        var (code, output, _) = await ProgramRun.RunAsync("check", Data);
        Assert.Equal(1, code);
        Assert.Contains("damaged at byte 64", output, StringComparison.Ordinal);
        (code, output, _) = await ProgramRun.RunAsync("repair", Data, "--yes");
        Assert.Equal(1, code);
        Assert.Contains("Use a backup.", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check", "/nowhere/at/all")]
    [InlineData("repair", "/nowhere/at/all", "--yes")]
    [InlineData("restore", "--from", "/nowhere/at/all", "--to", "/nowhere/else", "--at", "5")]
    public async Task A_directory_that_is_not_there_is_one_line_and_1(params string[] arguments) =>
        Assert.Equal((1, "", "memstore: '/nowhere/at/all': there is no such directory, or it may not be entered.\n"), await ProgramRun.RunAsync(arguments));

    [Theory]
    [InlineData("check", "DIR")]
    [InlineData("repair", "DIR", "--yes")]
    [InlineData("restore", "--from", "DIR", "--to", "/nowhere/else", "--at", "5")]
    public async Task A_directory_without_a_store_is_one_line_and_1(params string[] arguments) => Assert.Equal(
        (1, "", $"memstore: {_directory} holds no store.\n"),
        await ProgramRun.RunAsync([.. arguments.Select(argument => argument == "DIR" ? _directory : argument)]));

    [Fact]
    public async Task A_file_or_nothing_in_place_of_a_directory_is_one_line_and_1()
    {
        var file = Path.Combine(_directory, "file");
        await File.WriteAllTextAsync(file, "hello", TestContext.Current.CancellationToken);
        Assert.Equal((1, "", $"memstore: {file} is a file and no directory.\n"), await ProgramRun.RunAsync("check", file));
        Assert.Equal((1, "", "memstore: '': there is no such directory, or it may not be entered.\n"), await ProgramRun.RunAsync("check", ""));
        Save();
        Assert.Equal(
            (1, "", $"memstore: --to '{file}': the name of a directory is expected.\n"),
            await ProgramRun.RunAsync("restore", "--from", Data, "--to", file, "--at", "1"));
        Assert.Equal((1, "", $"memstore: --data {file}: it is a file and no directory.\n"), await ProgramRun.RunAsync("serve", "--data", file, "--port", "0"));
    }

    [Fact]
    public async Task A_restore_that_fails_leaves_nothing_behind_and_can_be_tried_again()
    {
        Save(new byte[300_000]);
        var to = Path.Combine(_directory, "copy");

        // A limit of 64 KiB for files stands for a full disk: the manifest fits and the image does not. The runtime's own files must not be counted.
        var program = Path.Combine(AppContext.BaseDirectory, "memstore.dll");
        var (code, _, error) = await ProgramRun.RunAsync(
            "bash", ["-c", $"trap '' XFSZ; ulimit -f 64; DOTNET_EnableWriteXorExecute=0 exec dotnet '{program}' restore --from '{Data}' --to '{to}' --at 1"]);
        Assert.Equal(1, code);
        Assert.Matches("^memstore: [^\n]+\n$", error);
        Assert.False(Directory.Exists(to));
        Assert.Equal(0, (await ProgramRun.RunAsync("restore", "--from", Data, "--to", to, "--at", "1")).Code);
    }

    [Fact]
    public async Task A_bad_moment_is_one_line_and_1() => Assert.Equal(
        (1, "", "memstore: --at yesterday: it is neither a time such as 2026-01-31T12:30:00Z nor a sequence.\n"),
        await ProgramRun.RunAsync("restore", "--from", Data, "--to", Data, "--at", "yesterday"));

    [Fact]
    public async Task A_directory_in_use_is_one_line_and_1()
    {
        Save();
        using var open = StorageDirectory.Open(FileDisk.Instance, Data);
        var (code, _, error) = await ProgramRun.RunAsync("check", Data);
        Assert.Equal(1, code);
        Assert.StartsWith($"memstore: The data directory {Data} is in use by process {Environment.ProcessId}", error, StringComparison.Ordinal);
    }

    private void Save() => Save("value"u8);

    private void Save(ReadOnlySpan<byte> value)
    {
        using var store = new Store(new StoreOptions { EffectEncoder = new RespEffectEncoder(), StartsLoading = true, RunMaintenance = false });
        using var directory = StorageDirectory.Open(FileDisk.Instance, Data);
        directory.Recover(store);
        using (var loader = new StoreLoader(store)) loader.PutString(0, "key"u8, value);
        store.EndLoading(null);
        directory.TrySave(store, stop: TestContext.Current.CancellationToken);
    }
}
