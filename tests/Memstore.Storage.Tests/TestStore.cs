using System.Globalization;
using System.Text;
using Memstore.Engine;
using Memstore.Engine.Values;
using Memstore.Storage.Disks;
using Memstore.Storage.Effects;
using Memstore.Storage.Recovery;
using Microsoft.Extensions.Time.Testing;
using ValueType = Memstore.Engine.ValueType;

namespace Memstore.Storage.Tests;

/// <summary>A store that lives in a data directory: opened and recovered when it is made, with a journal if that is asked for.</summary>
internal sealed class TestStore : IDisposable
{
    public const string Path = "/data";

    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TestJournal? _journal;

    public TestStore(IDisk disk, bool hasJournal = true, FakeTimeProvider? clock = null, TimeSpan keep = default, int databases = 16, string path = Path)
    {
        Clock = clock ?? new FakeTimeProvider(Start);
        Directory = StorageDirectory.Open(disk, path, new StorageDirectoryOptions { Keep = keep, SaveShare = 1, TimeProvider = Clock });
        Store = New(Clock, databases);
        try
        {
            Recovered = Directory.Recover(Store);
            if (hasJournal) _journal = new TestJournal(disk, path, Directory.StoreId, Recovered.NextSegment, Recovered.LastSequence + 1, Clock);
            AsLoaded = Dump(Store);
            Store.EndLoading(_journal);
        }
        catch
        {
            Store.Dispose();
            Directory.Dispose();
            throw;
        }
    }

    public FakeTimeProvider Clock { get; }

    public Store Store { get; }

    public StorageDirectory Directory { get; }

    public RecoveryResult Recovered { get; }

    /// <summary>What was recovered, before time went on.</summary>
    public IReadOnlyDictionary<string, string> AsLoaded { get; }

    public long LastSequence => _journal!.LastSequence;

    public TestJournal Journal => _journal!;

    public static Store New(TimeProvider clock, int databases = 16) => new(new StoreOptions
    {
        TimeProvider = clock,
        Databases = databases,
        EffectEncoder = new RespEffectEncoder(),
        RunMaintenance = false,
        StartsLoading = true,
    });

    /// <summary>Everything in a store, as text that can be compared.</summary>
    public static IReadOnlyDictionary<string, string> Dump(Store store)
    {
        using var cut = store.TakeCut();
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var database = 0; database < cut.DatabaseCount; database++)
        {
            var visitor = new Describer(found, database);
            Assert.Equal(0UL, cut.Read(database, 0, int.MaxValue, ref visitor));
        }

        return found;
    }

    public IReadOnlyDictionary<string, string> Dump() => Dump(Store);

    public SaveResult Save() => TrySave()!;

    public SaveResult? TrySave() => Directory.TrySave(
        Store, _journal is null ? null : sequence => Task.FromResult(_journal.Split(sequence)), stop: TestContext.Current.CancellationToken);

    /// <summary>Runs a transaction.</summary>
    public void Run(int database, Action<Transaction> action) => Run(Store, database, action);

    /// <summary>Runs a transaction on any store.</summary>
    public static void Run(Store store, int database, Action<Transaction> action)
    {
        var transaction = new Transaction(store);
        transaction.Begin(database);
        transaction.DeclareEverything(KeyAccess.Write);
        var worker = store.Rent();
        try
        {
            Assert.True(transaction.TryRun(worker, new Body(action)));
        }
        finally
        {
            store.Return(worker);
        }
    }

    public void Set(string key, string value, int database = 0, long deadline = 0, bool raw = false, string mediaType = "") =>
        Run(database, transaction => transaction.PutString(KeyOf(key), Encoding.UTF8.GetBytes(value), deadline, raw, Encoding.ASCII.GetBytes(mediaType)));

    public void SetFields(string key, IEnumerable<(string Field, string Value)> pairs, int database = 0) =>
        Run(database, transaction => transaction.SetFields(KeyOf(key), new Pairs(pairs)));

    public Key KeyOf(string key) => KeyOf(Store, key);

    public static Key KeyOf(Store store, string key)
    {
        var bytes = Encoding.UTF8.GetBytes(key);
        return new Key(bytes, store.RouteOf(bytes));
    }

    public void Dispose()
    {
        Store.Dispose();
        try
        {
            _journal?.Dispose();
        }
        catch (IOException)
        {
            // The disk has stopped; that was the test.
        }

        Directory.Dispose();
    }

    /// <summary>Fields with values.</summary>
    public sealed class Pairs(IEnumerable<(string Field, string Value)> pairs) : IFieldValues
    {
        private readonly (byte[] Field, byte[] Value)[] _pairs =
            [.. pairs.Select(static pair => (Encoding.UTF8.GetBytes(pair.Field), Encoding.UTF8.GetBytes(pair.Value)))];

        public int Count => _pairs.Length;

        public ReadOnlySpan<byte> Field(int index) => _pairs[index].Field;

        public ReadOnlySpan<byte> Value(int index) => _pairs[index].Value;
    }

    private sealed class Body(Action<Transaction> action) : ITransactionBody
    {
        public void Run(Transaction transaction) => action(transaction);

        public void Completed(Transaction transaction, Exception? error)
        {
        }
    }

    private readonly struct Describer(SortedDictionary<string, string> found, int database) : IEntryVisitor
    {
        public void Visit(in Entry entry)
        {
            var text = new StringBuilder();
            text.Append(CultureInfo.InvariantCulture, $"@{entry.DeadlineUnixMs} ");
            if (entry.Type == ValueType.String)
            {
                if (!entry.MediaType.IsEmpty) text.Append(Encoding.Latin1.GetString(entry.MediaType)).Append(' ');
                text.Append(entry.IsRaw ? "raw " : "string ").Append(Encoding.Latin1.GetString(entry.Value));
            }
            else
            {
                var fields = new SortedDictionary<string, string>(StringComparer.Ordinal);
                foreach (var pair in entry.Hash) fields.Add(Encoding.Latin1.GetString(pair.Field), Encoding.Latin1.GetString(pair.Value));
                text.Append("hash ").AppendJoin(' ', fields.Select(static pair => $"{pair.Key}={pair.Value}"));
            }

            found.Add($"{database}:{Encoding.Latin1.GetString(entry.Key)}", text.ToString());
        }
    }
}
