using System.Buffers;
using System.Globalization;
using System.Text;
using Memstore.Protocol;
using Memstore.Server.Commands;
using Memstore.Server.Metrics;
using Memstore.Server.Sessions;

namespace Memstore.Server.PubSub;

/// <summary>The sessions that see what all others run (MONITOR). Thread-safe.</summary>
internal sealed class Monitors(ServerState server)
{
    private readonly Lock _lock = new();
    private Session[] _sessions = [];

    /// <summary>Whether somebody monitors.</summary>
    public bool Any => Volatile.Read(ref _sessions).Length > 0;

    /// <summary>Begins to show commands to a session.</summary>
    public void Add(Session session)
    {
        lock (_lock)
        {
            if (_sessions.Contains(session)) return;
            _sessions = [.. _sessions, session];
        }
        session.Set(SessionState.Monitor, true);
        server.Show(ServerStates.Monitored, true);
    }

    /// <summary>Ends it.</summary>
    public void Remove(Session session)
    {
        if (!session.Is(SessionState.Monitor)) return;
        session.Set(SessionState.Monitor, false);
        lock (_lock)
        {
            _sessions = [.. _sessions.Where(other => other != session)];
            server.Show(ServerStates.Monitored, _sessions.Length > 0);
        }
    }

    /// <summary>Shows a request of a command.</summary>
    public void Feed(Session from, Command row, in Request request)
    {
        // 1339518083.107412 [0 127.0.0.1:60866] "keys" "*"
        var line = new ArrayBufferWriter<byte>(256);
        var us = (server.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / 10;
        line.Write(Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"{us / 1_000_000}.{us % 1_000_000:d6} [{from.Database} {from.Address}]")));
        for (var i = 0; i < request.ArgumentCount; i++) Quote(line, Redaction.Hides(row, request, i) ? Redaction.Shown : request[i]);
        foreach (var session in Volatile.Read(ref _sessions)) session.Inbox.AddLine(line.WrittenSpan);
    }

    private static void Quote(ArrayBufferWriter<byte> line, ReadOnlySpan<byte> argument)
    {
        line.Write(" \""u8);
        foreach (var value in argument)
        {
            switch (value)
            {
                case (byte)'\\' or (byte)'"':
                    line.Write([(byte)'\\', value]);
                    break;
                case (byte)'\n':
                    line.Write("\\n"u8);
                    break;
                case (byte)'\r':
                    line.Write("\\r"u8);
                    break;
                case (byte)'\t':
                    line.Write("\\t"u8);
                    break;
                case 7:
                    line.Write("\\a"u8);
                    break;
                case 8:
                    line.Write("\\b"u8);
                    break;
                case >= 0x20 and < 0x7f:
                    line.Write([value]);
                    break;
                default:
                    line.Write([(byte)'\\', (byte)'x', HexOf(value >> 4), HexOf(value & 15)]);
                    break;
            }
        }
        line.Write("\""u8);
    }

    private static byte HexOf(int digit) => (byte)(digit < 10 ? '0' + digit : 'a' + digit - 10);
}
