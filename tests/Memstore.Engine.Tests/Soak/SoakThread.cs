namespace Memstore.Engine.Tests.Soak;

/// <summary>One thread of a soak: a random sequence of operations on its own keys and on those of all.</summary>
internal sealed class SoakThread(Store store, SoakOptions options, int number) : IDisposable
{
    private readonly Random _random = new((options.Seed * 1_000) + number);
    private SoakRunner _runner = null!;
    private SharedKeys _shared = null!;
    private PrivateKeys _private = null!;
    private long _version = (long)number << 40;

    /// <summary>Operations done.</summary>
    public long Operations { get; private set; }

    /// <summary>How often it wrote each steady pair.</summary>
    public long[] SteadyWrites => _shared.SteadyWrites;

    public void Dispose() => _runner.Dispose();

    /// <summary>Goes on until told to stop. An exception is a violation.</summary>
    public void Run(CancellationToken stop)
    {
        _runner = new SoakRunner(store, _random);
        _shared = new SharedKeys(_random);
        _private = new PrivateKeys(store, _random, number);
        try
        {
            for (; !stop.IsCancellationRequested; Operations++) Step(stop);
            _private.CheckAll(_runner);
        }
        finally
        {
            _runner.Rollback();
        }
    }

    private void Step(CancellationToken stop)
    {
        switch (_random.Next(1_000))
        {
            case < 300:
                _private.Step(_runner);
                break;
            case < 450:
                WriteFleeting();
                break;
            case < 600:
                ReadFleeting();
                break;
            case < 700:
                AdvanceSteady();
                break;
            case < 820:
                ReadSteadyAlone();
                break;
            case < 830:
                HoldSnapshot(stop);
                break;
            case < 840:
                DeleteFleeting();
                break;
            case < 845:
                FlushOrSwap();
                break;
            default:
                if (options.SharesHashes) StepHashes();
                break;
        }
    }

    private void StepHashes()
    {
        switch (_random.Next(5))
        {
            case < 2:
                ChangeHash();
                break;
            case < 4:
                ReadHash();
                break;
            default:
                MoveHash();
                break;
        }
    }

    private int AnyFill() => _random.Next(40) == 0 ? _random.Next(9_000) : _random.Next(200);

    private void WriteFleeting()
    {
        var (pair, database, fill) = (_shared.AnyPair(), _shared.AnyDatabase(), AnyFill());
        var (first, second) = (SharedKeys.Fleeting(pair, false), SharedKeys.Fleeting(pair, true));
        var version = ++_version;
        var ttlMs = _random.Next(4) == 0 ? 1 + _random.Next(20) : 0;
        if (_random.Next(4) != 0)
        {
            _runner.Run(_runner.AnyPlan(), database, [first, second], KeyAccess.Write, t => SharedKeys.WritePair(t, first, second, version, fill, ttlMs));
            return;
        }

        _runner.Open(database, readOnly: false);
        if (_random.Next(2) == 0) _runner.RunOpen(t => SharedKeys.ReadPair(t, first, second));
        _runner.RunOpen(t => SharedKeys.WritePair(t, first, second, version, fill, ttlMs: 0));
        if (_random.Next(4) == 0) _runner.Rollback();
        else _runner.Commit();
    }

    private void ReadFleeting()
    {
        var (pair, database) = (_shared.AnyPair(), _shared.AnyDatabase());
        var (first, second) = (SharedKeys.Fleeting(pair, false), SharedKeys.Fleeting(pair, true));
        if (_random.Next(2) == 0 && _runner.TryReadAlone(database, first, t => SharedKeys.ReadVersion(t, first))) return;
        var plan = _random.Next(3) switch { 0 => TransactionPlan.Held, 1 => TransactionPlan.Snapshot, _ => TransactionPlan.ReadSnapshot };
        _runner.Run(plan, database, [first, second], KeyAccess.Read, t => SharedKeys.ReadPair(t, first, second));
    }

    private void DeleteFleeting()
    {
        var (pair, database) = (_shared.AnyPair(), _shared.AnyDatabase());
        byte[][] keys = [SharedKeys.Fleeting(pair, false), SharedKeys.Fleeting(pair, true)];
        _runner.Run(_runner.AnyPlan(), database, keys, KeyAccess.Write, transaction =>
        {
            foreach (var key in keys) transaction.Delete(store.KeyOf(key));
        });
    }

    private void AdvanceSteady()
    {
        var (pair, fill) = (_shared.AnySteadyPair(), AnyFill());
        byte[][] keys = [SharedKeys.Steady(pair, false), SharedKeys.Steady(pair, true)];
        if (_random.Next(4) != 0)
        {
            _runner.Run(_runner.AnyPlan(), SharedKeys.SteadyDatabase, keys, KeyAccess.Write, t => SharedKeys.AdvanceSteady(t, pair, fill));
            _shared.SteadyWrites[pair]++;
            return;
        }

        _runner.Open(SharedKeys.SteadyDatabase, readOnly: false);
        _runner.RunOpen(t => SharedKeys.AdvanceSteady(t, pair, fill));
        if (_runner.Commit()) _shared.SteadyWrites[pair]++;
    }

    // One key and then the other, each without its shard: what is seen of the second is not older than what was seen of the first.
    private void ReadSteadyAlone()
    {
        var pair = _shared.AnySteadyPair();
        foreach (var second in _random.Next(2) == 0 ? [false, true] : new[] { true, false })
        {
            var key = SharedKeys.Steady(pair, second);
            var version = 0L;
            void Read(Transaction transaction) => version = SharedKeys.ReadVersion(transaction, key);
            if (!_runner.TryReadAlone(SharedKeys.SteadyDatabase, key, Read))
                _runner.Run(TransactionPlan.Held, SharedKeys.SteadyDatabase, [key], KeyAccess.Read, Read);
            if (version > 0) _shared.SawSteady(pair, version);
        }
    }

    private void ChangeHash()
    {
        var (key, database, version) = (SharedKeys.Hash(_shared.AnyHash()), _shared.AnyDatabase(), ++_version);
        _runner.Run(_runner.AnyPlan(), database, [key], KeyAccess.Write, transaction =>
        {
            if (_random.Next(4) == 0) _shared.RemoveFields(transaction, key);
            else _shared.WriteHash(transaction, key, version);
            if (_random.Next(8) == 0) transaction.SetDeadline(store.KeyOf(key), transaction.NowUnixMs + _random.Next(50));
        });
    }

    private void ReadHash()
    {
        var (key, database) = (SharedKeys.Hash(_shared.AnyHash()), _shared.AnyDatabase());
        var plan = _random.Next(2) == 0 ? TransactionPlan.Held : TransactionPlan.ReadSnapshot;
        _runner.Run(plan, database, [key], KeyAccess.Read, t => SharedKeys.ReadHash(t, key));
    }

    private void MoveHash()
    {
        byte[][] keys = [SharedKeys.Hash(_shared.AnyHash()), SharedKeys.Hash(_shared.AnyHash())];
        var database = _shared.AnyDatabase();
        if (keys[0].AsSpan().SequenceEqual(keys[1])) return;
        var copies = _random.Next(2) == 0;
        _runner.Run(_runner.AnyPlan(), database, keys, KeyAccess.Write, transaction =>
        {
            if (copies) transaction.CopyValue(store.KeyOf(keys[0]), database, store.KeyOf(keys[1]), database);
            else transaction.MoveValue(store.KeyOf(keys[0]), database, store.KeyOf(keys[1]), database);
        });
    }

    // Whatever happens meanwhile, the second look shows what the first did.
    private void HoldSnapshot(CancellationToken stop)
    {
        var digest = 0L;
        _runner.Open(_shared.AnyDatabase(), readOnly: true);
        _runner.RunOpen(t => digest = SharedKeys.ReadAll(t));
        stop.WaitHandle.WaitOne(_random.Next(15));
        _runner.RunOpen(transaction =>
        {
            if (SharedKeys.ReadAll(transaction) != digest) throw new SoakViolationException("A snapshot showed something else the second time.");
        });
        if (!_runner.Commit()) throw new SoakViolationException("A transaction that only reads lost.");
    }

    private void FlushOrSwap()
    {
        if (_random.Next(2) == 0) _runner.RunOnEverything(static transaction => transaction.Swap(SharedKeys.Database, SharedKeys.OtherDatabase));
        else _runner.RunOnEverything(static transaction => transaction.Flush(SharedKeys.Database));
    }
}
