using Memstore.Engine.Memory;
using Xunit;

namespace Memstore.Engine.Tests.Memory;

/// <summary>Readers hold pointers to blocks while writers swap them: what a reader sees must stay whole until it leaves.</summary>
public sealed class ReclamationTests
{
    [Fact]
    public void A_reader_never_sees_a_freed_block()
    {
        using var race = new SwapRace(broken: false);
        race.Run(writesMax: 400_000);
        Assert.True(race.Failure is null, $"seed {race.Seed}: {race.Failure}");
        race.AssertAllComesBack();
    }

    [Fact]
    public void The_same_readers_notice_when_blocks_are_freed_at_once()
    {
        using var race = new SwapRace(broken: true);
        race.Run(writesMax: 50_000_000);
        Assert.True(race.Failure is not null, $"seed {race.Seed}: the readers would not notice a broken reclaimer");
    }

    [Fact]
    public void Records_move_out_of_sparse_pages_under_the_readers_eyes()
    {
        using var race = new SwapRace(broken: false) { Evacuates = true };
        race.Run(writesMax: 400_000);
        Assert.True(race.Failure is null, $"seed {race.Seed}: {race.Failure}");
        Assert.True(race.Moved > 0, "Nothing was moved.");
        race.AssertAllComesBack();
    }
}
