using System.Text;
using Memstore.Server.Configuration;
using Xunit;

namespace Memstore.Server.Tests.Configuration;

/// <summary>Files that no server can start with: one clear line each.</summary>
public sealed class BadFileTests : IDisposable
{
    private readonly ConfigurationFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("port: 1\nPort: 2", "a.yaml:2: Port is there twice.")]
    [InlineData("slave-priority: 1\nreplica-priority: 2", "a.yaml:2: replica-priority is there twice.")]
    [InlineData("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "a.yaml:2: b: aliases are not read here; write the value.")]
    [InlineData("port: *x", "a.yaml:1: port: aliases are not read here; write the value.")]
    [InlineData("port:\n  inner: 1", "a.yaml:2: port: a value is a text, a number, or a list of them.")]
    [InlineData("bind: [[a]]", "a.yaml:1: bind: a value is a text, a number, or a list of them.")]
    [InlineData("requirepass: [secret]", "a.yaml:1: requirepass: one value is expected and no list.")]
    [InlineData("- port", "a.yaml:1: a configuration is a list of lines such as port: 6379.")]
    [InlineData("port 6379", "a.yaml:1: a configuration is a list of lines such as port: 6379.")]
    [InlineData("? [a]\n: 1", "a.yaml:1: the name of a setting is expected.")]
    [InlineData("port: 1\n---\nport: 2", "a.yaml:2: a configuration is one document.")]
    public void Yaml_that_is_no_list_of_settings(string text, string message)
    {
        _folder.Write("a.yaml", text);
        Assert.Equal(message, _folder.Refusal("a.yaml"));
    }

    [Theory]
    [InlineData("port: \"6379")]
    [InlineData("port: 1: 2")]
    [InlineData("bind: [a, b")]
    [InlineData("port: !!a[b 1")]
    [InlineData("port: 1\nbind: [a[ b]")]
    [InlineData("%YAML 9.9\n---\nport: 1")]
    public void Yaml_that_is_none(string text)
    {
        _folder.Write("a.yaml", text);
        Assert.Matches(@"^a\.yaml:\d+: [^\n]+\.$", _folder.Refusal("a.yaml"));
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{")]
    [InlineData("a: [")]
    [InlineData("a: {b: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    public void Yaml_that_is_deep_costs_nothing(string repeated)
    {
        _folder.Write("a.yaml", string.Concat(Enumerable.Repeat(repeated, 100_000)));
        Assert.Matches(@"^a\.yaml:\d+: [^\n]{1,200}\.$", _folder.Refusal("a.yaml"));
    }

    [Theory]
    [InlineData("port \"1", "a.conf:1: the quotes of this line are not balanced.")]
    [InlineData("\n# x\nport '1'2", "a.conf:3: the quotes of this line are not balanced.")]
    [InlineData("port", "a.conf:1: port: wrong number of arguments.")]
    [InlineData("port 1 2", "a.conf:1: port: wrong number of arguments.")]
    [InlineData("requirepass secret # mine", "a.conf:1: requirepass: wrong number of arguments.")]
    [InlineData("logfile /var/log/my log", "a.conf:1: logfile: wrong number of arguments.")]
    [InlineData("port +1", "a.conf:1: port +1: argument couldn't be parsed into an integer.")]
    [InlineData("PORT x", "a.conf:1: port x: argument couldn't be parsed into an integer.")]
    [InlineData("save 900", "a.conf:1: save 900: Invalid save parameters.")]
    [InlineData("client-output-buffer-limit normal 1", "a.conf:1: client-output-buffer-limit normal 1: Wrong number of arguments in buffer limit configuration.")]
    [InlineData("include", "a.conf:1: include: wrong number of arguments.")]
    [InlineData("include {folder}/none.conf", "none.conf: there is no such file.")]
    [InlineData("include {folder}/a.conf", "a.conf:1: include: files include files more than 16 deep.")]
    [InlineData("include {folder}/a.conf\ninclude {folder}/a.conf", "a.conf:1: include: files include files more than 16 deep.")]
    [InlineData("hll-sparse-max-bytes x", "a.conf:1: hll-sparse-max-bytes x: argument must be a memory value.")]
    public void Directives_that_are_wrong(string text, string message)
    {
        _folder.Write("a.conf", text);
        Assert.Equal(message, _folder.Refusal("a.conf"));
    }

    [Theory]
    [InlineData("a.yaml")]
    [InlineData("a.conf")]
    [InlineData("a")]
    public void Files_that_are_no_text_or_too_large_or_not_there(string name)
    {
        Assert.Equal($"{name}: there is no such file.", _folder.Refusal(name));
        File.WriteAllBytes(_folder.PathOf(name), Encoding.Latin1.GetBytes("port: 1 # é"));
        Assert.Equal($"{name}: it is not text in UTF-8.", _folder.Refusal(name));
        File.WriteAllText(_folder.PathOf(name), "port: 1\0");
        Assert.Equal($"{name}: it is not text; there are zero bytes in it.", _folder.Refusal(name));
        File.WriteAllText(_folder.PathOf(name), new string('#', ConfigurationFile.BytesMax + 1));
        Assert.Equal($"{name}: a configuration file has at most 1048576 bytes.", _folder.Refusal(name));
        File.Delete(_folder.PathOf(name));
        Directory.CreateDirectory(_folder.PathOf(name));
        Assert.Equal($"{name}: it is a directory and not a file.", _folder.Refusal(name));
    }

    [Fact]
    public void A_file_that_this_user_may_not_read()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess) return;
        File.SetUnixFileMode(_folder.Write("a.conf", "port 1"), UnixFileMode.None);
        Assert.Equal("a.conf: this user may not read it.", _folder.Refusal("a.conf"));
    }

    [Theory]
    [InlineData("a.yaml", "port: 1\nbind: [127.0.0.1, \"::1\"]\nsave:\n  - 900 1\n# c\n? x\n: |\n  ab\nrequirepass: 'it''s'\n")]
    [InlineData("a.yaml", "%YAML 1.2\n---\n{a: &x !!str b, c: *x, <<: {d: e}}\n...\n")]
    [InlineData("a.conf", "port 1\nsave 900 1\nrequirepass \"a\\x41\"\nclient-output-buffer-limit normal 1 2 3\nbind * -::*\n")]
    public void Files_with_mistakes_are_read_or_refused_in_one_line(string name, string text)
    {
        const string Mistakes = " \t\n\r:#-[]{}?,&*!|>'\"%@`~\\\u0085\u2028\uFEFFa1.<=\u0007";
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var i = 0; i < 1_000; i++)
        {
            var wrong = new StringBuilder(text);
            for (var mistakes = random.Next(1, 8); mistakes > 0; mistakes--)
            {
                var at = random.Next(wrong.Length);
                if (random.Next(2) == 0) wrong.Remove(at, 1);
                if (random.Next(3) > 0) wrong.Insert(at, Mistakes[random.Next(Mistakes.Length)]);
            }

            _folder.Write(name, wrong.ToString());
            try
            {
                _folder.Load(name);
            }
            catch (ConfigurationException error)
            {
                Assert.DoesNotContain('\n', error.Message);
            }
            catch (Exception error)
            {
                Assert.Fail($"Seed {seed}, {wrong}: {error}");
            }
        }
    }

    [Fact]
    public void Endless_files_are_not_read_to_their_end()
    {
        if (!File.Exists("/dev/zero")) return;
        Assert.Equal(
            "/dev/zero: a configuration file has at most 1048576 bytes.",
            Assert.Throws<ConfigurationException>(() => ConfigurationFile.Open("/dev/zero")).Message);
    }
}
