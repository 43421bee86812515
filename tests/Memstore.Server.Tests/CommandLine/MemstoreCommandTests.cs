using System.CommandLine;
using Memstore.Server.CommandLine;
using Xunit;

namespace Memstore.Server.Tests.CommandLine;

/// <summary>Help, completion, ping, and what is said about a wrong command line.</summary>
public sealed class MemstoreCommandTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public void Every_command_has_examples_and_a_line_in_the_document()
    {
        var document = File.ReadAllText(RepositoryFiles.PathOf("docs/command-line.md"));
        Assert.All(MemstoreCommand.Make().Subcommands, command =>
        {
            Assert.Contains(command.Name, ExamplesHelp.Commands);
            Assert.Contains($"`{command.Name}`", document, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Every_example_is_a_command_line_that_parses()
    {
        foreach (var command in MemstoreCommand.Make().Subcommands)
        {
            var help = new StringWriter();
            MemstoreCommand.Make().Parse([command.Name, "--help"]).Invoke(new InvocationConfiguration { Output = help });
            var lines = help.ToString().Split('\n').Where(line => line.StartsWith("  memstore ", StringComparison.Ordinal) && !line.Contains('['));
            Assert.Contains("Examples:", help.ToString(), StringComparison.Ordinal);
            Assert.All(lines, line => Assert.Empty(MemstoreCommand.Make().Parse(line.Trim()[9..].Split(" > ")[0].Split(" | ")[0]).Errors));
        }
    }

    [Theory]
    [InlineData("", "  serve  ")]
    [InlineData("--help", "Exit codes:")]
    [InlineData("help", "Exit codes:")]
    [InlineData("help serve", "--config <file>")]
    [InlineData("bench --help", "--mix <name:weight,…>")]
    public async Task Help_describes_and_answers_0(string arguments, string expected)
    {
        var (code, output, error) = await ProgramRun.RunAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', output);
    }

    [Theory]
    [InlineData("nosuch", "Unrecognized command or argument 'nosuch'. See memstore --help.")]
    [InlineData("help nosuch", "help nosuch: there is no such command. See memstore --help.")]
    [InlineData("completion tcsh", "completion tcsh: one of bash, zsh, fish, pwsh is expected.")]
    [InlineData("ping --port 0", "--port 0: a number from 1 to 65535 is expected. See memstore --help.")]
    [InlineData("bench --clients many", "--clients many: a number from 1 to 10000 is expected. See memstore --help.")]
    [InlineData("bench --distribution normal", "--distribution normal: uniform or zipf is expected. See memstore --help.")]
    [InlineData("bench --keys 1000000000 --distribution zipf", "--keys 1000000000: zipf is drawn from at most 10000000 keys.")]
    [InlineData("bench --pipeline", "Required argument missing for option: '--pipeline'. See memstore --help.")]
    public async Task A_wrong_command_line_is_one_line_and_1(string arguments, string line) =>
        Assert.Equal((1, "", $"memstore: {line}\n"), await ProgramRun.RunAsync(arguments.Split(' ')));

    [Theory]
    [InlineData("version >/dev/full", "1 memstore: No space left on device.")]
    [InlineData("help serve >/dev/full", "1 memstore: No space left on device.")]
    [InlineData("version >&-", "1 memstore: Bad file descriptor.")]
    [InlineData("nosuch 2>/dev/full", "1 ")]
    [InlineData("nosuch 2>&-", "1 ")]
    [InlineData("ping --host ''", "1 memstore: --host '': it is neither a name nor an address.")]
    public async Task What_cannot_be_printed_or_reached_is_one_line_and_1(string arguments, string expected)
    {
        if (!File.Exists("/dev/full")) return;
        var (_, output, error) = await ProgramRun.RunAsync("bash", ["-c", $"dotnet \"$MEMSTORE_DLL\" {arguments}; echo $?"]);
        Assert.Equal(expected, $"{output.TrimEnd()} {error.TrimEnd()}");
    }

    [Theory]
    [InlineData("nosuch:1")]
    [InlineData("get:0")]
    [InlineData("get:-1")]
    [InlineData("get:1,get:2")]
    [InlineData("get:1,")]
    [InlineData("get:9999999999")]
    public async Task A_mix_that_is_none_is_one_line_and_1(string mix)
    {
        var (code, output, error) = await ProgramRun.RunAsync("bench", "--mix", mix);
        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith($"memstore: --mix {mix}: a list such as get:8,set:2 is expected, of ping, get, set, incr,", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_value_that_begins_with_an_at_sign_is_a_value() => Assert.Equal(
        (1, "", "memstore: 127.0.0.1:1: Connection refused.\n"),
        await ProgramRun.RunAsync("ping", "--password", "@/nowhere/at/all", "--port", "1"));

    [Fact]
    public async Task Ping_answers_0_and_PONG_or_1_and_the_reason()
    {
        var port = server.EndPoint.Port.ToString();
        var timeout = $"{ServerFixture.Patience.TotalSeconds}";
        Assert.Equal((0, "PONG\n", ""), await ProgramRun.RunAsync("ping", "--port", port, "--timeout", timeout));
        await using var closed = ServerFixture.Make(TimeProvider.System, ("requirepass", "secret"));
        await closed.StartAsync();
        port = ((System.Net.IPEndPoint)closed.EndPoints[0]).Port.ToString();
        Assert.Equal((1, "", $"memstore: 127.0.0.1:{port}: NOAUTH Authentication required.\n"), await ProgramRun.RunAsync("ping", "--port", port, "--timeout", timeout));
        Assert.Equal((0, "PONG\n", ""), await ProgramRun.RunAsync("ping", "--port", port, "--password", "secret", "--timeout", timeout));
        Assert.Equal(1, (await ProgramRun.RunAsync("ping", "--port", port, "--password", "wrong", "--timeout", timeout)).Code);
    }

    [Fact]
    public async Task Ping_finds_the_server_that_the_same_file_and_variables_make()
    {
        if (OperatingSystem.IsWindows()) return;
        await using var closed = ServerFixture.Make(TimeProvider.System, ("requirepass", "s\u00c3\u00a9cret"));
        await closed.StartAsync();
        var port = ((System.Net.IPEndPoint)closed.EndPoints[0]).Port;
        var folder = Directory.CreateTempSubdirectory("memstore-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "memstore.yaml"), $"port: {port}\nrequirepass: sécret\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder, "other.conf"), $"port {port}\nrequirepass wrong\n", TestContext.Current.CancellationToken);
        const string Script = """
            cd "$0"
            ping() { dotnet "$MEMSTORE_DLL" ping 2>&1; }
            ping
            MEMSTORE_CONFIG=other.conf ping
            MEMSTORE_CONFIG=other.conf MEMSTORE_REQUIREPASS=sécret ping
            """;
        var (_, output, error) = await ProgramRun.RunAsync("bash", ["-c", Script, folder]);
        Directory.Delete(folder, recursive: true);
        Assert.Equal("", error);
        Assert.Equal(["PONG", $"memstore: 127.0.0.1:{port}: WRONGPASS invalid username-password pair or user is disabled.", "PONG"], output.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("bash", "complete -o default -F _memstore_complete memstore")]
    [InlineData("zsh", "compdef _memstore_complete memstore")]
    [InlineData("fish", "complete -c memstore -a '(__memstore_complete)'")]
    [InlineData("pwsh", "Register-ArgumentCompleter -Native -CommandName memstore")]
    public async Task Completion_prints_a_script(string shell, string line)
    {
        var (code, output, error) = await ProgramRun.RunAsync("completion", shell);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(line, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bash_completes_commands_options_and_words()
    {
        if (OperatingSystem.IsWindows()) return;
        const string Script = """
            memstore() { dotnet "$MEMSTORE_DLL" "$@"; }
            eval "$(memstore completion bash)"
            try() {
              COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
              read -ra COMP_WORDS <<<"$1"
              [[ $1 != *' ' ]] || COMP_WORDS+=('')
              COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
              _memstore_complete
              echo "${COMPREPLY[@]}"
            }
            try 'memstore be'
            try 'memstore serve --tr'
            try 'memstore serve --transport '
            try 'memstore completion z'
            """;
        var (_, output, error) = await ProgramRun.RunAsync("bash", ["-c", Script]);
        Assert.Equal("", error);
        Assert.Equal(["bench", "--transaction-timeout --transport", "auto sockets uring", "zsh"], output.TrimEnd().Split('\n'));
    }
}
