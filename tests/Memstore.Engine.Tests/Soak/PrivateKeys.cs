using Memstore.Engine.Tests.Values;
using Memstore.Engine.Values;

namespace Memstore.Engine.Tests.Soak;

/// <summary>Keys that only one thread writes, with an exact model of what they hold. Whatever the other threads do, they must hold it.</summary>
internal sealed class PrivateKeys(Store store, Random random, int thread)
{
    public const int Database = 1;

    private const int Strings = 40;
    private const int Hashes = 4;
    private const int Fields = 900;

    private readonly Dictionary<int, (byte[] Value, long Deadline)> _strings = [];
    private readonly Dictionary<string, string>[] _hashes = [.. Enumerable.Range(0, Hashes).Select(static _ => new Dictionary<string, string>())];
    private long _version;

    /// <summary>Does something to the keys and to the model.</summary>
    public void Step(SoakRunner runner)
    {
        switch (random.Next(10))
        {
            case < 3:
                CheckString(runner, random.Next(Strings));
                break;
            case < 6:
                WriteStrings(runner, 1 + random.Next(4));
                break;
            case < 7:
                DeleteString(runner, random.Next(Strings));
                break;
            case < 9:
                ChangeHash(runner, random.Next(Hashes));
                break;
            default:
                RunOpen(runner);
                break;
        }
    }

    /// <summary>Compares every key with the model.</summary>
    public void CheckAll(SoakRunner runner)
    {
        for (var number = 0; number < Strings; number++) CheckString(runner, number);
        for (var hash = 0; hash < Hashes; hash++) CheckHash(runner, hash);
    }

    private byte[] StringKey(int number) => $"thread:{thread}:string:{number}".Bytes();

    private byte[] HashKey(int number) => $"thread:{thread}:hash:{number}".Bytes();

    private void CheckString(SoakRunner runner, int number)
    {
        var key = StringKey(number);
        byte[]? seen = null;
        var before = store.NowUnixMs;
        void Read(Transaction transaction) => seen = transaction.Find(store.KeyOf(key), out var entry) ? entry.Value.ToArray() : null;
        if (random.Next(3) == 0 || !runner.TryReadAlone(Database, key, Read)) runner.Run(runner.AnyPlan(), Database, [key], KeyAccess.Read, Read);
        Compare(number, seen, before, store.NowUnixMs);
    }

    // What was read between two moments: it must be there if it lives beyond the second, and absent if its time was over at the first.
    private void Compare(int number, byte[]? seen, long before, long after)
    {
        var isModelled = _strings.TryGetValue(number, out var expected);
        var mustBeThere = isModelled && (expected.Deadline == 0 || expected.Deadline > after);
        var mustBeAbsent = !isModelled || (expected.Deadline != 0 && expected.Deadline <= before);
        if (seen is null && mustBeThere || seen is not null && (mustBeAbsent || !seen.AsSpan().SequenceEqual(expected.Value)))
        {
            throw new SoakViolationException($"{StringKey(number).AsSpan().Text()} {(seen is null ? "is absent" : $"has {seen.Length} bytes")}, "
                + $"the model {(isModelled ? $"has {expected.Value.Length} bytes, deadline {expected.Deadline}" : "has nothing")}, between {before} and {after}.");
        }

        if (seen is null) _strings.Remove(number);
    }

    private void WriteStrings(SoakRunner runner, int count)
    {
        var writes = DrawWrites(count);
        runner.Run(runner.AnyPlan(), Database, writes.Select(write => StringKey(write.Number)), KeyAccess.Write, transaction => Put(transaction, writes));
        Remember(writes);
    }

    private List<(int Number, byte[] Value, long Deadline)> DrawWrites(int count)
    {
        var writes = new List<(int, byte[], long)>(count);
        for (var i = 0; i < count; i++)
        {
            var number = random.Next(Strings);
            var fill = random.Next(50) == 0 ? random.Next(20_000) : random.Next(300);
            var deadline = random.Next(4) == 0 ? store.NowUnixMs + 1 + random.Next(30) : 0;
            writes.Add((number, SoakValue.Make(StringKey(number), ++_version, fill), deadline));
        }

        return writes;
    }

    private void Put(Transaction transaction, List<(int Number, byte[] Value, long Deadline)> writes)
    {
        foreach (var (number, value, deadline) in writes) transaction.PutString(store.KeyOf(StringKey(number)), value, deadline);
    }

    private void Remember(List<(int Number, byte[] Value, long Deadline)> writes)
    {
        foreach (var (number, value, deadline) in writes) _strings[number] = (value, deadline);
    }

    private void DeleteString(SoakRunner runner, int number)
    {
        var key = StringKey(number);
        runner.Run(runner.AnyPlan(), Database, [key], KeyAccess.Write, transaction => transaction.Delete(store.KeyOf(key)));
        _strings.Remove(number);
    }

    private void ChangeHash(SoakRunner runner, int number)
    {
        var key = HashKey(number);
        var model = _hashes[number];
        var isBig = random.Next(15) == 0;
        var names = Enumerable.Range(random.Next(Fields), isBig ? Fields : 1 + random.Next(5)).Select(static field => $"f{field}").ToArray();
        if (random.Next(3) == 0)
        {
            runner.Run(runner.AnyPlan(), Database, [key], KeyAccess.Write, transaction => transaction.RemoveFields(store.KeyOf(key), Pairs.Fields(names)));
            foreach (var name in names) model.Remove(name);
        }
        else
        {
            var value = $"{++_version}{new string('.', random.Next(70))}";
            var pairs = Pairs.Of([.. names.Select(name => (name, value))]);
            runner.Run(runner.AnyPlan(), Database, [key], KeyAccess.Write, transaction => transaction.SetFields(store.KeyOf(key), pairs));
            foreach (var name in names) model[name] = value;
        }

        if (random.Next(8) == 0) CheckHash(runner, number);
    }

    private void CheckHash(SoakRunner runner, int number)
    {
        var key = HashKey(number);
        var model = _hashes[number];
        runner.Run(runner.AnyPlan(), Database, [key], KeyAccess.Read, transaction =>
        {
            var found = transaction.FindHash(store.KeyOf(key), out var hash);
            if (found != (model.Count == 0 ? Found.Absent : Found.Present) || hash.Count != model.Count)
                throw new SoakViolationException($"{key.AsSpan().Text()} is {found} with {hash.Count} fields, the model has {model.Count}.");
            foreach (var (field, expected) in model)
            {
                if (!hash.TryGet(field.Bytes(), out var value) || value.Text() != expected)
                    throw new SoakViolationException($"Field {field} of {key.AsSpan().Text()} is not {expected}.");
            }
        });
    }

    // An open transaction sees its own writes; nobody sees them when it is rolled back.
    private void RunOpen(SoakRunner runner)
    {
        var writes = DrawWrites(2 + random.Next(4));
        runner.Open(Database, readOnly: false);
        foreach (var write in writes)
        {
            runner.RunOpen(transaction => Put(transaction, [write]));
            if (random.Next(4) == 0) Thread.Yield();
        }

        if (random.Next(3) == 0)
        {
            runner.Rollback();
            foreach (var (number, _, _) in writes) CheckString(runner, number);
            return;
        }

        // Blind writes read nothing; deleting what had a deadline in the past does.
        if (runner.Commit()) Remember(writes);
        else if (writes.TrueForAll(static write => write.Deadline == 0)) throw new SoakViolationException("A transaction of blind writes to private keys lost.");
    }
}
