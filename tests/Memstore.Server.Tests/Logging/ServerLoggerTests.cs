using System.Text.Json;
using System.Text.RegularExpressions;
using Memstore.Server.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Memstore.Server.Tests.Logging;

/// <summary>What a line of the log looks like, which lines there are, and where they go.</summary>
public sealed class ServerLoggerTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 23, 1, 6, 27, 39, TimeSpan.Zero));
    private readonly StringWriter _error = new();
    private readonly Settings _settings = new();

    [Fact]
    public void A_plain_line_is_process_role_date_level_message()
    {
        var log = new ServerLogger(_settings, _clock, _error);
        ServerLog.Saved(log, "image-1", 3, 200, 0.5);
        ServerLog.SaveFailed(log, null, "no room");
        Assert.Equal(
            [$"{Environment.ProcessId}:M 23 Nov 2026 01:06:27.039 * Wrote image-1: 3 keys, 200 bytes in 0.500 seconds.", $"{Environment.ProcessId}:M 23 Nov 2026 01:06:27.039 # No image could be written: no room"],
            Lines());
    }

    [Fact]
    public void A_JSON_line_has_the_values_by_name_and_the_exception()
    {
        Set("log-format", "json");
        var log = new ServerLogger(_settings, _clock, _error);
        ServerLog.Saved(log, "im\"age", 3, 200, 0.5);
        ServerLog.CommandFailed(log, new InvalidOperationException("bro\nken"), 7, "get");
        var saved = JsonDocument.Parse(Lines()[0]).RootElement;
        Assert.Equal(("2026-11-23T01:06:27.039Z", "notice", 106), (saved.GetProperty("time").GetString(), saved.GetProperty("level").GetString(), saved.GetProperty("event").GetInt32()));
        Assert.Equal("Wrote im\"age: 3 keys, 200 bytes in 0.500 seconds.", saved.GetProperty("message").GetString());
        var values = saved.GetProperty("values");
        Assert.Equal((3, 0.5, "im\"age"), (values.GetProperty("Keys").GetInt64(), values.GetProperty("Seconds").GetDouble(), values.GetProperty("Name").GetString()));
        var failed = JsonDocument.Parse(Lines()[1]).RootElement;
        Assert.Equal("warning", failed.GetProperty("level").GetString());
        Assert.Contains("bro\nken", failed.GetProperty("exception").GetString(), StringComparison.Ordinal);
        Assert.Equal(2, Lines().Length);
    }

    [Fact]
    public void What_a_client_sends_cannot_look_like_another_line()
    {
        ServerLog.FromClient(new ServerLogger(_settings, _clock, _error), "a\r\n1:M 01 Jan 2026 00:00:00.000 * faked\u001b[2J");
        Assert.EndsWith(" * a\\x0d\\x0a1:M 01 Jan 2026 00:00:00.000 * faked\\x1b[2J", Assert.Single(Lines()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("debug", ".-*#")]
    [InlineData("verbose", "-*#")]
    [InlineData("notice", "*#")]
    [InlineData("warning", "#")]
    public void Each_level_shows_itself_and_what_is_worse(string level, string shown)
    {
        Set("loglevel", level);
        var log = new ServerLogger(_settings, _clock, _error);
        foreach (var each in new[] { LogLevel.Trace, LogLevel.Debug, LogLevel.Information, LogLevel.Warning, LogLevel.None }) log.Log(each, default, "text", null, static (text, _) => text);
        Assert.Equal(shown, string.Concat(Lines().Select(static line => Regex.Match(line, @"\.039 (.) text$").Groups[1].Value)));
    }

    [Fact]
    public async Task Level_and_format_change_while_the_server_runs()
    {
        var log = new ServerLogger(_settings, _clock, _error);
        Set("data", "none");
        await using var host = new ServerHost(_settings, _clock, log);
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.False(log.IsEnabled(LogLevel.Debug));
        Assert.Equal("OK", await client.AskAsync("CONFIG SET loglevel debug log-format json"));
        Assert.True(log.IsEnabled(LogLevel.Trace));
        ServerLog.FromClient(log, "hello");
        Assert.Equal("hello", JsonDocument.Parse(Assert.Single(Lines(), static line => line.Contains("hello", StringComparison.Ordinal))).RootElement.GetProperty("message").GetString());
        Assert.Equal("OK", await client.AskAsync("CONFIG SET loglevel warning"));
        Assert.False(log.IsEnabled(LogLevel.Information));
    }

    [Fact]
    public async Task A_client_that_asks_for_what_cannot_be_done_is_a_line()
    {
        Set("data", "none");
        await using var host = new ServerHost(_settings, _clock, new ServerLogger(_settings, _clock, _error));
        using var client = ServerFixture.ConnectInMemory(host);
        Assert.Equal("OK", await client.AskAsync("CONFIG SET maxmemory-policy allkeys-lru maxmemory 1gb"));
        Assert.EndsWith(" # Configuration: maxmemory-policy allkeys-lru: nothing is evicted; writes are refused at maxmemory.", Assert.Single(Lines()), StringComparison.Ordinal);
        Assert.Equal("OK", await client.AskAsync("CONFIG SET maxmemory-policy noeviction"));
        Assert.Single(Lines());
    }

    [Fact]
    public void A_file_is_appended_to_and_may_be_moved_away()
    {
        var folder = Directory.CreateTempSubdirectory("memstore-");
        var path = Path.Combine(folder.FullName, "server.log");
        File.WriteAllText(path, "before\n");
        Set("logfile", path);
        var log = new ServerLogger(_settings, _clock, _error);
        ServerLog.FromClient(log, "one");
        File.Move(path, path + ".1");
        ServerLog.FromClient(log, "two");
        Assert.Equal(["before", $"{Environment.ProcessId}:M 23 Nov 2026 01:06:27.039 * one"], File.ReadAllLines(path + ".1"));
        Assert.EndsWith(" * two", Assert.Single(File.ReadAllLines(path)), StringComparison.Ordinal);
        Assert.Empty(Lines());
        folder.Delete(recursive: true);
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_said_once_and_the_log_goes_to_standard_error()
    {
        Set("logfile", "/nowhere/at/all/server.log");
        var log = new ServerLogger(_settings, _clock, _error);
        ServerLog.FromClient(log, "one");
        ServerLog.FromClient(log, "two");
        Assert.Equal(3, Lines().Length);
        Assert.Contains(" # The log goes to standard error until its file can be written: ", Lines()[0], StringComparison.Ordinal);
        Assert.EndsWith(" * two", Lines()[2], StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_can_be_written_again_has_the_log_from_then_on()
    {
        var folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var path = Path.Combine(folder, "server.log");
        Set("logfile", path);
        var log = new ServerLogger(_settings, _clock, _error);
        ServerLog.FromClient(log, "one");
        Directory.CreateDirectory(folder);
        ServerLog.FromClient(log, "two");
        Assert.EndsWith(" * two", Assert.Single(File.ReadAllLines(path)), StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
        ServerLog.FromClient(log, "three");
        Assert.Equal(4, Lines().Length);
        Assert.EndsWith(" * three", Lines()[3], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/nowhere/at/all/server.log")]
    public void A_line_that_cannot_be_written_anywhere_is_lost_and_later_ones_are_not(string file)
    {
        Set("logfile", file);
        var error = new FullWriter();
        var log = new ServerLogger(_settings, _clock, error);
        ServerLog.FromClient(log, "one");
        error.IsFull = false;
        ServerLog.FromClient(log, "two");
        Assert.EndsWith(" * two", Assert.Single(error.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    public void Dispose() => _error.Dispose();

    private string[] Lines() => _error.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    private void Set(string name, string value) => Assert.True(_settings.TrySetAtStart(name, value, out var error), error);

    /// <summary>Standard error on a disk that is full.</summary>
    private sealed class FullWriter : StringWriter
    {
        public bool IsFull { get; set; } = true;

        public override void WriteLine(string? value)
        {
            if (IsFull) throw new IOException("No space left on device");
            base.WriteLine(value);
        }
    }
}
