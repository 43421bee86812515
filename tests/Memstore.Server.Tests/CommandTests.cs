using System.Text;
using Memstore.Server.Tests.Conformance;
using Xunit;

namespace Memstore.Server.Tests;

/// <summary>
/// Tests that read like a session at a terminal: a command, and what it answers. At the start of each the data is empty and nobody else is
/// connected. With MEMSTORE_REDIS=host:port a real Redis is asked the same, and the bytes of both replies must be equal.
/// </summary>
public abstract class CommandTests(ServerFixture server) : IClassFixture<ServerFixture>, IAsyncLifetime
{
    private RespClient? _client;
    private RawConnection? _redis;

    /// <summary>The server under test.</summary>
    protected ServerFixture Server { get; } = server;

    /// <summary>The clock that the server and its deadlines follow.</summary>
    protected Microsoft.Extensions.Time.Testing.FakeTimeProvider Clock => Server.Clock;

    /// <summary>The connection of <see cref="Expect"/>.</summary>
    internal RespClient Client => _client ?? throw new InvalidOperationException("The test has not been initialised.");

    /// <summary>Whether a real Redis is asked too. Its clock cannot be moved.</summary>
    protected bool AsksRedis => _redis is not null;

    public async ValueTask InitializeAsync()
    {
        _client = await ConnectAsync();
        // The clients of the test before have left, but the server may not have noticed yet: they would be counted as subscribers, and listed.
        await _client.AskAsync("PING");
        await ServerFixture.UntilSessionsAsync(Server.Host, 1);
        await _client.AskAsync("FLUSHALL");
        if (ServerFixture.Redis is not { } redis) return;
        _redis = new RawConnection(redis);
        _redis.Ask("FLUSHALL");
    }

    public ValueTask DisposeAsync()
    {
        _client?.Dispose();
        _redis?.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>Another client.</summary>
    internal Task<RespClient> ConnectAsync() => ServerFixture.ConnectAsync(Server.Host);

    /// <summary>Runs a command and compares its reply: null, a number, a text, or an array of such.</summary>
    protected async Task Expect(string command, object? reply) => Check(reply, await Ask(command), command);

    /// <summary>Runs a command that answers several elements.</summary>
    protected Task ExpectArray(string command, params object?[] elements) => Expect(command, elements);

    /// <summary>Runs a command that answers an error.</summary>
    protected async Task ExpectError(string command, string error) =>
        Assert.Equal(error, Assert.IsType<RespError>(await Ask(command)).Text);

    /// <summary>Runs a command; its reply matters to Redis only.</summary>
    protected async Task<object?> Ask(string command)
    {
        var reply = await Client.AskAsync(command);
        if (_redis is null) return reply;
        _redis.Send(RespClient.Pipeline(command));
        Assert.Equal(_redis.ReadReply().ToString(), Quoting.Quote([.. Client.Raw]));
        return reply;
    }

    internal static void Check(object? expected, object? actual, string command)
    {
        switch (expected)
        {
            case int number:
                Assert.Equal((long)number, actual);
                break;
            case object?[] elements:
                var got = Assert.IsType<object?[]>(actual);
                Assert.True(elements.Length == got.Length, $"{command}: {elements.Length} elements expected, {got.Length} came.");
                for (var i = 0; i < elements.Length; i++) Check(elements[i], got[i], command);
                break;
            case byte[] bytes:
                Assert.Equal(Encoding.Latin1.GetString(bytes), actual);
                break;
            default:
                Assert.Equal(expected, actual);
                break;
        }
    }
}
