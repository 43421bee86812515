namespace Memstore.Engine.Tests.Model;

/// <summary>Rules of marks, each of which a test breaks on purpose.</summary>
[Flags]
internal enum MarkFaults
{
    None = 0,

    /// <summary>Commits of several records do not mark their slots.</summary>
    NoMarks = 1,

    /// <summary>A slot is marked right before its own record, not before the first record of the commit.</summary>
    MarkLate = 2,

    /// <summary>A slot's mark is taken back with its own record, not behind the last record of the commit.</summary>
    UnmarkEarly = 4,

    /// <summary>A reader looks at the mark before it loads the record, but not after.</summary>
    NoSecondLook = 8,
}

/// <summary>
/// Two commits of the same two keys, in slots of their own, against two readers without shards, each of which reads both keys one
/// after the other, in opposite orders. Stands for Transaction.FindUnheld, MarkDeclared, Publish and Unmark.
/// </summary>
internal sealed class MarkModel(MarkFaults faults = MarkFaults.None) : Model(3, 6 + (2 * 5))
{
    private const int Commits = 2;
    private const int TriesMax = 2;
    private const int Writer = 0;

    private ref int Mark(int key) => ref Word(key);

    private ref int Record(int key) => ref Word(2 + key);

    // The newest version that any read has answered.
    private ref int Answered => ref Word(4);

    private ref int Committed => ref Word(5);

    // Of a reader: what it read, the mark before it, the record, how often it tried, and what had been answered when it began.
    private ref int Reads(int thread) => ref Word(6 + (5 * (thread - 1)));

    private ref int SeenMark(int thread) => ref Word(6 + (5 * (thread - 1)) + 1);

    private ref int SeenRecord(int thread) => ref Word(6 + (5 * (thread - 1)) + 2);

    private ref int Tries(int thread) => ref Word(6 + (5 * (thread - 1)) + 3);

    private ref int KnownBefore(int thread) => ref Word(6 + (5 * (thread - 1)) + 4);

    public override string? Step(int thread) => thread == Writer ? StepWriter() : StepReader(thread);

    public override void CheckEnd()
    {
        Must(Committed == Commits, "The commits do not end.");
        Must(Reads(1) == 2 && Reads(2) == 2, "A reader does not end.");
    }

    // One step for each mark and each record. The shard is held from pc 1 to 7.
    private string? StepWriter()
    {
        switch (Pc(Writer))
        {
            case 0:
                return Committed == Commits ? null : Then(Writer, 1, "enters the shard");
            case 1:
                return Turn(0, Marks, MarksLate ? 3 : 2, "marks the first slot");
            case 2:
                return Turn(1, Marks, MarksLate ? 4 : 3, "marks the second slot");
            case 3:
                Record(0)++;
                return Turn(0, Marks && UnmarksEarly, MarksLate ? 2 : 4, "publishes the first record");
            case 4:
                Record(1)++;
                return Turn(1, Marks && UnmarksEarly, 5, "publishes the second record");
            case 5:
                return Turn(0, Marks && !UnmarksEarly, 6, "unmarks the first slot");
            case 6:
                return Turn(1, Marks && !UnmarksEarly, 7, "unmarks the second slot");
            default:
                Committed++;
                return Then(Writer, 0, "leaves");
        }
    }

    private bool Marks => (faults & MarkFaults.NoMarks) == 0;

    private bool MarksLate => (faults & MarkFaults.MarkLate) != 0;

    private bool UnmarksEarly => (faults & MarkFaults.UnmarkEarly) != 0;

    private string Turn(int key, bool turns, int next, string did)
    {
        if (turns) Mark(key)++;
        return Then(Writer, next, did);
    }

    private string? StepReader(int thread)
    {
        var key = thread == 1 ? Reads(thread) : 1 - Reads(thread);
        switch (Pc(thread))
        {
            case 0:
                if (Reads(thread) == 2) return null;
                if (Tries(thread) == 0) KnownBefore(thread) = Answered;
                SeenMark(thread) = Mark(key);
                var free = (SeenMark(thread) & 1) == 0;
                if (!free) Tries(thread)++;
                return Then(thread, free ? 1 : Tries(thread) == TriesMax ? 3 : 0, "reads the mark");
            case 1:
                SeenRecord(thread) = Record(key);
                if ((faults & MarkFaults.NoSecondLook) != 0) return Answer(thread, "loads the record and looks no more");
                return Then(thread, 2, "loads the record");
            case 2:
                if (Mark(key) == SeenMark(thread)) return Answer(thread, "finds the mark as it was");
                Tries(thread)++;
                return Then(thread, Tries(thread) == TriesMax ? 3 : 0, "finds another mark");
            default:
                if (Pc(Writer) != 0) return null;
                SeenRecord(thread) = Record(key);
                return Answer(thread, "reads inside the shard");
        }
    }

    private string Answer(int thread, string did)
    {
        Must(SeenRecord(thread) >= KnownBefore(thread), "A reader began after a commit had been seen and saw what was there before it.");
        Answered = Math.Max(Answered, SeenRecord(thread));
        Reads(thread)++;
        (SeenMark(thread), SeenRecord(thread), Tries(thread), KnownBefore(thread)) = (0, 0, 0, 0);
        return Then(thread, 0, did);
    }
}
