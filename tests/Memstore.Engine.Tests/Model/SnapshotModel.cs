namespace Memstore.Engine.Tests.Model;

/// <summary>Rules of stamps and snapshots, each of which a test breaks on purpose.</summary>
[Flags]
internal enum SnapshotFaults
{
    None = 0,

    /// <summary>A commit reads its stamp before it holds its last shard.</summary>
    StampBeforeLastShard = 1,

    /// <summary>A commit asks for the newest open snapshot before it reads its stamp.</summary>
    NewestOpenBeforeStamp = 2,

    /// <summary>A snapshot advances the generation before it says that it is open.</summary>
    AdvanceBeforeOpen = 4,

    /// <summary>A snapshot does not wait for the commits under way.</summary>
    NoSettling = 8,

    /// <summary>Who frees old versions asks for the oldest snapshot before it looks at the version.</summary>
    OldestBeforeVersion = 16,
}

/// <summary>
/// Two shards with three keys: w and x in the first, y in the second. One thread sets x, twice; one sets w and y to x + 1 (and w and y
/// again); one takes a snapshot of both shards and one of the second alone; one frees old versions.
/// Stands for Transaction.Execution (entering, StartHeld), Transaction.Keys (LinkTo, Publish, Release), SnapshotRegistry and VersionStore.
/// Shards are entered in one step: their queue has a model of its own.
/// </summary>
internal sealed class SnapshotModel : Model
{
    private const int X = 0;
    private const int W = 1;
    private const int Y = 2;
    private const int Keys = 3;

    // The version that is there at first, and one for each commit.
    private const int VersionsOfKey = 3;
    private const int Versions = Keys * VersionsOfKey;

    // Greater than every stamp.
    private const int NeverFreed = 1_000;
    private const int Freed = 2_000;

    private const int Setter = 0;
    private const int Copier = 1;
    private const int Whole = 2;
    private const int Partial = 3;
    private const int Freer = 4;

    // Where a snapshot stands when all is over.
    private const int Closed = 9;

    // Layout of the state.
    private const int Registry = 0;
    private const int Shards = 4;
    private const int Index = Shards + 4;
    private const int Records = Index + Keys;
    private const int Queue = Records + (3 * Versions);
    private const int Commits = Queue + 2 + Versions;
    private const int Snapshots = Commits + (2 * 5);
    private const int Words = Snapshots + (2 * 6);

    private readonly SnapshotFaults _faults;
    private readonly int _setterRounds;
    private readonly int _copierRounds;

    /// <summary>Makes the model with so many commits of each kind; each snapshot can be left out.</summary>
    public SnapshotModel(int setterRounds, int copierRounds, bool whole, bool partial, SnapshotFaults faults = SnapshotFaults.None)
        : base(5, Words)
    {
        _faults = faults;
        _setterRounds = setterRounds;
        _copierRounds = copierRounds;
        if (!whole) Pc(Whole) = Closed;
        if (!partial) Pc(Partial) = Closed;
        Generation = 1;
        NewestOpen = -1;
        for (var key = 0; key < Keys; key++) Current(key) = (key * VersionsOfKey) + 1;
    }

    private ref int Generation => ref Word(Registry);

    private ref int NewestOpen => ref Word(Registry + 1);

    private ref int HeldBy(int shard) => ref Word(Shards + shard);

    private ref int Turn(int shard) => ref Word(Shards + 2 + shard);

    // Records are numbered from 1; 0 is no record.
    private ref int Current(int key) => ref Word(Index + key);

    private ref int Stamp(int record) => ref Word(Records + (3 * (record - 1)));

    private ref int Value(int record) => ref Word(Records + (3 * (record - 1)) + 1);

    // The older record; -1 behind one that has been freed.
    private ref int Older(int record) => ref Word(Records + (3 * (record - 1)) + 2);

    private ref int QueueStart => ref Word(Queue);

    private ref int QueueEnd => ref Word(Queue + 1);

    // A record that waits, with the stamp of what replaced it.
    private ref int Waiting(int place) => ref Word(Queue + 2 + place);

    private ref int StampOf(int thread) => ref Word(Commits + (5 * thread));

    private ref int SeenOpen(int thread) => ref Word(Commits + (5 * thread) + 1);

    private ref int SeenX(int thread) => ref Word(Commits + (5 * thread) + 2);

    private ref int Round(int thread) => ref Word(Commits + (5 * thread) + 3);

    private ref int SnapshotOf(int thread) => ref Word(Snapshots + (6 * (thread - Whole)));

    private ref int IsOpen(int thread) => ref Word(Snapshots + (6 * (thread - Whole)) + 1);

    private ref int SeenTurn(int thread) => ref Word(Snapshots + (6 * (thread - Whole)) + 2);

    private ref int Seen(int thread, int read) => ref Word(Snapshots + (6 * (thread - Whole)) + 3 + read);

    private int OldestOpen
    {
        get
        {
            var oldest = NeverFreed;
            for (var thread = Whole; thread <= Partial; thread++)
                if (IsOpen(thread) == 1) oldest = Math.Min(oldest, SnapshotOf(thread));
            return oldest;
        }
    }

    public override string? Step(int thread) => thread switch
    {
        Setter => StepCommit(thread, firstShard: 0, lastShard: 0),
        Copier => StepCommit(thread, firstShard: 0, lastShard: 1),
        Freer => StepFreer(),
        _ => StepSnapshot(thread, firstShard: thread == Whole ? 0 : 1),
    };

    public override void CheckEnd()
    {
        for (var thread = Setter; thread <= Copier; thread++) Must(Round(thread) == Rounds(thread), "A commit waits forever.");
        for (var thread = Whole; thread <= Partial; thread++) Must(Pc(thread) == Closed, "A snapshot waits forever.");
        Must(QueueStart == QueueEnd, "An old version is never freed.");
    }

    // ---- Commits -----------------------------------------------------------------------------------------------------

    private string? StepCommit(int thread, int firstShard, int lastShard)
    {
        switch (Pc(thread))
        {
            case 0:
                if (Round(thread) == Rounds(thread) || !TryEnter(thread, firstShard)) return null;
                if ((_faults & SnapshotFaults.StampBeforeLastShard) != 0) StampOf(thread) = Generation;
                return Then(thread, lastShard == firstShard ? 2 : 1, "enters its first shard");
            case 1:
                return TryEnter(thread, lastShard) ? Then(thread, 2, "enters its last shard") : null;
            case 2 when (_faults & SnapshotFaults.NewestOpenBeforeStamp) != 0:
                SeenOpen(thread) = NewestOpen;
                return Then(thread, 3, "_newestOpen = Snapshots.NewestOpen");
            case 2:
                if ((_faults & SnapshotFaults.StampBeforeLastShard) == 0) StampOf(thread) = Generation;
                return Then(thread, 3, "_generation = Snapshots.Generation");
            case 3 when (_faults & SnapshotFaults.NewestOpenBeforeStamp) != 0:
                StampOf(thread) = Generation;
                return Then(thread, 4, "_generation = Snapshots.Generation");
            case 3:
                SeenOpen(thread) = NewestOpen;
                return Then(thread, 4, "_newestOpen = Snapshots.NewestOpen");
            case 4:
                SeenX(thread) = Value(Current(X));
                Publish(thread, thread == Setter ? X : W, thread == Setter ? Round(thread) + 1 : ValueToCopy(thread));
                return Then(thread, thread == Setter ? 6 : 5, "publishes its first record");
            case 5:
                Publish(thread, Y, ValueToCopy(thread));
                return Then(thread, 6, "publishes its second record");
            case 6:
                Leave(firstShard);
                (StampOf(thread), SeenOpen(thread), SeenX(thread)) = (0, 0, 0);
                if (lastShard == firstShard) Round(thread)++;
                return Then(thread, lastShard == firstShard ? 0 : 7, "leaves its first shard");
            default:
                Leave(lastShard);
                Round(thread)++;
                return Then(thread, 0, "leaves its last shard");
        }
    }

    private int Rounds(int thread) => thread == Setter ? _setterRounds : _copierRounds;

    // Tells the x that was seen and the round.
    private int ValueToCopy(int thread) => (10 * (Round(thread) + 1)) + SeenX(thread);

    private bool TryEnter(int thread, int shard)
    {
        if (HeldBy(shard) != 0) return false;
        HeldBy(shard) = thread + 1;
        return true;
    }

    private void Leave(int shard)
    {
        HeldBy(shard) = 0;
        Turn(shard)++;
    }

    private void Publish(int thread, int key, int value)
    {
        var old = Current(key);
        var record = (key * VersionsOfKey) + 2 + Round(thread);
        Stamp(record) = StampOf(thread);
        Value(record) = value;
        Older(record) = SeenOpen(thread) < 0 ? 0 : Stamp(old) <= SeenOpen(thread) ? old : Older(old);
        Current(key) = record;
        if (Stamp(old) > SeenOpen(thread)) Free(old);
        else Waiting(QueueEnd++) = (old * NeverFreed) + StampOf(thread);
    }

    private void Free(int record) => Stamp(record) = Freed;

    // ---- Snapshots ---------------------------------------------------------------------------------------------------

    private string? StepSnapshot(int thread, int firstShard)
    {
        switch (Pc(thread))
        {
            case 0:
                // The registry's lock, with what is done before anybody else can see anything.
                if (Pc(OtherSnapshot(thread)) == 1) return null;
                SnapshotOf(thread) = Generation;
                if ((_faults & SnapshotFaults.AdvanceBeforeOpen) != 0) Generation++;
                else SayOpen(thread);
                return Then(thread, 1, "Open: S is open");
            case 1:
                if ((_faults & SnapshotFaults.AdvanceBeforeOpen) != 0) SayOpen(thread);
                else Generation++;
                return Then(thread, (_faults & SnapshotFaults.NoSettling) != 0 ? 6 : 2 + (2 * firstShard), "Open: the generation advances");
            case 2 or 4:
                SeenTurn(thread) = Turn((Pc(thread) - 2) / 2);
                return Then(thread, Pc(thread) + 1, "reads the shard's turn");
            case 3 or 5:
                var shard = (Pc(thread) - 2) / 2;
                if (HeldBy(shard) != 0 && Turn(shard) == SeenTurn(thread)) return null;
                SeenTurn(thread) = 0;
                return Then(thread, Pc(thread) + 1, "the shard has been left");
            case 6:
                Seen(thread, 0) = Read(thread, thread == Whole ? W : Y);
                return Then(thread, 7, "reads a key");
            case 7:
                Seen(thread, 1) = Read(thread, Y);
                return Then(thread, 8, "reads y");
            case 8:
                if (Pc(OtherSnapshot(thread)) == 1) return null;
                if (thread == Whole) Seen(thread, 2) = Read(thread, X);
                Close(thread);
                Check(thread);
                return Then(thread, Closed, "reads x and closes");
            default:
                return null;
        }
    }

    private static int OtherSnapshot(int thread) => thread == Whole ? Partial : Whole;

    private void SayOpen(int thread)
    {
        IsOpen(thread) = 1;
        NewestOpen = SnapshotOf(thread);
    }

    private void Close(int thread)
    {
        IsOpen(thread) = 0;
        var other = OtherSnapshot(thread);
        NewestOpen = IsOpen(other) == 1 ? SnapshotOf(other) : -1;
    }

    // One command: inside an epoch, so what can be reached at its start can be reached to its end.
    private int Read(int thread, int key)
    {
        var record = Current(key);
        while (record > 0 && Stamp(record) > SnapshotOf(thread) && Stamp(record) < NeverFreed) record = Older(record);
        Must(record > 0, "A snapshot does not find a key that was always there.");
        if (record == 0) return 0;
        Must(Stamp(record) < NeverFreed, "A snapshot reads a record that has been freed.");
        return Value(record);
    }

    private void Check(int thread)
    {
        Must(Seen(thread, 1) == Seen(thread, 0), "A snapshot sees half of a commit, or a key changes within it.");
        if (thread == Whole) Must(Seen(thread, 1) % 10 <= Seen(thread, 2), "A snapshot sees an effect without its cause.");
        (SnapshotOf(thread), Seen(thread, 0), Seen(thread, 1), Seen(thread, 2)) = (0, 0, 0, 0);
    }

    // ---- Old versions ------------------------------------------------------------------------------------------------

    private string? StepFreer()
    {
        switch (Pc(Freer))
        {
            case 0:
                if (QueueStart == QueueEnd) return null;
                if ((_faults & SnapshotFaults.OldestBeforeVersion) == 0) return FreeNext(OldestOpen);
                if (OldestOpen < Waiting(QueueStart) % NeverFreed) return null;
                return Then(Freer, 1, "reads that no snapshot is in the way");
            default:
                // A round goes on with what it has read before.
                var did = FreeNext(NeverFreed);
                return did ?? Then(Freer, 0, "ends its round");
        }
    }

    private string? FreeNext(int oldestOpen)
    {
        if (QueueStart == QueueEnd || Waiting(QueueStart) % NeverFreed > oldestOpen) return null;
        Free(Waiting(QueueStart) / NeverFreed);
        QueueStart++;
        return "frees an old version";
    }
}
