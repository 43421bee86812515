using Xunit;

namespace Memstore.Engine.Tests.Transactions;

/// <summary>What is done once so that it is compiled is really done.</summary>
public sealed class RehearsalTests
{
    [Fact]
    public void A_rehearsal_commits_expires_flushes_and_leaves_nothing()
    {
        var figures = Store.RehearseOnce();
        Assert.Equal(1, figures.ExpiredKeys);
        // The write, the expiry, FLUSHALL with SWAPDB, and the cut.
        Assert.True(figures.Commits >= 4, $"{figures.Commits} commits");
        Assert.Equal((0, 0L), (figures.OpenSnapshots, figures.Databases.Sum(static database => database.Keys)));
    }
}
