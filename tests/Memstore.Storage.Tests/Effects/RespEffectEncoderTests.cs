using System.Text;
using Memstore.Engine;
using Memstore.Engine.Journaling;
using Memstore.Storage.Effects;

namespace Memstore.Storage.Tests.Effects;

public sealed class RespEffectEncoderTests
{
    [Fact]
    public void A_SET_is_what_a_client_would_send_whatever_its_lengths()
    {
        var log = new LastRecord();
        using var store = new Store(new StoreOptions { CommitLog = log, EffectEncoder = new RespEffectEncoder(), RunMaintenance = false });
        foreach (var keyLength in (int[])[0, 1, 9, 10, 99, 100, 1_000])
        {
            foreach (var valueLength in (int[])[0, 1, 9, 10, 11, 99, 100, 101, 999, 12_345, 100_000])
            {
                var key = new string('k', keyLength);
                var value = new string('v', valueLength);
                Set(store, key, value);
                Assert.Equal($"*3\r\n$3\r\nSET\r\n${keyLength}\r\n{key}\r\n${valueLength}\r\n{value}\r\n", log.Text);
            }
        }
    }

    private static void Set(Store store, string key, string value)
    {
        var body = new SetBody(Encoding.ASCII.GetBytes(key), Encoding.ASCII.GetBytes(value), store);
        var transaction = new Transaction(store);
        var worker = store.Rent();
        transaction.Begin(0);
        transaction.Declare(body.Route, KeyAccess.Write);
        Assert.True(transaction.TryRun(worker, body));
        store.Return(worker);
    }

    private sealed class SetBody(byte[] key, byte[] value, Store store) : ITransactionBody
    {
        public KeyRoute Route { get; } = store.RouteOf(key);

        public void Run(Transaction transaction) => transaction.PutString(new Key(key, Route), value);

        public void Completed(Transaction transaction, Exception? error) => Assert.Null(error);
    }

    private sealed class LastRecord : ICommitLog
    {
        private long _reserved;

        public string Text { get; private set; } = "";

        public long Reserve() => ++_reserved;

        public void Fill(long position, int database, ReadOnlySpan<byte> effects) => Text = Encoding.ASCII.GetString(effects);

        public long SafePosition(Durability level) => _reserved;

        public void WhenSafe(long position, Durability level, Action<object?, bool> callback, object? state) => callback(state, true);
    }
}
