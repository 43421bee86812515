using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Memstore.Histories.Resp;

namespace Memstore.Crash;

/// <summary>
/// A client that counts up: its n-th step writes n in some way of its own. After a crash the data must show one n for all that a step writes,
/// not below the last that was acknowledged and not above the last that was sent.
/// </summary>
internal abstract class Worker(string name, string durability)
{
    /// <summary>The name that its keys carry.</summary>
    public string Name { get; } = name;

    /// <summary>The last step that was sent.</summary>
    public long Sent { get; protected set; }

    /// <summary>The last step that was acknowledged.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Steps acknowledged with their moments, newest last; only the last few seconds.</summary>
    private readonly Queue<(long Step, DateTime At)> _recent = new();

    /// <summary>Whether every acknowledged step must be there, or only those older than a second.</summary>
    protected bool IsAlways => durability == "always";

    /// <summary>Steps until the connection breaks or it is told to stop.</summary>
    public async Task RunAsync(EndPoint endPoint, CancellationToken stop)
    {
        try
        {
            await using var connection = await RespConnection.ConnectAsync(endPoint, stop);
            Expect(durability, await AskAsync(connection, "CLIENT", "DURABILITY", durability));
            while (!stop.IsCancellationRequested)
            {
                if (!await StepAsync(connection, ++Sent)) continue;
                Acknowledged = Sent;
                _recent.Enqueue((Sent, DateTime.UtcNow));
                while (_recent.Count > 100_000) _recent.Dequeue();
            }
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException or OperationCanceledException)
        {
            // The server is gone: what was sent last may or may not have happened.
        }
    }

    /// <summary>Checks what is there, and takes it as the new truth.</summary>
    /// <exception cref="WrongDataException">It is not what must be there.</exception>
    public async Task VerifyAsync(RespConnection connection, DateTime killedAt)
    {
        var least = Acknowledged;
        if (!IsAlways)
        {
            least = 0;
            foreach (var (step, at) in _recent)
            {
                if (killedAt - at > TimeSpan.FromSeconds(1)) least = step;
            }

            least = Math.Max(least, Verified);
        }

        var found = await FindAsync(connection);
        if (found < least || found > Sent)
            throw new WrongDataException($"{Name}: step {found} is there; {least} was acknowledged ({durability}), {Sent} was sent last");
        Verified = Acknowledged = Sent = found;
        _recent.Clear();
    }

    /// <summary>The step that was there after the last crash.</summary>
    protected long Verified { get; private set; }

    /// <summary>Makes the n-th step; false if it had no effect and says so.</summary>
    protected abstract Task<bool> StepAsync(RespConnection connection, long step);

    /// <summary>The step that the data shows.</summary>
    /// <exception cref="WrongDataException">It shows several.</exception>
    protected abstract Task<long> FindAsync(RespConnection connection);

    protected static async Task<RespReply> AskAsync(RespConnection connection, params string[] words)
    {
        connection.Command(words);
        await connection.FlushAsync();
        return await connection.ReadAsync();
    }

    protected static void Expect(string text, RespReply reply)
    {
        if (reply.Kind is RespKind.Error or RespKind.Nil || reply.Text != text) throw new WrongDataException($"{text} was expected, not {reply.Kind} {reply.Text}");
    }

    protected static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    protected static long Number(RespReply reply) => reply.Kind switch
    {
        RespKind.Nil => 0,
        RespKind.Integer => reply.Integer,
        RespKind.Bulk => long.Parse(reply.Text, CultureInfo.InvariantCulture),
        _ => throw new WrongDataException($"a number was expected, not {reply.Kind} {reply.Text}"),
    };

    /// <summary>The number that all replies show.</summary>
    protected long Same(IReadOnlyList<RespReply> replies)
    {
        var first = Number(replies[0]);
        if (replies.Any(reply => Number(reply) != first))
            throw new WrongDataException($"{Name}: half of a transaction is there: {string.Join(' ', replies.Select(Number))}");
        return first;
    }
}

/// <summary>The data is not what must be there.</summary>
internal sealed class WrongDataException(string message) : Exception(message);
