namespace Memstore.Engine.Tests.Model;

/// <summary>Rules of the log, each of which a test breaks on purpose.</summary>
internal enum LogFaults
{
    None,

    /// <summary>The position is reserved when the record is visible already.</summary>
    ReserveAfterPublishing,

    /// <summary>The position is reserved in time, but written to the slot when the record is visible already.</summary>
    SlotAfterPublishing,

    /// <summary>A reader without the shard loads the slot's position before the record.</summary>
    ReaderLoadsPositionFirst,
}

/// <summary>
/// One thread commits x, then x again; another reads x without its shard and then commits a y that tells which x it saw. Every reply
/// depends on a log position. Stands for BeforeWrite, Publish, FinishEffects and FindUnheld.
/// </summary>
internal sealed class LogModel(LogFaults faults = LogFaults.None) : Model(2, 11)
{
    private const int Writer = 0;
    private const int Reader = 1;
    private const int Rounds = 2;

    // The last position that was reserved.
    private ref int Log => ref Word(0);

    private ref int X => ref Word(1);

    private ref int SlotOfX => ref Word(2);

    private ref int Reserved => ref Word(3);

    // The positions of the commits of x; 0 until they are reserved.
    private ref int PositionOfX(int round) => ref Word(4 + round);

    private ref int WriterRounds => ref Word(7);

    private ref int SeenX => ref Word(8);

    private ref int Depends => ref Word(9);

    private ref int ReaderRounds => ref Word(10);

    public override string? Step(int thread) => thread == Writer ? StepWriter() : StepReader();

    public override void CheckEnd() => Must(WriterRounds == Rounds && ReaderRounds == Rounds, "Somebody waits forever.");

    private string? StepWriter()
    {
        switch (Pc(Writer))
        {
            case 0:
                if (WriterRounds == Rounds) return null;
                if (faults == LogFaults.ReserveAfterPublishing) return Publish(1);
                Reserved = ++Log;
                PositionOfX(WriterRounds + 1) = Reserved;
                return Then(Writer, faults == LogFaults.SlotAfterPublishing ? 3 : 2, "Log.Reserve");
            case 1:
                Reserved = ++Log;
                PositionOfX(WriterRounds + 1) = Reserved;
                return Then(Writer, 4, "Log.Reserve");
            case 2:
                SlotOfX = Reserved;
                return Then(Writer, 3, "Volatile.Write(ref slot->Position, _sequence)");
            case 3:
                return Publish(faults == LogFaults.SlotAfterPublishing ? 4 : 5);
            case 4:
                SlotOfX = Reserved;
                return Then(Writer, 5, "writes the position to the slot");
            default:
                WriterRounds++;
                return Then(Writer, 0, "hands the record to the log and leaves");
        }
    }

    private string Publish(int next)
    {
        X++;
        return Then(Writer, next, "publishes the record");
    }

    private string? StepReader()
    {
        switch (Pc(Reader))
        {
            case 0:
                if (ReaderRounds == Rounds) return null;
                if (faults == LogFaults.ReaderLoadsPositionFirst) Depends = SlotOfX;
                else SeenX = X;
                return Then(Reader, 1, "FindUnheld: loads the first");
            case 1:
                if (faults == LogFaults.ReaderLoadsPositionFirst) SeenX = X;
                else Depends = SlotOfX;
                return Then(Reader, 2, "FindUnheld: loads the second");
            case 2:
                var cause = PositionOfX(SeenX);
                Must(SeenX == 0 || (cause != 0 && Depends >= cause), "A reply may leave before what it depends on is in the log.");
                return Then(Reader, 3, "answers");
            default:
                var position = ++Log;
                var before = PositionOfX(SeenX);
                Must(SeenX == 0 || (before != 0 && before < position), "A cut of the log holds an effect without its cause.");
                ReaderRounds++;
                (SeenX, Depends) = (0, 0);
                return Then(Reader, 0, "Log.Reserve, for a y that tells which x it saw");
        }
    }
}
