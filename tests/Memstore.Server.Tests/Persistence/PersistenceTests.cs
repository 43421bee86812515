using Memstore.Server.Configuration;
using Memstore.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Memstore.Server.Tests.Persistence;

/// <summary>What a server keeps on disk, as clients see it.</summary>
public sealed class PersistenceTests : IDisposable
{
    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"memstore-test-{Guid.NewGuid():n}");
    private readonly FailingDisk _disk = new();

    public void Dispose()
    {
        if (Directory.Exists(_directory)) Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData("yes")]
    [InlineData("no")]
    public async Task What_was_there_is_there_after_a_restart(string appendOnly)
    {
        await using (var host = await StartAsync(("appendonly", appendOnly)))
        {
            using var client = ServerFixture.ConnectInMemory(host);
            await ExpectAsync(client, "SET string value", "OK");
            await ExpectAsync(client, "SET mortal value PXAT 4102444800000", "OK");
            await ExpectAsync(client, "HSET hash field 1 other 2", 2L);
            await ExpectAsync(client, "HDEL hash other", 1L);
            await ExpectAsync(client, "APPEND string s", 6L);
            await ExpectAsync(client, "SELECT 3", "OK");
            await ExpectAsync(client, "SET elsewhere 1", "OK");
            await ExpectAsync(client, "SWAPDB 3 4", "OK");
            await ExpectAsync(client, "SET gone 1", "OK");
            await ExpectAsync(client, "FLUSHDB", "OK");
            if (appendOnly == "no") await ExpectAsync(client, "SAVE", "OK");
        }

        await using var again = await StartAsync(("appendonly", appendOnly));
        using var reader = ServerFixture.ConnectInMemory(again);
        await ExpectAsync(reader, "GET string", "values");
        await ExpectAsync(reader, "PEXPIRETIME mortal", 4102444800000L);
        await ExpectAsync(reader, "HGET hash field", "1");
        await ExpectAsync(reader, "DBSIZE", 3L);
        await ExpectAsync(reader, "SELECT 4", "OK");
        await ExpectAsync(reader, "GET elsewhere", "1");
        await ExpectAsync(reader, "SELECT 3", "OK");
        await ExpectAsync(reader, "DBSIZE", 0L);
    }

    [Fact]
    public async Task A_client_chooses_its_durability_within_what_the_operator_allows()
    {
        await using var host = await StartAsync(("durability-max", "everysec"));
        using var client = ServerFixture.ConnectInMemory(host);
        await ExpectAsync(client, "CLIENT DURABILITY", "everysec");
        await ExpectAsync(client, "CLIENT DURABILITY NONE", "none");
        await ExpectAsync(client, "CLIENT DURABILITY always", "everysec");
        await ExpectAsync(client, "CONFIG SET durability-max always", "OK");
        await ExpectAsync(client, "CLIENT DURABILITY", "always");
        await ExpectAsync(client, "CONFIG SET durability-max always durability-min always", "OK");
        await ExpectAsync(client, "CLIENT DURABILITY none", "always");
        await ExpectErrorAsync(client, "CLIENT DURABILITY sometimes", "ERR syntax error");
        await ExpectAsync(client, "CONFIG SET durability-min none", "OK");
        await ExpectAsync(client, "RESET", "RESET");
        await ExpectAsync(client, "CLIENT DURABILITY", "everysec");
    }

    [Fact]
    public async Task A_reply_at_level_always_waits_for_the_disk_and_so_does_whoever_reads_what_is_not_safe()
    {
        using var release = new ManualResetEventSlim();
        await using var host = await StartAsync();
        using var writer = ServerFixture.ConnectInMemory(host);
        using var reader = ServerFixture.ConnectInMemory(host);
        using var careless = ServerFixture.ConnectInMemory(host);
        await ExpectAsync(reader, "CLIENT DURABILITY always", "always");
        await ExpectAsync(writer, "CLIENT DURABILITY always", "always");
        _disk.OnSync = release.Wait;
        await writer.SendAsync("SET key 1");
        while (await careless.AskAsync("GET key") is null) await Task.Yield();
        await reader.SendAsync("GET key");
        var answers = Task.WhenAll(writer.ReadAsync(), reader.ReadAsync());
        await ExpectAsync(careless, "GET key", "1");
        Assert.False(answers.IsCompleted);
        release.Set();
        Assert.Equal(["OK", "1"], await answers.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("always", true)]
    [InlineData("everysec", false)]
    public async Task A_REST_request_chooses_its_durability(string level, bool waits)
    {
        using var release = new ManualResetEventSlim();
        await using var host = await StartAsync();
        await host.StartHttpAsync(port: 0);
        using var reader = ServerFixture.ConnectInMemory(host);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{host.HttpEndPoints[0]}") };
        http.DefaultRequestHeaders.Add("Memstore-Durability", level);
        _disk.OnSync = release.Wait;
        using var content = new StringContent("""["SET","key","1"]""");
        var answer = http.PostAsync("/v1/commands", content, TestContext.Current.CancellationToken);
        while (await reader.AskAsync("GET key") is null) await Task.Yield();
        if (waits) Assert.False(answer.IsCompleted);
        else Assert.True((await answer.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken)).IsSuccessStatusCode);
        release.Set();
        using var response = await answer.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        Assert.Equal("""{"result":"OK"}""", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task WaitAof_answers_when_the_writes_of_the_connection_are_on_the_disk()
    {
        using var release = new ManualResetEventSlim();
        await using var host = await StartAsync();
        using var client = ServerFixture.ConnectInMemory(host);
        await ExpectAsync(client, "SET key 1", "OK");
        Assert.Equal([1L, 0L], (object?[]?)await client.AskAsync("WAITAOF 1 0 0"));
        _disk.OnSync = release.Wait;
        await ExpectAsync(client, "SET key 2", "OK");
        Assert.Equal([0L, 0L], (object?[]?)await client.AskAsync("WAITAOF 1 0 20"));
        release.Set();
        Assert.Equal([1L, 0L], (object?[]?)await client.AskAsync("WAITAOF 1 0 0"));
        Assert.Equal([1L, 0L], (object?[]?)await client.AskAsync("WAITAOF 0 1 1"));
        await ExpectErrorAsync(client, "WAITAOF 2 0 0", "ERR value is out of range, value must between 0 and 1");
        await ExpectErrorAsync(client, "WAITAOF 1 0 -1", "ERR timeout is negative");
    }

    [Fact]
    public async Task Images_are_written_on_demand_and_in_the_background()
    {
        await using var host = await StartAsync();
        using var client = ServerFixture.ConnectInMemory(host);
        await ExpectAsync(client, "SET key 1", "OK");
        await ExpectAsync(client, "SAVE", "OK");
        Assert.Equal(1, host.State.Persistence!.Saves);
        await ExpectAsync(client, "SET key 2", "OK");
        await ExpectAsync(client, "BGSAVE", "Background saving started");
        await (host.State.Persistence.SaveAsync());
        await ExpectAsync(client, "BGREWRITEAOF", "Background append only file rewriting started");
        await (host.State.Persistence.SaveAsync());
        Assert.Single(Directory.GetFiles(_directory, "*.msi"));
        Assert.Single(Directory.GetFiles(_directory, "*.msj"));
        await ExpectErrorAsync(client, "BGSAVE NOW", "ERR syntax error");
        Assert.True((long)(await client.AskAsync("LASTSAVE"))! > 0);
    }

    [Fact]
    public async Task While_it_loads_it_says_so()
    {
        await using (var host = await StartAsync())
        {
            using var client = ServerFixture.ConnectInMemory(host);
            await ExpectAsync(client, "SET key 1", "OK");
        }

        using var release = new ManualResetEventSlim();
        _disk.OnOpenToRead = release;
        await using var again = Make();
        await again.StartAsync();
        using var early = ServerFixture.ConnectInMemory(again);
        await ExpectErrorAsync(early, "GET key", "LOADING Redis is loading the dataset in memory");
        await ExpectErrorAsync(early, "PING", "LOADING Redis is loading the dataset in memory");
        Assert.Contains("loading:1", (string)(await early.AskAsync("INFO persistence"))!, StringComparison.Ordinal);
        release.Set();
        await again.Loading.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        await ExpectAsync(early, "GET key", "1");
        Assert.Contains("loading:0", (string)(await early.AskAsync("INFO persistence"))!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disk_that_is_full_stops_writes_and_not_reads_and_lets_them_go_on_when_there_is_room()
    {
        string? accepted = null;
        await using (var host = await StartAsync())
        {
            using var client = ServerFixture.ConnectInMemory(host);
            await ExpectAsync(client, "SET key 1", "OK");
            _disk.OnWrite = static () => new IOException("No space left on device");
            var error = "";
            for (var i = 0; error.Length == 0; i++)
            {
                if (await client.AskAsync($"SET other {i}") is RespError refused) error = refused.Text;
                else accepted = $"{i}";
                await Task.Yield();
            }

            Assert.StartsWith("MISCONF Errors writing to the AOF file: ", error, StringComparison.Ordinal);
            Assert.Contains("No space left on device", error, StringComparison.Ordinal);
            await ExpectAsync(client, "GET key", "1");
            Assert.IsType<RespError>(await client.AskAsync("PING"));
            _disk.OnWrite = null;
            while (await client.AskAsync("SET key 2") is RespError) await Task.Yield();
        }

        await using var again = await StartAsync();
        using var reader = ServerFixture.ConnectInMemory(again);
        await ExpectAsync(reader, "GET key", "2");
        // The journal may have found the disk full before the first of them came.
        Assert.Equal(accepted, await reader.AskAsync("GET other"));
    }

    [Fact]
    public async Task A_sync_that_failed_is_made_good_by_an_image_and_its_commits_are_of_unknown_outcome()
    {
        await using (var host = await StartAsync())
        {
            using var client = ServerFixture.ConnectInMemory(host);
            using var sure = ServerFixture.ConnectInMemory(host);
            await ExpectAsync(sure, "CLIENT DURABILITY always", "always");
            _disk.OnSync = static () => throw new IOException("Input/output error");
            Assert.IsType<RespError>(await sure.AskAsync("SET key 1"));
            await ExpectAsync(client, "GET key", "1");
            _disk.OnSync = null;
            while (await client.AskAsync("SET key 2") is RespError) await Task.Yield();
            // Writes are let through as soon as the image is safe, a moment before its save has ended.
            while (host.State.Persistence!.IsSaving) await Task.Yield();
            Assert.True(host.State.Persistence.Saves > 0);
        }

        await using var again = await StartAsync();
        using var reader = ServerFixture.ConnectInMemory(again);
        await ExpectAsync(reader, "GET key", "2");
    }

    [Fact]
    public async Task A_commit_that_the_disk_lost_is_never_answered_as_done_while_later_commands_run()
    {
        await using var host = await StartAsync(("enable-debug-command", "yes"));
        using var client = ServerFixture.ConnectInMemory(host);
        await ExpectAsync(client, $"SET long {new string('x', 100_000)}", "OK");
        await ExpectAsync(client, "CLIENT DURABILITY always", "always");
        _disk.OnSync = static () => throw new IOException("Input/output error");

        // The long reply has the session ask for the sync in the middle of the batch; it fails while the last command sleeps.
        await client.WriteAsync(RespClient.Pipeline("SET key 1", "GET long", "DEBUG SLEEP 0.3"));
        Assert.True(await client.IsClosedAsync());
        _disk.OnSync = null;
    }

    [Fact]
    public async Task A_REST_request_whose_commit_the_disk_lost_is_answered_with_500()
    {
        await using var host = await StartAsync(("appendfsync", "always"));
        await host.StartHttpAsync(port: 0);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{host.HttpEndPoints[0]}") };
        _disk.OnSync = static () => throw new IOException("Input/output error");
        using var content = new StringContent("""[["SET","key","1"],["SET","other","1"]]""");
        using var response = await http.PostAsync("/v1/transaction", content, TestContext.Current.CancellationToken);
        _disk.OnSync = null;
        Assert.Equal(
            (System.Net.HttpStatusCode.InternalServerError, """{"error":"ERR the outcome is unknown: the commit could not be made durable"}"""),
            (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task Every_command_of_a_REST_pipeline_behind_a_commit_that_the_disk_lost_is_of_unknown_outcome()
    {
        await using var host = await StartAsync();
        await host.StartHttpAsync(port: 0);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{host.HttpEndPoints[0]}") };
        http.DefaultRequestHeaders.Add("Memstore-Durability", "always");
        _disk.OnSync = static () => throw new IOException("Input/output error");
        using var content = new StringContent("""[["PING"],["SET","key","1"],["GET","key"],["SET","other","1"]]""");
        using var response = await http.PostAsync("/pipeline", content, TestContext.Current.CancellationToken);
        _disk.OnSync = null;
        const string Unknown = """{"error":"ERR the outcome is unknown: the commit could not be made durable"}""";
        Assert.Equal(
            (System.Net.HttpStatusCode.OK, $$"""[{"result":"PONG"},{{Unknown}},{{Unknown}},{{Unknown}}]"""),
            (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task A_save_that_fails_for_whatever_reason_does_not_keep_the_next_from_running()
    {
        await using var host = await StartAsync(("appendonly", "no"));
        using var client = ServerFixture.ConnectInMemory(host);
        await ExpectAsync(client, "SET key 1", "OK");
        _disk.OnWrite = static () => new InvalidOperationException("a fault of the program");
        Assert.IsType<RespError>(await client.AskAsync("SAVE"));
        Assert.False(host.State.Persistence!.IsSaving);
        _disk.OnWrite = null;
        while (await client.AskAsync("SAVE") is RespError) await Task.Yield();
        Assert.True(host.State.Persistence.Saves > 0);
    }

    [Fact]
    public async Task The_journal_syncs_every_second_only_while_a_setting_or_a_client_asks()
    {
        await using var host = await StartAsync();
        using var client = ServerFixture.ConnectInMemory(host);
        var journal = host.State.Persistence!.Journal!;
        Assert.True(journal.SyncsEverySecond);
        await ExpectAsync(client, "CONFIG SET appendfsync no", "OK");
        Assert.False(journal.SyncsEverySecond);
        await ExpectAsync(client, "CLIENT DURABILITY everysec", "everysec");
        await ExpectAsync(client, "SET key 1", "OK");
        Assert.True(journal.SyncsEverySecond);
    }

    [Fact]
    public async Task Two_servers_never_share_a_directory()
    {
        await using var host = await StartAsync();
        var error = Assert.ThrowsAny<Exception>(() => Make());
        Assert.True(error is IOException or StorageException);
        Assert.Contains(Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_keeps_nothing_says_so()
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        using var client = ServerFixture.ConnectInMemory(host);
        await ExpectErrorAsync(client, "SAVE", "ERR the server keeps its data in memory only: it was started with --data none");
        await ExpectErrorAsync(client, "BGSAVE", "ERR the server keeps its data in memory only: it was started with --data none");
        await ExpectErrorAsync(client, "WAITAOF 1 0 0", "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
        await ExpectAsync(client, "CONFIG SET appendonly no", "OK");
        await ExpectErrorAsync(
            client, "CONFIG SET appendonly yes", "ERR CONFIG SET failed (possibly related to argument 'appendonly') - can't be changed while the server runs");
    }

    private ServerHost Make(params (string Name, string Value)[] settings)
    {
        var all = new Settings();
        foreach (var (name, value) in (ReadOnlySpan<(string, string)>)[("port", "0"), ("http-port", "0"), ("data", _directory), .. settings])
            if (!all.TrySetAtStart(name, value, out var error)) throw new ArgumentException($"{name} {value}: {error}", nameof(settings));
        return new ServerHost(all, TimeProvider.System, NullLogger.Instance, disk: _disk);
    }

    private async Task<ServerHost> StartAsync(params (string Name, string Value)[] settings)
    {
        var host = Make(settings);
        await host.StartAsync();
        await host.Loading.WaitAsync(ServerFixture.Patience, TestContext.Current.CancellationToken);
        return host;
    }

    private static async Task ExpectAsync(RespClient client, string command, object expected) => Assert.Equal(expected, await client.AskAsync(command));

    private static async Task ExpectErrorAsync(RespClient client, string command, string error) =>
        Assert.Equal(new RespError(error), await client.AskAsync(command));
}
