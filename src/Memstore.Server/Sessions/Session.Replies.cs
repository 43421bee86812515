using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Memstore.Engine.Journaling;
using Memstore.Server.Configuration;

namespace Memstore.Server.Sessions;

// Sending: replies and pushed messages to the pipe, replies held back until their commits are safe, and the limits on what waits.
internal sealed partial class Session
{
    /// <summary>What is handed to the pipe at once, in bytes.</summary>
    private const int SliceSize = 256 * 1024;

    /// <summary>Held replies above which the session stops running commands, in bytes.</summary>
    private const int HeldSizeMax = 1024 * 1024;

    /// <summary>What may wait for a client that has not authenticated, in bytes (CVE-2025-21605).</summary>
    private const int UnauthenticatedOutputMax = 64 * 1024;

    private readonly Action _onFlushed;
    private readonly Queue<HeldReply> _held = new();
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _flush;
    private bool _flushPending;
    private int _sentLength;
    private bool _isSlicing;
    private bool _isBroken;
    private bool _isAwaitingSafe;
    private long _softLimitSince;

    /// <summary>A reply that waits for its commit: it starts at <paramref name="Start"/> of what was written.</summary>
    private readonly record struct HeldReply(long Position, int Start, int Length);

    /// <summary>Bytes of requests that have arrived and not been run.</summary>
    public long QueryBufferSize { get; private set; }

    /// <summary>Bytes that wait to be sent, those in the pipe included.</summary>
    public long OutputSize => Math.Max(0, _reply.Length - _sentLength) + Inbox.Size + _connection.UnsentBytes;

    /// <summary>Bytes that this session's own buffers occupy.</summary>
    public long BufferSize => _reply.Capacity + Inbox.Capacity + QueryBufferSize + (_queue?.Size ?? 0);

    /// <summary>Replies must leave before more are made.</summary>
    private bool MustWaitToSend => !_isBroken && (_flushPending || _reply.Length - _sentLength > HeldSizeMax);

    private async ValueTask SentAsync()
    {
        while (MustWaitToSend) await _sent.WaitAsync().ConfigureAwait(false);
    }

    private async ValueTask SendEverythingAsync()
    {
        Send();
        while (!_isBroken && (_flushPending || _reply.Length > _sentLength)) await _sent.WaitAsync().ConfigureAwait(false);
    }

    /// <summary>Gives the pipe what may leave. On the owner, between commands.</summary>
    private void Send()
    {
        if (_held.Count > 0 && !_isAwaitingSafe) AwaitSafe();
        while (!_flushPending && !_isSlicing && !_isBroken)
        {
            var releasable = Releasable();
            if (releasable > SliceSize && _sentLength == 0 && _held.Count == 0 && releasable == _reply.Length && _connection.TryTakeOver(_reply))
            {
                _server.Metrics.CountOutput(releasable);
                CheckOutput();
                releasable = 0;
            }
            var size = Math.Min(releasable - _sentLength, SliceSize);
            if (size > 0)
            {
                _connection.Output.Write(_reply.WrittenSpan.Slice(_sentLength, size));
                _sentLength += size;
            }
            if (_sentLength == _reply.Length)
            {
                _reply.Clear();
                _sentLength = 0;
                if (!_isRunning || _next == _batch.Count) size += MoveInbox();
            }
            if (size == 0) return;
            _server.Metrics.CountOutput(size);
            Flush();
            if (!_flushPending && _sentLength > 0 && _sentLength < releasable) SendRestLater();
        }
        CheckOutput();
    }

    // A reply of many megabytes leaves in slices, so that the owner's other sessions get their turns in between.
    private void SendRestLater()
    {
        _isSlicing = true;
        _connection.Post(static state => ((Session)state!).SendRest(), this);
    }

    private void SendRest()
    {
        _isSlicing = false;
        Send();
        if (!MustWaitToSend) WakeSender();
    }

    // Pushed messages follow the replies of the batch; a session between two batches sends them at once.
    private int MoveInbox()
    {
        if (Inbox.Take() is not { Length: > 0 } messages) return 0;
        _connection.Output.Write(messages.WrittenSpan);
        var size = messages.Length;
        messages.Clear();
        return size;
    }

    /// <summary>Puts the messages that have come so far before the reply that is being written. In a command of this session.</summary>
    internal void TakeMessages()
    {
        if (Inbox.Take() is not { } messages) return;
        _reply.Raw(messages.WrittenSpan);
        messages.Clear();
    }

    /// <summary>Messages have come; called on the owner.</summary>
    internal void DeliverInbox()
    {
        if (!_isRunning) Send();
    }

    private void Flush()
    {
#pragma warning disable CA2012 // The awaiter is asked once, here or when it completes.
        _flush = _connection.Output.FlushAsync().ConfigureAwait(false).GetAwaiter();
#pragma warning restore CA2012
        if (_flush.IsCompleted)
        {
            EndFlush();
            return;
        }
        _flushPending = true;
        _flush.UnsafeOnCompleted(_onFlushed);
    }

    private void FlushEnded()
    {
        _flushPending = false;
        EndFlush();
        Send();
        if (!MustWaitToSend) WakeSender();
    }

    private void WakeSender()
    {
        if (_sent.IsWaiting) _sent.Set();
    }

    private void EndFlush()
    {
        var result = _flush.GetResult();
        if (!result.IsCompleted && !result.IsCanceled) return;
        _isBroken = true;
        CloseAfterReply();
        WakeSender();
    }

    // ---- Replies that wait for their commits -----------------------------------------------------------------------

    // What a reply tells depends on this position of the log.
    private void HoldReply(long position)
    {
        if (_server.CommitLog is not { } log) return;
        _lastPosition = Math.Max(_lastPosition, position);
        var level = Durability;
        if (level != Durability.Always)
        {
            if (level == Durability.EverySecond) _server.Persistence?.SyncSoon();
            return;
        }
        if (log.SafePosition(level) < position) _held.Enqueue(new HeldReply(position, _replyStart, _reply.Length - _replyStart));
    }

    // One wait for all that a batch holds back: the group that makes its last commit safe makes the others safe.
    private void AwaitSafe()
    {
        _isAwaitingSafe = true;
        _server.CommitLog!.WhenSafe(_lastPosition, Durability.Always, static (state, isSafe) =>
        {
            var session = (Session)state!;
            if (isSafe) session._connection.Post(static state => ((Session)state!).ReleaseHeld(), session);
            else session._connection.Post(static state => ((Session)state!).FailHeld(), session);
        }, this);
    }

    private void ReleaseHeld()
    {
        _isAwaitingSafe = false;
        var safe = _server.CommitLog!.SafePosition(Durability.Always);
        while (_held.TryPeek(out var reply) && reply.Position <= safe) _held.Dequeue();
        if (!_isRunning) Send();
        if (!MustWaitToSend) WakeSender();
    }

    // The commits were visible and can never become durable: nobody may take them for kept.
    private void FailHeld()
    {
        _isAwaitingSafe = false;
        if (!_held.TryPeek(out var first) || _isBroken) return;
        if (_isRunning)
        {
            // A command is writing behind what is held, which so cannot be cut off: nothing more is sent.
            _isBroken = true;
            CloseAfterReply();
            _connection.Abort("a commit could not be made durable");
            WakeSender();
            return;
        }

        _held.Clear();
        _reply.Truncate(Math.Max(first.Start, _sentLength));
        _reply.Error(SessionErrors.OutcomeUnknown);
        CloseAfterReply();
        Send();
        _connection.Input.CancelPendingRead();
        WakeSender();
    }

    private int Releasable() => _held.TryPeek(out var reply) ? Math.Max(_sentLength, reply.Start) : _reply.Length;

    // ---- Limits ----------------------------------------------------------------------------------------------------

    /// <summary>Ends the connection of a client that does not take what it is sent, and says whether it did. Any thread may call.</summary>
    internal bool CheckOutput()
    {
        var limits = _server.Settings.OutputLimits;
        var limit = Is(SessionState.Subscriber | SessionState.Monitor) ? limits.PubSub : limits.Normal;
        var size = OutputSize;
        if (size == 0) return false;
        if (Is(SessionState.Unauthenticated) && size > UnauthenticatedOutputMax) limit = limit with { Hard = UnauthenticatedOutputMax };
        if (!IsOver(limit, size)) return false;
        Kill("it exceeds the limit on output that waits");
        return true;
    }

    private bool IsOver(OutputLimit limit, long size)
    {
        if (limit.Hard > 0 && size > limit.Hard) return true;
        if (limit.Soft == 0 || size <= limit.Soft)
        {
            Volatile.Write(ref _softLimitSince, 0);
            return false;
        }
        var now = Environment.TickCount64;
        var since = Volatile.Read(ref _softLimitSince);
        if (since == 0) Volatile.Write(ref _softLimitSince, now);
        return since != 0 && now - since > limit.SoftSeconds * 1000L;
    }
}
