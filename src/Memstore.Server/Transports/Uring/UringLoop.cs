using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.Transports.Uring;

/// <summary>What a completion is about; the low byte of what an operation carries.</summary>
internal enum OperationKind : byte
{
    None = 0,
    Receive = 1,
    Send = 2,
    Accept = 3,
    Wake = 4,
}

/// <summary>A thread with a ring: it owns connections and runs everything that belongs to them.</summary>
// One turn: take the completions that are there (sessions run inside), run the callbacks that were posted before the turn, then one
// system call that submits all the turn has asked for and sleeps if there is nothing to do. A callback posted meanwhile waits for the
// next turn, so neither a busy session nor a flood of posts keeps the others out. A turn that has lasted 200 us leaves the rest to the next.
// Threading: the loop's own thread, except Post, PostAfter, IsCurrent, ConnectionCount, Start and StopAsync.
internal sealed class UringLoop
{
    /// <summary>How many of the bits that an operation carries tell its kind; the rest is whose it is.</summary>
    public const int KindBits = 8;

    private const uint SubmissionEntries = 1024;
    private const uint CompletionEntries = 8192;

    // After this long a turn submits what it has and goes on in the next. Looked at every few sessions, each of which may take 200 us.
    private const int SessionsPerLook = 2;
    private static readonly long TurnTicksMax = System.Diagnostics.Stopwatch.Frequency / 5_000;

    // Fixed after construction, the ring's parts after the thread's start.
    private readonly TransportOptions _options;
    private readonly UringFeatures _features;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private readonly TaskCompletionSource<string?> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _emptied = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Ring _ring = null!;
    private BufferRing _buffers = null!;
    private int _wakeDescriptor;
    private NativeBlock _wakeCount = null!;

    // Shared: any thread posts, the loop takes.
    private readonly ConcurrentQueue<PostedCallback> _inbox = new();
    private int _isSleeping;
    private int _connectionCount;

    // Changed by the loop's thread.
    private readonly List<UringAcceptor> _acceptors = [];
    private readonly Stack<int> _freeSlots = new();
    private UringConnection?[] _connections = new UringConnection?[64];
    private int _usedSlots;
    private TurnClock _turn;
    private bool _isStopping;
    private bool _isExiting;

    public UringLoop(int index, TransportOptions options, UringFeatures features, ILogger logger)
    {
        _features = features;
        _options = options;
        _logger = logger;
        _turn = new TurnClock(options.Turns);
        _thread = new Thread(Run) { IsBackground = true, Name = $"memstore-ring-{index}" };
    }

    public Ring Ring => _ring;

    public BufferRing Buffers => _buffers;

    public FileTable Files { get; private set; } = null!;

    public QuietSends QuietSends { get; private set; } = null!;

    public BlockPool Blocks { get; } = new();

    public bool IsCurrent => Environment.CurrentManagedThreadId == _thread.ManagedThreadId;

    /// <summary>Whether a feature is used if the kernel has it.</summary>
    public bool Has(UringFeatures feature) => (_features & feature) != 0;

    /// <summary>Connections that are here or on their way here.</summary>
    public int ConnectionCount => Volatile.Read(ref _connectionCount);

    /// <summary>Starts the thread; the result is null, or the reason why it could not make its ring.</summary>
    public Task<string?> Start()
    {
        _thread.Start();
        return _started.Task;
    }

    /// <summary>Runs a callback on the loop's thread, in order of posting, never inside this call.</summary>
    public void Post(Action<object?> callback, object? state)
    {
        _inbox.Enqueue(new PostedCallback(callback, state));
        // Either the loop sees the callback when it looks again before sleeping, or we see here that it sleeps.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _isSleeping) != 0 && Interlocked.Exchange(ref _isSleeping, 0) != 0)
            KernelCalls.Signal(_wakeDescriptor);
    }

    /// <summary>Runs a callback on the loop's thread after a while. For rare things; it allocates.</summary>
    public void PostAfter(TimeSpan delay, Action<object?> callback) =>
        Task.Delay(delay).ContinueWith(_ => Post(callback, null), TaskScheduler.Default);

    /// <summary>Counts a connection that is about to be given to this loop, so that the next one is given elsewhere.</summary>
    public void ExpectConnection() => Interlocked.Increment(ref _connectionCount);

    /// <summary>Takes a connection over and starts its session. <see cref="ExpectConnection"/> was called for it.</summary>
    public void Adopt(in AcceptedSocket socket, Func<Connection, Task> handler)
    {
        if (_isStopping)
        {
            KernelCalls.Close(socket.Descriptor);
            Interlocked.Decrement(ref _connectionCount);
            return;
        }
        if (!_freeSlots.TryPop(out var slot))
            slot = _usedSlots++;
        if (slot == _connections.Length)
            Array.Resize(ref _connections, slot * 2);
        var connection = new UringConnection(this, socket, (ulong)slot << KindBits, _options, _logger);
        _connections[slot] = connection;
        _ = connection.ServeAsync(handler);
    }

    /// <summary>Forgets a closed connection; the kernel has finished with all of its operations.</summary>
    public void Remove(UringConnection connection)
    {
        var slot = (int)(connection.Slot >> KindBits);
        _connections[slot] = null;
        _freeSlots.Push(slot);
        Interlocked.Decrement(ref _connectionCount);
        if (_isStopping)
            CheckEmptied();
    }

    /// <summary>Adds an acceptor, whose accepts run on this ring; returns what its operations carry.</summary>
    public ulong Add(UringAcceptor acceptor)
    {
        _acceptors.Add(acceptor);
        return ((ulong)(_acceptors.Count - 1) << KindBits) | (ulong)OperationKind.Accept;
    }

    /// <summary>Asks the kernel to end an operation; its completion follows either way.</summary>
    public void Cancel(ulong slot, OperationKind kind) => Cancel(slot | (ulong)kind);

    /// <summary>Asks the kernel to end the operation that carries this.</summary>
    public void Cancel(ulong userData)
    {
        ref var entry = ref _ring.Next(Operation.Cancel, -1, (ulong)OperationKind.None);
        entry.Address = userData;
    }

    /// <summary>Aborts what is open, waits for the sessions as long as <paramref name="patience"/>, and ends the thread.</summary>
    /// <returns>How many sessions had not ended.</returns>
    public async Task<int> StopAsync(TimeSpan patience)
    {
        Post(static self => ((UringLoop)self!).BeginStop(), this);
        try
        {
            await _emptied.Task.WaitAsync(patience).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Counted below; what such a session still holds is not freed.
        }
        var left = ConnectionCount;
        Post(static self => ((UringLoop)self!)._isExiting = true, this);
        await _ended.Task.ConfigureAwait(false);
        return left;
    }

    private void BeginStop()
    {
        _isStopping = true;
        foreach (var connection in _connections)
            connection?.Abort("the server stops");
        CheckEmptied();
    }

    private void CheckEmptied()
    {
        if (_freeSlots.Count == _usedSlots)
            _emptied.TrySetResult();
    }

    private void Run()
    {
        if (TryOpen() is { } reason)
        {
            _started.SetResult(reason);
            _ended.SetResult();
            return;
        }
        _started.SetResult(null);
        ReadWakes();
        while (!_isExiting)
        {
            _turn.Begin();
            TakeCompletions();
            RunPosted();
            _turn.End();
            Sleep();
        }
        Close();
        _ended.SetResult();
    }

    private string? TryOpen()
    {
        if (Ring.TryCreate(SubmissionEntries, CompletionEntries, _features, out var error) is not { } ring)
            return UringProbe.Explain(error);
        if (BufferRing.TryCreate(ring, out error) is not { } buffers)
        {
            ring.Dispose();
            return UringProbe.Explain(error);
        }
        _wakeDescriptor = KernelCalls.CreateEvent();
        if (_wakeDescriptor < 0)
        {
            ring.Dispose();
            buffers.Dispose();
            return UringProbe.Explain(-_wakeDescriptor);
        }
        _ring = ring;
        _buffers = buffers;
        Files = FileTable.Create(ring, Has(UringFeatures.RegisteredFiles));
        QuietSends = new QuietSends(ring, Has(UringFeatures.QuietSends));
        if (Has(UringFeatures.RegisteredRing))
            ring.RegisterSelf();
        _wakeCount = NativeBlock.Allocate(sizeof(ulong));
        return null;
    }

    private unsafe void ReadWakes()
    {
        ref var entry = ref _ring.Next(Operation.Read, _wakeDescriptor, (ulong)OperationKind.Wake);
        entry.Address = (ulong)_wakeCount.Pointer;
        entry.Length = sizeof(ulong);
    }

    private void TakeCompletions()
    {
        for (var count = _ring.ReadyCount; count > 0; count--)
        {
            Dispatch(_ring.Take());
            if (count % SessionsPerLook == 0 && _turn.HasLasted(TurnTicksMax))
                return;
        }
    }

    private void Dispatch(in CompletionEntry completion)
    {
        var index = (int)(completion.UserData >> KindBits);
        switch ((OperationKind)(byte)completion.UserData)
        {
            case OperationKind.Receive or OperationKind.Send:
                DispatchTo(_connections[index]!, completion);
                break;
            case OperationKind.Accept:
                _acceptors[index].OnAccepted(completion.Result, completion.Flags);
                break;
            case OperationKind.Wake when !_isExiting:
                ReadWakes();
                break;
        }
    }

    private void DispatchTo(UringConnection connection, in CompletionEntry completion)
    {
        try
        {
            if ((OperationKind)(byte)completion.UserData == OperationKind.Receive)
                connection.OnReceived(completion.Result, completion.Flags);
            else
                connection.OnSent(completion.Result);
        }
        catch (Exception e)
        {
            Fail(connection, e);
        }
    }

    private void RunPosted()
    {
        for (var count = _inbox.Count; count > 0 && _inbox.TryDequeue(out var posted); count--)
        {
            try
            {
                posted.Callback(posted.State);
            }
            catch (Exception e)
            {
                // It would end the process.
                TransportLog.CallbackFailed(_logger, e);
            }
            if (count % SessionsPerLook == 0 && _turn.HasLasted(TurnTicksMax))
                return;
        }
    }

    private void Sleep()
    {
        Volatile.Write(ref _isSleeping, 1);
        Interlocked.MemoryBarrier();
        var mustWork = !_inbox.IsEmpty || _ring.ReadyCount > 0 || _isExiting || QuietSends.AnyIsAwaited;
        if (mustWork)
            Volatile.Write(ref _isSleeping, 0);
        _ring.Enter(mustWork ? 0u : 1u);
        Volatile.Write(ref _isSleeping, 0);
        SettleSends();
    }

    private void SettleSends()
    {
        var settled = QuietSends.Settle(_connections);
        foreach (var connection in settled)
        {
            try
            {
                connection.SettleSend();
            }
            catch (Exception e)
            {
                Fail(connection, e);
            }
        }
        settled.Clear();
    }

    // A fault of ours may cost this connection, but not the others of this thread.
    private void Fail(UringConnection connection, Exception fault)
    {
        TransportLog.ConnectionFailed(_logger, fault, connection.Id);
        connection.Abort("an internal error");
    }

    // Everything still under way is cancelled and awaited, so that the kernel writes to nothing that is freed here.
    private void Close()
    {
        ref var entry = ref _ring.Next(Operation.Cancel, -1, (ulong)OperationKind.None);
        entry.OperationFlags = KernelFlags.CancelAny | KernelFlags.CancelAll;
        QuietSends.Stop();
        while (_ring.OperationCount > 0)
        {
            _ring.Enter(1);
            SettleSends();
            for (var count = _ring.ReadyCount; count > 0; count--)
                DropCompletion(_ring.Take());
        }
        var isUnused = _freeSlots.Count == _usedSlots;
        _ring.Dispose();
        KernelCalls.Close(_wakeDescriptor);
        _wakeCount.Free();
        if (!isUnused)
            return;
        _buffers.Dispose();
        Blocks.Clear();
    }

    private static void DropCompletion(in CompletionEntry completion)
    {
        if ((OperationKind)(byte)completion.UserData == OperationKind.Accept && completion.Result >= 0)
            KernelCalls.Close(completion.Result);
    }

    private readonly record struct PostedCallback(Action<object?> Callback, object? State);
}
