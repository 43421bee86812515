using System.Diagnostics;
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

    /// <summary>
    /// The newest moment, of all workers, at which a step was sent that changed something and was acknowledged at level always. Whatever had been acknowledged
    /// before that moment, at whatever level, stands before the step in the journal, so it is as safe.
    /// </summary>
    private static long SafeBefore;

    /// <summary>Steps acknowledged in this round with their moments, newest last.</summary>
    private readonly Queue<(long Step, long At)> _recent = new();

    // Every acknowledged step must be there; or else those that a step of another worker has made safe. How old they are says nothing: who writes the
    // journal every tenth of a second may have been kept from it for longer, by a busy processor or a slow disk.
    private bool IsAlways => durability == "always";

    /// <summary>Whether a step that is acknowledged has changed something.</summary>
    protected virtual bool Writes => true;

    /// <summary>Steps until the connection breaks or it is told to stop.</summary>
    public async Task RunAsync(EndPoint endPoint, CancellationToken stop)
    {
        try
        {
            await using var connection = await RespConnection.ConnectAsync(endPoint, stop);
            Expect(durability, await AskAsync(connection, "CLIENT", "DURABILITY", durability));
            while (!stop.IsCancellationRequested)
            {
                var sentAt = Stopwatch.GetTimestamp();
                if (!await StepAsync(connection, ++Sent)) continue;
                Acknowledged = Sent;
                if (!IsAlways) _recent.Enqueue((Sent, Stopwatch.GetTimestamp()));
                else if (Writes) NoteSafe(sentAt);
            }
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException or OperationCanceledException)
        {
            // The server is gone: what was sent last may or may not have happened.
        }
    }

    /// <summary>Checks what is there, and takes it as the new truth.</summary>
    /// <exception cref="WrongDataException">It is not what must be there.</exception>
    public async Task VerifyAsync(RespConnection connection)
    {
        var least = Acknowledged;
        if (!IsAlways)
        {
            least = Verified;
            foreach (var (step, at) in _recent)
            {
                if (at < SafeBefore) least = step;
            }
        }

        var found = await FindAsync(connection);
        if (found < least || found > Sent)
            throw new WrongDataException($"{Name}: step {found} is there; {least} was safe ({durability}), {Sent} was sent last");
        Verified = Acknowledged = Sent = found;
        _recent.Clear();
    }

    private static void NoteSafe(long sentAt)
    {
        var seen = Volatile.Read(ref SafeBefore);
        while (sentAt > seen)
        {
            var now = Interlocked.CompareExchange(ref SafeBefore, sentAt, seen);
            if (now == seen) return;
            seen = now;
        }
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
