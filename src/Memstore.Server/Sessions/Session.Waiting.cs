namespace Memstore.Server.Sessions;

// A session that waits for something else than its client reads nothing, so it does not see the client leave: while it waits for a shard
// or a timer, while CLIENT PAUSE holds it back, while its replies wait for their commits. Housekeeping has it look now and then.
internal sealed partial class Session
{
    /// <summary>
    /// How often a waiting session must have seen its client's end before it gives the client up, about ten times a second. A client that
    /// only shut down its sending side looks the same as one that has left; so long its replies may take.
    /// </summary>
    private const int LooksMax = 10;

    private bool _isPaused;
    private int _looks;

    /// <summary>Whether it waits for anything but its client. Any thread may ask.</summary>
    private bool IsWaiting => _isParked || _isPaused || (_sent.IsWaiting && !_flushPending);

    /// <summary>Counts how long the client has been gone. On the owner.</summary>
    private void LookForClient()
    {
        if (!IsWaiting || !_connection.HasClientEnded) _looks = 0;
        else if (++_looks == LooksMax || _connection.Closed.IsCancellationRequested) Leave();
    }

    // The requests that have not begun are not run and nothing more is sent. What waits for a shard cannot be called back: it runs and
    // commits as if its client had left a moment later, and then the session ends.
    private void Leave()
    {
        _isBroken = true;
        CloseAfterReply();
        _connection.Abort("the client left while its session waited");
        if (_isPaused && (_server.Pause.Forget(this) || _server.Persistence?.Forget(this) == true)) _yielded.Set();
        if (TakeWork()) _resumed.Set();
        WakeSender();
    }
}
