using System.Text;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Memstore.Engine.Tests.Keys;

/// <summary>The keys that occupy most memory are found in the background, and those that are gone are not shown.</summary>
public sealed class BigKeyTests
{
    // More rounds than the scan needs to look at everything twice here.
    private const int Rounds = 400;

    [Fact]
    public void The_biggest_keys_of_many_are_found_in_order()
    {
        using var store = NewStore();
        for (var i = 0; i < 5_000; i++) store.Set($"small{i}", new string('v', 20 + (i % 50)));
        for (var i = 1; i <= 20; i++) store.Set($"big{i}", new string('v', i * 10_000), database: i % 2);
        Scan(store);

        var keys = store.BigKeys(20);
        Assert.Equal(Enumerable.Range(1, 20).Reverse().Select(static i => $"big{i}"), keys.Select(static key => Encoding.ASCII.GetString(key.Key)));
        Assert.All(keys, static key => Assert.Equal(ValueType.String, key.Type));
        Assert.Equal(0, keys[0].Database);
        Assert.Equal(1, keys[1].Database);
        Assert.InRange(keys[0].Bytes, 200_000, 250_000);
        Assert.Equal(store.RouteOf("big20"u8).Slot, keys[0].Slot);
        Assert.Equal(3, store.BigKeys(3).Count);
        Assert.True(store.Statistics().Memory.BigKeys > 0);
    }

    [Fact]
    public void A_key_that_is_deleted_or_expired_or_flushed_leaves_at_once_and_others_take_its_place()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddDays(20_000));
        using var store = new Store(new StoreOptions { Seed = 5, RunMaintenance = false, TimeProvider = clock });
        for (var i = 0; i < 300; i++) store.Set($"k{i}", new string('v', 1_000 + (i * 10)));
        store.Set("mortal", new string('v', 90_000), store.NowUnixMs + 200);
        store.Set("other", new string('v', 50_000), database: 1);
        Scan(store);
        Assert.Equal(["mortal", "other"], Names(store, 2));

        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("other", Names(store, 1)[0]);
        store.RunOnEverything(TransactionPlan.Held, 1, static t => t.Flush(1));
        for (var i = 299; i > 99; i--) store.Run(TransactionPlan.Held, 0, [$"k{i}"], t => t.Remove($"k{i}"));
        Assert.DoesNotContain("other", Names(store, 1_000));
        Scan(store);
        Assert.Equal(Enumerable.Range(0, 100).Select(static i => $"k{i}").Order(), Names(store, 1_000).Order());
    }

    [Fact]
    public void A_key_that_grows_is_found_by_the_growth_of_its_slot()
    {
        using var store = NewStore();
        for (var i = 0; i < 2_000; i++) store.Set($"k{i}", "v");
        Scan(store);
        store.Set("k7", new string('v', 30_000));
        for (var i = 0; i < 101; i++) store.Maintain();
        Assert.Equal("k7", Names(store, 1)[0]);
    }

    [Fact]
    public void The_slot_that_has_grown_most_is_looked_at_before_all_that_the_scan_has_not_seen()
    {
        using var store = NewStore();
        for (var i = 0; i < 60_000; i++) store.Set($"k{i}", new string('v', 300));
        store.Set("big", new string('v', 30_000));
        // One step of at most some hundred entries.
        store.Maintain();
        Assert.Equal("big", Names(store, 1)[0]);
    }

    private static Store NewStore() => new(new StoreOptions { Seed = 5, RunMaintenance = false });

    private static void Scan(Store store)
    {
        for (var i = 0; i < Rounds; i++) store.Maintain();
    }

    private static string[] Names(Store store, int count) => [.. store.BigKeys(count).Select(static key => Encoding.ASCII.GetString(key.Key))];
}
