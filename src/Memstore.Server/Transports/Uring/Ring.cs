namespace Memstore.Server.Transports.Uring;

/// <summary>One io_uring: its two queues in shared memory and the call that drives them.</summary>
// Threading: created, used and disposed by one thread; with SINGLE_ISSUER the kernel insists on it.
internal sealed unsafe class Ring : IDisposable
{
    private const long EntriesOffset = 0x10000000;

    // From the best that kernels have to what the oldest usable ones have. DEFER_TASKRUN completes sockets only inside Enter, so
    // nothing interrupts a running session; without it COOP_TASKRUN at least avoids the interrupt.
    private static readonly SetupFlags[] Setups =
    [
        SetupFlags.SingleIssuer | SetupFlags.DeferTaskRun | SetupFlags.SubmitAll,
        SetupFlags.SingleIssuer | SetupFlags.CooperativeTaskRun | SetupFlags.SubmitAll,
        SetupFlags.CooperativeTaskRun | SetupFlags.SubmitAll,
        SetupFlags.None,
    ];

    // Fixed after construction.
    private readonly int _descriptor;
    private readonly byte* _queues;
    private readonly nuint _queuesSize;
    private readonly SubmissionEntry* _entries;
    private readonly nuint _entriesSize;
    private readonly uint* _submissionHead;
    private readonly uint* _submissionTail;
    private readonly uint* _submissionFlags;
    private readonly uint _submissionMask;
    private readonly uint _submissionCount;
    private readonly uint* _completionHead;
    private readonly uint* _completionTail;
    private readonly uint _completionMask;
    private readonly CompletionEntry* _completions;

    // What Enter names the ring by: its descriptor, or its place among the thread's registered rings.
    private int _enterDescriptor;
    private EnterFlags _enterFlags = EnterFlags.GetEvents;

    // Entries up to _tail are filled in; the kernel has taken those up to its own head.
    private uint _tail;

    private Ring(int descriptor, in SetupParameters parameters, byte* queues, nuint queuesSize, byte* entries, nuint entriesSize)
    {
        _descriptor = descriptor;
        _queues = queues;
        _queuesSize = queuesSize;
        _entries = (SubmissionEntry*)entries;
        _entriesSize = entriesSize;
        _submissionHead = (uint*)(queues + parameters.SubmissionHead);
        _submissionTail = (uint*)(queues + parameters.SubmissionTail);
        _submissionFlags = (uint*)(queues + parameters.SubmissionFlags);
        _submissionMask = *(uint*)(queues + parameters.SubmissionMask);
        _submissionCount = parameters.SubmissionEntries;
        _completionHead = (uint*)(queues + parameters.CompletionHead);
        _completionTail = (uint*)(queues + parameters.CompletionTail);
        _completionMask = *(uint*)(queues + parameters.CompletionMask);
        _completions = (CompletionEntry*)(queues + parameters.CompletionArray);
        CompletionCapacity = parameters.CompletionEntries;
        // Before Linux 6.1, which brought DEFER_TASKRUN too, a send that failed half-way did not tell what it had taken.
        CanSkipCompletions = (parameters.Features & RingFeatures.SkipCompletions) != 0 && (parameters.Flags & SetupFlags.DeferTaskRun) != 0;
        _tail = *_submissionTail;
        // The indirection array is not needed: slot i always means entry i.
        var array = (uint*)(queues + parameters.SubmissionArray);
        for (var i = 0u; i < _submissionCount; i++)
            array[i] = i;
        _enterDescriptor = descriptor;
    }

    /// <summary>Operations that the kernel has not finished with, those not submitted yet included.</summary>
    public int OperationCount { get; private set; }

    /// <summary>The ring's descriptor, for register calls.</summary>
    public int Descriptor => _descriptor;

    /// <summary>How many completions the queue holds before the kernel keeps further ones back.</summary>
    public uint CompletionCapacity { get; }

    /// <summary>Whether entries can be told to make no completion when they succeed, and sends tell how far they came when they fail.</summary>
    public bool CanSkipCompletions { get; }

    /// <summary>Whether entries wait to be submitted, or completions for room in the queue.</summary>
    public bool HoldsBack =>
        _tail != Volatile.Read(ref *_submissionHead) || (Volatile.Read(ref *_submissionFlags) & KernelFlags.CompletionsOverflow) != 0;

    /// <summary>Makes a ring with the best setup that the kernel has, or says which error number stands against it.</summary>
    public static Ring? TryCreate(uint submissionEntries, uint completionEntries, UringFeatures features, out int error)
    {
        error = ErrorNumber.Invalid;
        foreach (var setup in Setups)
        {
            if ((setup & SetupFlags.SingleIssuer) != 0 && (features & UringFeatures.DeferredWork) == 0)
                continue;
            var parameters = new SetupParameters
            {
                Flags = setup | SetupFlags.CompletionSize | SetupFlags.Clamp,
                CompletionEntries = completionEntries,
            };
            var descriptor = KernelCalls.Setup(submissionEntries, &parameters);
            if (descriptor >= 0)
                return Map(descriptor, parameters, out error);
            error = -descriptor;
            if (error != ErrorNumber.Invalid)
                return null;
        }
        return null;
    }

    /// <summary>A cleared entry to fill in; it is submitted by the next <see cref="Enter"/>.</summary>
    public ref SubmissionEntry Next(Operation operation, int descriptor, ulong userData)
    {
        while (_tail - Volatile.Read(ref *_submissionHead) == _submissionCount)
            Enter(waitCount: 0);
        ref var entry = ref _entries[_tail & _submissionMask];
        _tail++;
        OperationCount++;
        entry = default;
        entry.Operation = operation;
        entry.Descriptor = descriptor;
        entry.UserData = userData;
        return ref entry;
    }

    /// <summary>Submits all entries, lets finished operations complete, and sleeps until at least so many have.</summary>
    public void Enter(uint waitCount)
    {
        Volatile.Write(ref *_submissionTail, _tail);
        var submitCount = _tail - Volatile.Read(ref *_submissionHead);
        var result = KernelCalls.Enter(_enterDescriptor, submitCount, waitCount, _enterFlags);
        // An interrupted or busy call has lost nothing: what was not taken is still queued, and the caller comes back.
        if (result is < 0 and not (-ErrorNumber.Interrupted or -ErrorNumber.Again or -ErrorNumber.Busy))
            throw new InvalidOperationException($"io_uring_enter failed with error {-result}.");
    }

    /// <summary>How many completions can be taken now.</summary>
    public uint ReadyCount => Volatile.Read(ref *_completionTail) - *_completionHead;

    /// <summary>Takes the oldest completion; there must be one.</summary>
    public CompletionEntry Take()
    {
        var head = *_completionHead;
        var completion = _completions[head & _completionMask];
        Volatile.Write(ref *_completionHead, head + 1);
        if ((completion.Flags & CompletionFlags.More) == 0)
            OperationCount--;
        return completion;
    }

    /// <summary>Looks at a completion that can be taken, the oldest being number 0, and leaves it there.</summary>
    public ref readonly CompletionEntry Peek(uint number) => ref _completions[(*_completionHead + number) & _completionMask];

    /// <summary>Counts an operation as ended that makes no completion.</summary>
    public void EndSilently() => OperationCount--;

    /// <summary>Has the calling thread enter without a reference to the descriptor, where the kernel can.</summary>
    public void RegisterSelf()
    {
        var update = new ResourceUpdate { Offset = uint.MaxValue, Data = (ulong)_descriptor };
        if (KernelCalls.Register(_descriptor, KernelFlags.RegisterRingDescriptors, &update, 1) != 1)
            return;
        _enterDescriptor = (int)update.Offset;
        _enterFlags |= EnterFlags.RegisteredRing;
    }

    public void Dispose()
    {
        KernelCalls.Unmap((byte*)_entries, _entriesSize);
        KernelCalls.Unmap(_queues, _queuesSize);
        KernelCalls.Close(_descriptor);
    }

    private static Ring? Map(int descriptor, in SetupParameters parameters, out int error)
    {
        const RingFeatures Needed = RingFeatures.SingleMap | RingFeatures.NoDrop | RingFeatures.SubmitStable | RingFeatures.FastPoll;
        error = ErrorNumber.Invalid;
        if ((parameters.Features & Needed) == Needed)
        {
            var queuesSize = Math.Max(
                parameters.SubmissionArray + (parameters.SubmissionEntries * sizeof(uint)),
                parameters.CompletionArray + (parameters.CompletionEntries * (uint)sizeof(CompletionEntry)));
            var entriesSize = (nuint)(parameters.SubmissionEntries * (uint)sizeof(SubmissionEntry));
            error = ErrorNumber.NoMemory;
            var queues = KernelCalls.Map(descriptor, queuesSize, 0);
            var entries = queues is null ? null : KernelCalls.Map(descriptor, entriesSize, EntriesOffset);
            if (entries is not null)
                return new Ring(descriptor, parameters, queues, queuesSize, entries, entriesSize);
            if (queues is not null)
                KernelCalls.Unmap(queues, queuesSize);
        }
        KernelCalls.Close(descriptor);
        return null;
    }
}
