using System.Globalization;
using System.Text;
using Memstore.Protocol;
using Memstore.Server.Commands;
using Memstore.Server.Sessions;

namespace Memstore.Server.Metrics;

/// <summary>A command that took long.</summary>
/// <param name="Id">Ascending from 0.</param>
/// <param name="UnixSeconds">When it ran.</param>
/// <param name="DurationUs">How long it took, in microseconds.</param>
/// <param name="Arguments">The first words of it, long ones cut.</param>
/// <param name="Address">The client's address.</param>
/// <param name="ClientName">The client's name.</param>
internal sealed record SlowCommand(long Id, long UnixSeconds, long DurationUs, byte[][] Arguments, string Address, string ClientName);

/// <summary>The commands that took longer than a setting says, the newest first. Thread-safe.</summary>
internal sealed class SlowLog(ServerState server)
{
    private const int ArgumentsMax = 32;
    private const int ArgumentSizeMax = 128;

    private readonly Lock _lock = new();
    private readonly LinkedList<SlowCommand> _commands = new();
    private long _nextId;

    /// <summary>How many are kept.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _commands.Count;
        }
    }

    /// <summary>The newest commands.</summary>
    public SlowCommand[] Newest(long count)
    {
        lock (_lock) return [.. _commands.Take((int)Math.Min(count, _commands.Count))];
    }

    /// <summary>Keeps a command.</summary>
    public void Add(Session session, Command row, in Request request, long durationUs)
    {
        var arguments = Copy(row, request);
        lock (_lock)
        {
            var seconds = server.Time.GetUtcNow().ToUnixTimeSeconds();
            _commands.AddFirst(new SlowCommand(_nextId++, seconds, durationUs, arguments, session.Address, session.Name ?? ""));
            TrimLocked();
        }
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        lock (_lock) _commands.Clear();
    }

    /// <summary>Forgets what is more than the setting allows.</summary>
    public void Trim()
    {
        lock (_lock) TrimLocked();
    }

    private void TrimLocked()
    {
        while (_commands.Count > server.Settings.SlowLogMax) _commands.RemoveLast();
    }

    // Redis keeps 32 words and 128 bytes of each, and says how much more there was; clients parse nothing of it.
    private static byte[][] Copy(Command row, in Request request)
    {
        var count = Math.Min(request.ArgumentCount, ArgumentsMax);
        var arguments = new byte[count][];
        for (var i = 0; i < count; i++) arguments[i] = Cut(Redaction.Hides(row, request, i) ? Redaction.Shown : request[i]);
        if (request.ArgumentCount > ArgumentsMax)
        {
            var more = request.ArgumentCount - ArgumentsMax + 1;
            arguments[^1] = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"... ({more} more arguments)"));
        }
        return arguments;
    }

    private static byte[] Cut(ReadOnlySpan<byte> argument)
    {
        if (argument.Length <= ArgumentSizeMax) return argument.ToArray();
        var more = string.Create(CultureInfo.InvariantCulture, $"... ({argument.Length - ArgumentSizeMax} more bytes)");
        return [.. argument[..ArgumentSizeMax], .. Encoding.ASCII.GetBytes(more)];
    }
}
