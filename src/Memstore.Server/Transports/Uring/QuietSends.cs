namespace Memstore.Server.Transports.Uring;

/// <summary>The sends of this turn that make a completion only if they fail.</summary>
// A short reply goes into the socket's own buffer while it is submitted. Its completion would say nothing new, but it would be there at
// once, so the thread could not sleep in the same system call: it would come back for the completions of its sends and sleep in a second
// call. Such a send is submitted with MSG_DONTWAIT (it ends during the submission, whatever happens), MSG_WAITALL (taken in part counts
// as failed) and CQE_SKIP_SUCCESS. So when the call has returned, a send that has left no completion has been taken whole.
// Threading: the ring's thread.
internal sealed class QuietSends(Ring ring, bool isWanted)
{
    /// <summary>Longer sends are likelier to find no room; they wait for it inside the kernel.</summary>
    public const int SizeMax = 64 * 1024;

    private bool _isWanted = isWanted && ring.CanSkipCompletions;
    private UringConnection[] _submitted = new UringConnection[64];
    private UringConnection[] _settling = new UringConnection[64];
    private int _count;

    /// <summary>Notes a send that is about to be submitted; false if it has to be an ordinary one.</summary>
    public bool TryAdd(UringConnection connection)
    {
        // Failures must find room among the completions: one that waits in the kernel for room would be taken for a success.
        if (!_isWanted || ring.OperationCount > ring.CompletionCapacity / 2)
            return false;
        if (_count == _submitted.Length)
            Array.Resize(ref _submitted, _count * 2);
        _submitted[_count++] = connection;
        return true;
    }

    /// <summary>Whether somebody waits for the end of one of the sends that are about to be submitted: nothing would wake the thread for it.</summary>
    public bool AnyIsAwaited
    {
        get
        {
            foreach (var connection in _submitted.AsSpan(0, _count))
            {
                if (connection.AwaitsSend)
                    return true;
            }
            return false;
        }
    }

    /// <summary>From now on all sends are ordinary ones.</summary>
    public void Stop() => _isWanted = false;

    /// <summary>
    /// The connections whose sends are over: after a call that submits, before completions are taken. Those that failed are told to wait
    /// for their completion. The result is good until the next call.
    /// </summary>
    public Span<UringConnection> Settle(UringConnection?[] connections)
    {
        if (_count == 0 || ring.HoldsBack)
            return [];
        for (var i = 0u; i < ring.ReadyCount; i++)
        {
            var userData = ring.Peek(i).UserData;
            if ((OperationKind)(byte)userData == OperationKind.Send)
                connections[(int)(userData >> UringLoop.KindBits)]!.KeepSendOpen();
        }
        // The end of a send lets the next one of its connection begin, which belongs to the next call.
        (_submitted, _settling) = (_settling, _submitted);
        var count = _count;
        _count = 0;
        return _settling.AsSpan(0, count);
    }
}
