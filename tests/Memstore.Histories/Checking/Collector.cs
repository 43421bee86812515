using Memstore.Histories.Recording;

namespace Memstore.Histories.Checking;

/// <summary>Step 1: turns operations into versions and reads, and checks what a transaction may see of itself.</summary>
internal sealed class Collector
{
    private readonly Analysis _analysis;
    private readonly VersionStore _versions;
    private readonly ListOrders _lists;
    private readonly List<int>[] _keysOfDatabase;

    // What the current transaction did to each key so far; valid where _ownTransaction names it.
    private readonly int[] _ownTransaction;
    private readonly int[] _ownVersion;
    private readonly int[] _ownRead;
    private readonly List<long> _ownElements = [];

    private int _transaction;
    private VersionTraits _outcome;
    private bool _readsCount;

    public Collector(Analysis analysis, ListOrders lists)
    {
        (_analysis, _versions, _lists) = (analysis, analysis.Versions, lists);
        KeyTable keys = analysis.History.Keys;
        _ownTransaction = new int[keys.Count];
        _ownVersion = new int[keys.Count];
        _ownRead = new int[keys.Count];
        Array.Fill(_ownTransaction, -1);
        int databases = keys.Count == 0 ? 0 : Enumerable.Range(0, keys.Count).Max(keys.Database) + 1;
        _keysOfDatabase = [.. Enumerable.Range(0, databases).Select(_ => new List<int>())];
        for (int key = 0; key < keys.Count; key++) _keysOfDatabase[keys.Database(key)].Add(key);
    }

    public void Run()
    {
        History history = _analysis.History;
        for (int key = 0; key < history.Keys.Count; key++)
            _versions.Add(key, Operation.Absent, history.Count, VersionTraits.Absent, 0, VersionStore.None);
        for (_transaction = 0; _transaction < history.Count; _transaction++)
        {
            ref readonly TransactionRecord record = ref history[_transaction];
            _analysis.Transactions.SetFirstVersion(_transaction, _versions.Count);
            _outcome = record.Outcome == Outcome.Aborted ? VersionTraits.Aborted : VersionTraits.None;
            _readsCount = record.Outcome == Outcome.Committed || (record.Outcome == Outcome.Aborted && record.ReadsStand);
            foreach (ref readonly Operation operation in history.Operations(_transaction)) Take(operation);
        }

        _analysis.Transactions.SetFirstVersion(history.Count, _versions.Count);
    }

    private void Take(in Operation operation)
    {
        switch (operation.Kind)
        {
            case OperationKind.Read:
                Read(operation.Key, operation.Value, operation.Value == Operation.Absent ? Sight.Absent : Sight.Value);
                break;
            case OperationKind.ReadAlive:
                Read(operation.Key, 0, Sight.Alive);
                break;
            case OperationKind.Write:
                Write(operation.Key, operation.Value, operation.Value == Operation.Absent ? VersionTraits.Absent : 0, operation.Size);
                break;
            case OperationKind.Append:
                Write(operation.Key, operation.Value, VersionTraits.None, 0);
                break;
            case OperationKind.ReadList:
                ReadList(operation);
                break;
            case OperationKind.Increment:
                Increment(operation.Key, operation.Value);
                break;
            case OperationKind.Flush:
                if (operation.Key >= _keysOfDatabase.Length) break;
                foreach (int key in _keysOfDatabase[operation.Key]) Write(key, Operation.Absent, VersionTraits.Absent, 0);
                break;
            default:
                throw new InvalidOperationException($"There is no operation of kind {operation.Kind}.");
        }
    }

    private void Own(int key)
    {
        if (_ownTransaction[key] == _transaction) return;
        _ownTransaction[key] = _transaction;
        _ownVersion[key] = _ownRead[key] = VersionStore.None;
    }

    private void Write(int key, long value, VersionTraits traits, int ttlMs)
    {
        Own(key);
        int own = _ownVersion[key];
        if (own != VersionStore.None) _versions.Traits[own] |= VersionTraits.Intermediate;
        int version = _versions.Add(key, value, _transaction, traits | _outcome, ttlMs, own);
        _ownVersion[key] = version;
        int read = _ownRead[key];
        if (own == VersionStore.None && read != VersionStore.None && _outcome == VersionTraits.None) _analysis.Reads[read].Successor = version;
        if (ttlMs > 0 || (traits & VersionTraits.Absent) != 0) _analysis.Resettable[key] = true;
    }

    private void Increment(int key, long result)
    {
        if (result == Operation.NotKnown)
        {
            if (_outcome == VersionTraits.None && _analysis.LostIncrements[key]++ == 0)
                _analysis.FirstLostIncrement[key] = _analysis.Transactions.Invoked[_transaction];
            Write(key, 0, VersionTraits.NoValue, 0);
            return;
        }

        Read(key, result - 1, result == 1 ? Sight.Absent : Sight.Value);
        Write(key, result, VersionTraits.None, 0);
    }

    private void Read(int key, long value, Sight sight)
    {
        if (!_readsCount) return;
        Own(key);
        if (_ownVersion[key] != VersionStore.None) CheckOwnWrite(key, value, sight);
        else if (_ownRead[key] != VersionStore.None) CheckAgain(key, value, sight);
        else AddRead(key, value, sight);
    }

    private void AddRead(int key, long value, Sight sight)
    {
        _ownRead[key] = _analysis.Reads.Count;
        _analysis.Reads.Add(new ReadEvent
        {
            Transaction = _transaction,
            Key = key,
            Value = value,
            Sight = sight,
            Version = VersionStore.None,
            Successor = VersionStore.None,
        });
    }

    private void CheckOwnWrite(int key, long value, Sight sight)
    {
        int own = _ownVersion[key];
        bool absent = _versions.Has(own, VersionTraits.Absent);
        bool fits = sight switch
        {
            Sight.Absent => absent,
            Sight.Alive => !absent,
            _ => !absent && (_versions.Value[own] == value || _versions.Has(own, VersionTraits.NoValue)),
        };
        if (!fits) _analysis.Report(AnomalyKind.Internal, $"a transaction does not see its own write of {Describe.Key(_analysis, key)}", _transaction);
    }

    private void CheckAgain(int key, long value, Sight sight)
    {
        ref ReadEvent first = ref _analysis.Reads[_ownRead[key]];
        bool fits = (first.Sight == Sight.Absent) == (sight == Sight.Absent)
            && (first.Sight != Sight.Value || sight != Sight.Value || first.Value == value);
        if (!fits) _analysis.Report(AnomalyKind.NonRepeatableRead, $"a transaction sees {Describe.Key(_analysis, key)} change", _transaction);
        if (first.Sight == Sight.Alive && sight == Sight.Value) (first.Sight, first.Value) = (sight, value);
    }

    private void ReadList(in Operation operation)
    {
        if (!_readsCount) return;
        int key = operation.Key;
        Own(key);
        ReadOnlySpan<long> elements = _analysis.History.Elements(_transaction, operation);
        bool emptied = CollectOwnElements(key);
        if (!elements.EndsWith(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_ownElements))
            || (emptied && elements.Length != _ownElements.Count))
        {
            _analysis.Report(AnomalyKind.Internal, $"a transaction does not see its own appends to {Describe.Key(_analysis, key)}", _transaction);
            return;
        }

        if (emptied) return;
        int seen = elements.Length - _ownElements.Count;
        if (_ownRead[key] != VersionStore.None)
        {
            // It is enough to compare the last elements: the lists themselves are compared by ListOrders.
            CheckAgain(key, seen == 0 ? 0 : elements[seen - 1], seen == 0 ? Sight.Absent : Sight.Value);
            if (seen > 0) _lists.Add(_transaction, key, operation, seen);
            return;
        }

        AddRead(key, seen == 0 ? 0 : elements[seen - 1], seen == 0 ? Sight.Absent : Sight.Value);
        if (seen > 0) _lists.Add(_transaction, key, operation, seen);

        // Appended first and read afterwards: what it read is still what its first append replaced.
        int own = _ownVersion[key];
        while (own != VersionStore.None && _versions.OwnPrevious[own] != VersionStore.None) own = _versions.OwnPrevious[own];
        if (_outcome == VersionTraits.None) _analysis.Reads[_ownRead[key]].Successor = own;
    }

    /// <summary>The elements that this transaction appended so far; true if it also deleted the list before.</summary>
    private bool CollectOwnElements(int key)
    {
        _ownElements.Clear();
        int own = _ownVersion[key];
        for (; own != VersionStore.None && !_versions.Has(own, VersionTraits.Absent); own = _versions.OwnPrevious[own])
            _ownElements.Add(_versions.Value[own]);
        _ownElements.Reverse();
        return own != VersionStore.None;
    }
}
