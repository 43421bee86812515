using Memstore.Histories.Recording;

namespace Memstore.Histories.Tests;

/// <summary>The definition itself: tries every order that real time allows. For a handful of transactions.</summary>
public sealed class BruteForceChecker(History history, int slackMs = -1)
{
    /// <summary>True if the transactions could have run one at a time.</summary>
    public static bool IsStrictlySerialisable(History history, int slackMs = -1) => new BruteForceChecker(history, slackMs).Search();

    private bool Search()
    {
        ulong open = 0;
        for (int i = 0; i < history.Count; i++)
        {
            ref readonly TransactionRecord record = ref history[i];
            if (record.Outcome != Outcome.Aborted || record.ReadsStand) open |= 1UL << i;
        }

        return Extend(open, long.MinValue, new SerialState(history.Keys.Count));
    }

    private bool Extend(ulong open, long time, SerialState state)
    {
        if (!MustContinue(open)) return true;
        for (int next = 0; next < history.Count; next++)
        {
            if ((open & (1UL << next)) == 0) continue;
            SerialState after = state.Copy();
            long now = Math.Max(time, history[next].Invoked);
            if (now > history[next].Completed || !after.Run(history, next, ref now, slackMs) || now > history[next].Completed) continue;
            if (history[next].Outcome == Outcome.Aborted) after = state.CopyExpired(after);
            if (Extend(open & ~(1UL << next), now, after)) return true;
        }

        return false;
    }

    /// <summary>Transactions without an answer need not happen; all others must.</summary>
    private bool MustContinue(ulong open)
    {
        for (int i = 0; i < history.Count; i++)
        {
            if ((open & (1UL << i)) != 0 && history[i].Outcome != Outcome.Unknown) return true;
        }

        return false;
    }
}

/// <summary>All keys at one point of a serial order.</summary>
internal sealed class SerialState
{
    private static readonly KeyState Dead = new(false, 0, [], false, long.MaxValue, long.MaxValue);

    private readonly KeyState[] _keys;

    public SerialState(int keys)
    {
        _keys = new KeyState[keys];
        Array.Fill(_keys, Dead);
    }

    private SerialState(KeyState[] keys) => _keys = keys;

    public SerialState Copy() => new((KeyState[])_keys.Clone());

    /// <summary>This state with the expiries that a transaction without effect saw.</summary>
    public SerialState CopyExpired(SerialState seen)
    {
        SerialState copy = Copy();
        for (int i = 0; i < _keys.Length; i++)
        {
            if (seen._keys[i].ExpiredUnder) copy._keys[i] = Dead;
        }

        return copy;
    }

    /// <summary>Runs one transaction; false if it cannot have seen what it says.</summary>
    public bool Run(History history, int transaction, ref long now, int slackMs)
    {
        bool answered = history[transaction].Outcome != Outcome.Unknown;
        for (int i = 0; i < _keys.Length; i++) _keys[i] = _keys[i] with { Pinned = false, ExpiredUnder = false };
        long latest = long.MaxValue;
        foreach (Operation operation in history.Operations(transaction))
        {
            if (operation.Kind == OperationKind.Flush)
            {
                for (int key = 0; key < _keys.Length; key++)
                {
                    if (history.Keys.Database(key) == operation.Key) Write(key, Dead with { Pinned = true });
                }
            }
            else if (!Take(history, transaction, operation, answered, slackMs, ref now, ref latest))
            {
                return false;
            }
        }

        return now <= latest;
    }

    private bool Take(History history, int transaction, Operation operation, bool answered, int slackMs, ref long now, ref long latest)
    {
        int key = operation.Key;
        KeyState state = _keys[key];
        switch (operation.Kind)
        {
            case OperationKind.Read:
                if (!answered) return true;
                if (operation.Value == Operation.Absent) return SeeAbsent(key, ref now);
                return See(key, ref latest) && state.List.Length == 0 && state.Value == operation.Value;
            case OperationKind.ReadAlive:
                return !answered || See(key, ref latest);
            case OperationKind.ReadList:
                if (!answered) return true;
                if (operation.Size == 0) return SeeAbsent(key, ref now);
                return See(key, ref latest) && history.Elements(transaction, operation).SequenceEqual(state.List);
            case OperationKind.Write:
                Write(key, operation.Value == Operation.Absent
                    ? Dead with { Pinned = true }
                    : new KeyState(true, operation.Value, [], true, Earliest(history, transaction, operation, slackMs), Latest(history, transaction, operation, slackMs)));
                return true;
            case OperationKind.Append:
                Write(key, state with { Alive = true, Pinned = true, List = [.. state.List, operation.Value] });
                return true;
            default:
                if (answered && state.Value + 1 != operation.Value) return false;
                Write(key, state with { Alive = true, Pinned = true, Value = state.Value + 1 });
                return true;
        }
    }

    private static long Earliest(History history, int transaction, Operation write, int slackMs)
    {
        if (write.Size == 0) return long.MaxValue;
        return history[transaction].Invoked + (slackMs < 0 ? 0 : (write.Size - slackMs) * HistoryClock.StampsPerMs);
    }

    private static long Latest(History history, int transaction, Operation write, int slackMs)
    {
        long completed = history[transaction].Completed;
        if (write.Size == 0 || slackMs < 0 || completed == long.MaxValue) return long.MaxValue;
        return completed + ((write.Size + slackMs) * HistoryClock.StampsPerMs);
    }

    private void Write(int key, KeyState state) => _keys[key] = state with { ExpiredUnder = _keys[key].ExpiredUnder };

    private bool See(int key, ref long latest)
    {
        KeyState state = _keys[key];
        if (!state.Alive) return false;
        latest = Math.Min(latest, state.Latest);
        _keys[key] = state with { Pinned = true };
        return true;
    }

    private bool SeeAbsent(int key, ref long now)
    {
        KeyState state = _keys[key];
        if (!state.Alive) return true;
        if (state.Pinned || state.Earliest == long.MaxValue) return false;
        now = Math.Max(now, state.Earliest);
        _keys[key] = Dead with { ExpiredUnder = true };
        return true;
    }

    // Pinned: seen alive or written by the transaction that runs, so it cannot expire under it, because a transaction has one now.
    // Earliest and Latest bound the moment of its expiry; both are the end of time for a value without a TTL.
    private readonly record struct KeyState(bool Alive, long Value, long[] List, bool Pinned, long Earliest, long Latest, bool ExpiredUnder = false);
}
