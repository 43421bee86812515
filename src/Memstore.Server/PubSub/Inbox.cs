using Memstore.Protocol;
using Memstore.Server.Sessions;

namespace Memstore.Server.PubSub;

/// <summary>
/// What others send to a client: messages of channels and what MONITOR shows. Any thread adds; the session takes all at once, on its owner.
/// </summary>
internal sealed class Inbox(Session session)
{
    private readonly Lock _lock = new();
    private ReplyWriter? _waiting;
    private ReplyWriter? _taken;
    private int _protocol = 2;
    private bool _isPosted;
    private bool _isClosed;

    /// <summary>Bytes that wait.</summary>
    public long Size => _waiting?.Length ?? 0;

    /// <summary>Bytes that the buffers occupy.</summary>
    public long Capacity => (_waiting?.Capacity ?? 0) + (_taken?.Capacity ?? 0);

    /// <summary>The version of RESP in which messages are written from now on.</summary>
    public int Protocol
    {
        set
        {
            lock (_lock)
            {
                _protocol = value;
                if (_waiting is not null) _waiting.Protocol = value;
                if (_taken is not null) _taken.Protocol = value;
            }
        }
    }

    /// <summary>Adds a message: its kind, the pattern if it came by one, the channel and the payload.</summary>
    public void AddMessage(ReadOnlySpan<byte> kind, ReadOnlySpan<byte> pattern, bool hasPattern, ReadOnlySpan<byte> channel, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
        {
            if (_isClosed) return;
            var writer = WaitingLocked();
            writer.PushHeader(hasPattern ? 4 : 3);
            writer.Bulk(kind);
            if (hasPattern) writer.Bulk(pattern);
            writer.Bulk(channel);
            writer.Bulk(payload);
        }
        Added();
    }

    /// <summary>Adds a line that starts with '+'.</summary>
    public void AddLine(ReadOnlySpan<byte> line)
    {
        lock (_lock)
        {
            if (_isClosed) return;
            WaitingLocked().SimpleString(line);
        }
        Added();
    }

    /// <summary>Takes what waits, or null. The writer is the caller's until the next call.</summary>
    public ReplyWriter? Take()
    {
        // What is being added just now will be posted.
        if (!Volatile.Read(ref _isPosted)) return null;
        lock (_lock)
        {
            // First of all: a post that finds nothing must not keep later messages from being posted.
            _isPosted = false;
            if (_waiting is null or { Length: 0 }) return null;
            (_waiting, _taken) = (_taken, _waiting);
            return _taken;
        }
    }

    /// <summary>Takes nothing more and gives the buffers back. On the owner.</summary>
    public void Close()
    {
        lock (_lock)
        {
            DropLocked();
            _taken?.Dispose();
            _taken = null;
        }
    }

    private void DropLocked()
    {
        _isClosed = true;
        _waiting?.Dispose();
        _waiting = null;
    }

    private ReplyWriter WaitingLocked() => _waiting ??= new ReplyWriter { Protocol = _protocol };

    private void Added()
    {
        var isOver = session.CheckOutput();
        lock (_lock)
        {
            // Until the owner has had its turn to close the session, messages of others must not add up.
            if (isOver) DropLocked();
            if (_isPosted || _isClosed) return;
            _isPosted = true;
        }
        session.Connection.Post(static state => ((Session)state!).DeliverInbox(), session);
    }
}
