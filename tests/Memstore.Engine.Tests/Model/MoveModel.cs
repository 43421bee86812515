namespace Memstore.Engine.Tests.Model;

/// <summary>Rules of slots that move, each of which a test breaks on purpose.</summary>
internal enum MoveFaults
{
    None,

    /// <summary>A transaction does not look at the owner again once it holds its shard.</summary>
    TransactionTrustsItsRoute,

    /// <summary>A move does not look at the owner again once it holds the two shards.</summary>
    MoveTrustsItsRoute,

    /// <summary>A move holds the old shard only.</summary>
    MoveHoldsOldOnly,

    /// <summary>A move holds the new shard only.</summary>
    MoveHoldsNewOnly,
}

/// <summary>
/// One slot, three shards, two moves and two transactions that write in it. Whoever writes must hold the shard that owns the slot from
/// before the write to behind it. Stands for Transaction.TryMove, Route, OwnersMatch and what follows; a shard is entered in one step,
/// and who finds it held waits for it as in the queue.
/// </summary>
internal sealed class MoveModel(MoveFaults faults = MoveFaults.None) : Model(4, 5 + (4 * 2))
{
    private const int Mover = 2;

    // Where a thread stands.
    private const int Routes = 0;
    private const int EntersFirst = 1;
    private const int EntersSecond = 2;
    private const int Looks = 3;
    private const int Begins = 4;
    private const int Ends = 5;
    private const int Leaves = 6;
    private const int Ended = 7;

    private ref int Owner => ref Word(0);

    private ref int HeldBy(int shard) => ref Word(1 + shard);

    // How many write in the slot at this instant.
    private ref int Writing => ref Word(4);

    private ref int From(int thread) => ref Word(5 + (2 * thread));

    private ref int Moved(int thread) => ref Word(5 + (2 * thread) + 1);

    public override string? Step(int thread) => thread >= Mover ? StepMover(thread) : StepTransaction(thread);

    public override void CheckEnd()
    {
        for (var thread = 0; thread < Threads; thread++) Must(Pc(thread) == Ended, $"Thread {thread} waits forever.");
        Must(Moved(2) == 1 && Moved(3) == 1, "A move did not happen.");
    }

    private string? StepTransaction(int thread)
    {
        var shard = From(thread);
        switch (Pc(thread))
        {
            case Routes:
                From(thread) = Owner;
                return Then(thread, EntersFirst, "Route: reads the owner");
            case EntersFirst:
                return TryEnter(thread, shard) ? Then(thread, Looks, "enters the shard") : null;
            case Looks:
                var matches = Owner == shard || faults == MoveFaults.TransactionTrustsItsRoute;
                if (!matches) HeldBy(shard) = 0;
                return Then(thread, matches ? Begins : Routes, "OwnersMatch");
            case Begins:
                Must(Owner == shard, "A transaction writes in a slot whose shard it does not hold.");
                Must(++Writing == 1, "Two transactions write in one slot.");
                return Then(thread, Ends, "begins to write");
            case Ends:
                Must(Owner == shard, "A slot moves away from under a transaction.");
                Writing--;
                return Then(thread, Leaves, "has written");
            case Leaves:
                HeldBy(shard) = 0;
                return Then(thread, Ended, "leaves");
            default:
                return null;
        }
    }

    private string? StepMover(int thread)
    {
        var (from, to) = (From(thread), thread - Mover + 1);
        var (first, last) = faults switch
        {
            MoveFaults.MoveHoldsOldOnly => (from, from),
            MoveFaults.MoveHoldsNewOnly => (to, to),
            _ => (Math.Min(from, to), Math.Max(from, to)),
        };
        switch (Pc(thread))
        {
            case Routes:
                From(thread) = Owner;
                return Then(thread, EntersFirst, "TryMove: reads the owner");
            case EntersFirst:
                return TryEnter(thread, first) ? Then(thread, first == last ? Looks : EntersSecond, "enters the lower shard") : null;
            case EntersSecond:
                return TryEnter(thread, last) ? Then(thread, Looks, "enters the higher shard") : null;
            case Looks:
                var isOwner = Owner == from || faults == MoveFaults.MoveTrustsItsRoute;
                if (isOwner) Owner = to;
                Moved(thread) = isOwner ? 1 : 0;
                return Then(thread, Leaves, "changes the owner if it is still the one");
            case Leaves:
                HeldBy(first) = HeldBy(last) = 0;
                return Then(thread, Moved(thread) == 1 ? Ended : Routes, "leaves");
            default:
                return null;
        }
    }

    private bool TryEnter(int thread, int shard)
    {
        if (HeldBy(shard) != 0) return false;
        HeldBy(shard) = thread + 1;
        return true;
    }
}
