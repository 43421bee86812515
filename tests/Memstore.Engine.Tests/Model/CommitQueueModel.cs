namespace Memstore.Engine.Tests.Model;

/// <summary>Rules of the commit queue, each of which a test breaks on purpose.</summary>
[Flags]
internal enum QueueFaults
{
    None = 0,

    /// <summary>Who leaves does not look at the arrivals again after setting the holder to null.</summary>
    LeaveLooksOnce = 1,

    /// <summary>Who leaves looks again before the null can be seen, as it could without the fence.</summary>
    LeaveLooksTooEarly = 2,

    /// <summary>Who arrives does not look at the holder again after pushing.</summary>
    ArriveLooksOnce = 4,

    /// <summary>Entering looks and then stores, instead of comparing and swapping.</summary>
    EnterWithoutSwap = 8,

    /// <summary>The arrivals are not turned round.</summary>
    LastComeFirstServed = 16,
}

/// <summary>
/// The class Shard line by line: each access to memory that other threads see is one step, whose text is the line that it stands for.
/// Every thread runs some transactions, one after the other, and also those that it is given while it leaves.
/// </summary>
internal sealed class CommitQueueModel : Model
{
    private const int Nobody = 0;
    private const int Choosing = -1;

    private readonly int _transactionsPerThread;
    private readonly int _transactions;
    private readonly QueueFaults _faults;

    public CommitQueueModel(int threads, int transactionsPerThread, QueueFaults faults = QueueFaults.None)
        : base(threads, 5 + (3 * threads) + (3 * threads * transactionsPerThread))
    {
        _transactionsPerThread = transactionsPerThread;
        _transactions = threads * transactionsPerThread;
        _faults = faults;
    }

    // Where a thread stands. The names are those of Shard's methods.
    private enum At
    {
        Idle,
        TryEnterArrived,
        TryEnterSwap,
        Enqueue,
        EnqueuePush,
        EnqueueHolder,
        EnqueueChoose,
        Inside,
        Leave,
        LeaveArrived,
        TryFree,
        TryFreeArrived,
        TryFreeChoose,
        HandOn,
        HandOnTo,
    }

    // Transactions are numbered from 1; 0 is null.
    private ref int Holder => ref Word(0);

    private ref int Arrived => ref Word(1);

    private ref int Waiting => ref Word(2);

    // Not of the shard: what the order of pushes and the order of grants are compared by.
    private ref int Pushes => ref Word(3);

    private ref int Grants => ref Word(4);

    private ref int Started(int thread) => ref Word(5 + thread);

    private ref int Running(int thread) => ref Word(5 + Threads + thread);

    private ref int Head(int thread) => ref Word(5 + (2 * Threads) + thread);

    private ref int Next(int transaction) => ref Word(5 + (3 * Threads) + transaction - 1);

    private ref int Done(int transaction) => ref Word(5 + (3 * Threads) + _transactions + transaction - 1);

    private ref int Ticket(int transaction) => ref Word(5 + (3 * Threads) + (2 * _transactions) + transaction - 1);

    /// <summary>Whether the shard is held.</summary>
    public bool IsHeld => Holder != Nobody;

    /// <summary>Whether a thread is inside the shard with a transaction.</summary>
    public bool IsInside(int thread) => (At)Pc(thread) == At.Inside;

    /// <summary>The transaction that a thread has been given, or has entered with; 0 if none.</summary>
    public int RunningOf(int thread) => Running(thread);

    /// <summary>Lets a thread go on alone until it is inside the shard, or idle. False if it could do nothing.</summary>
    public bool RunAlone(int thread)
    {
        if (Step(thread) is null) return false;
        while (!IsInside(thread) && (At)Pc(thread) != At.Idle) Step(thread);
        return true;
    }

    public override string? Step(int thread)
    {
        var did = (At)Pc(thread) switch
        {
            At.Idle or At.TryEnterArrived or At.TryEnterSwap => StepEntering(thread),
            At.Enqueue or At.EnqueuePush or At.EnqueueHolder or At.EnqueueChoose => StepQueueing(thread),
            At.HandOn or At.HandOnTo => StepHandingOn(thread),
            _ => StepLeaving(thread),
        };
        CheckHolders();
        return did;
    }

    public override void CheckEnd()
    {
        for (var transaction = 1; transaction <= _transactions; transaction++)
            Must(Done(transaction) == 1, $"Transaction {transaction} waits forever; the shard is {(IsHeld ? "held" : "free")}.");
        Must(Holder == Nobody && Arrived == 0 && Waiting == 0, "All have left, but the shard is not as it was.");
    }

    /// <summary>The transaction that a thread has begun last.</summary>
    public int Own(int thread) => (thread * _transactionsPerThread) + Started(thread);

    private string Go(int thread, At at, string did) => Then(thread, (int)at, did);

    private string? StepEntering(int thread)
    {
        switch ((At)Pc(thread))
        {
            case At.Idle:
                if (Started(thread) > 0 && Done(Own(thread)) == 0) return null;
                if (Started(thread) == _transactionsPerThread) return null;
                Started(thread)++;
                Running(thread) = 0;
                return Go(thread, Holder == Nobody ? At.TryEnterArrived : At.Enqueue, "TryEnter: Volatile.Read(ref _line.Holder) is null");
            case At.TryEnterArrived:
                return Go(thread, Arrived == 0 ? At.TryEnterSwap : At.Enqueue, "TryEnter: Volatile.Read(ref _line.Arrived) is null");
            default:
                var free = Holder == Nobody || (_faults & QueueFaults.EnterWithoutSwap) != 0;
                if (free) Holder = Running(thread) = Own(thread);
                return Go(thread, free ? At.Inside : At.Enqueue, "TryEnter: Interlocked.CompareExchange(ref _line.Holder, transaction, null)");
        }
    }

    private string StepQueueing(int thread)
    {
        switch ((At)Pc(thread))
        {
            case At.Enqueue:
                Head(thread) = Arrived;
                return Go(thread, At.EnqueuePush, "Enqueue: var head = Volatile.Read(ref _line.Arrived)");
            case At.EnqueuePush:
                var own = Own(thread);
                if (Arrived == Head(thread))
                {
                    Next(own) = Head(thread);
                    Arrived = own;
                    Ticket(own) = ++Pushes;
                    Pc(thread) = (int)((_faults & QueueFaults.ArriveLooksOnce) != 0 ? At.Idle : At.EnqueueHolder);
                }

                Head(thread) = Arrived == own ? 0 : Arrived;
                return "Enqueue: Interlocked.CompareExchange(ref _line.Arrived, transaction, head)";
            case At.EnqueueHolder:
                return Go(thread, Holder == Nobody ? At.EnqueueChoose : At.Idle, "Enqueue: Volatile.Read(ref _line.Holder) is not null");
            default:
                return Choose(thread, "Enqueue");
        }
    }

    private string Choose(int thread, string method)
    {
        var free = Holder == Nobody;
        if (free) Holder = Choosing;
        Pc(thread) = (int)(free ? At.HandOn : At.Idle);
        return $"{method}: Interlocked.CompareExchange(ref _line.Holder, Choosing, null)";
    }

    private string StepLeaving(int thread)
    {
        switch ((At)Pc(thread))
        {
            case At.Inside:
                Done(Running(thread)) = 1;
                Running(thread) = 0;
                return Go(thread, At.Leave, "the transaction runs");
            case At.Leave:
                return Go(thread, Waiting == 0 ? At.LeaveArrived : At.HandOn, "Leave: _waiting is null");
            case At.LeaveArrived:
                var at = (_faults & QueueFaults.LeaveLooksTooEarly) != 0 ? At.TryFreeArrived : At.TryFree;
                return Go(thread, Arrived == 0 ? at : At.HandOn, "Leave: Volatile.Read(ref _line.Arrived) is null");
            case At.TryFree:
                Holder = Nobody;
                var looks = (_faults & (QueueFaults.LeaveLooksOnce | QueueFaults.LeaveLooksTooEarly)) == 0;
                return Go(thread, looks ? At.TryFreeArrived : At.Idle, "TryFree: Interlocked.Exchange(ref _line.Holder, null)");
            case At.TryFreeArrived:
                var nobody = (_faults & QueueFaults.LeaveLooksTooEarly) != 0 ? At.TryFree : At.Idle;
                return Go(thread, Arrived == 0 ? nobody : At.TryFreeChoose, "TryFree: Volatile.Read(ref _line.Arrived) is null");
            default:
                // Still the holder in the variant that looks too early.
                if ((_faults & QueueFaults.LeaveLooksTooEarly) != 0) return Go(thread, At.HandOn, "TryFree: goes on choosing");
                return Choose(thread, "TryFree");
        }
    }

    private string StepHandingOn(int thread)
    {
        if ((At)Pc(thread) == At.HandOn)
        {
            if (Waiting == 0) TakeArrived();
            return Go(thread, Waiting == 0 ? At.TryFree : At.HandOnTo, "HandOn: Interlocked.Exchange(ref _line.Arrived, null)");
        }

        var next = Waiting;
        Waiting = Next(next);
        Next(next) = 0;
        Must(Ticket(next) == ++Grants, $"Transaction {next} is served before one that came earlier.");
        Holder = Running(thread) = next;
        return Go(thread, At.Inside, "HandOn: Volatile.Write(ref _line.Holder, next)");
    }

    private void TakeArrived()
    {
        var stack = Arrived;
        Arrived = 0;
        if ((_faults & QueueFaults.LastComeFirstServed) != 0)
        {
            Waiting = stack;
            return;
        }

        while (stack != 0)
        {
            var next = Next(stack);
            Next(stack) = Waiting;
            Waiting = stack;
            stack = next;
        }
    }

    // Those who may touch _waiting: inside, leaving until the shard is free, choosing.
    private void CheckHolders()
    {
        var holders = 0;
        for (var thread = 0; thread < Threads; thread++)
            holders += (At)Pc(thread) is At.Inside or At.Leave or At.LeaveArrived or At.TryFree or At.HandOn or At.HandOnTo ? 1 : 0;
        Must(holders <= 1, "Two threads hold the shard.");
    }
}
