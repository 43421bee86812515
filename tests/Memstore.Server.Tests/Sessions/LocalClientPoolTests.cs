using System.Text;
using Memstore.Protocol;
using Memstore.Server.Sessions;
using Xunit;

namespace Memstore.Server.Tests.Sessions;

public sealed class LocalClientPoolTests
{
    [Theory]
    [InlineData(10, 1)]
    [InlineData(LocalClient.ArgumentsKept + 10, 0)]
    public async Task A_client_that_a_request_has_made_large_is_not_kept(int arguments, int kept)
    {
        await using var host = ServerFixture.Make(TimeProvider.System);
        var pool = new LocalClientPool(host.State);
        var client = pool.Rent(null, null, new LocalTerms(Protocol: 2))!;
        using var requests = new RequestList();
        requests.Start();
        requests.Add("EXISTS"u8);
        for (var i = 0; i < arguments; i++) requests.Add("k"u8);
        var replies = await client.RunAsync(requests, TestContext.Current.CancellationToken);
        Assert.Equal(":0\r\n", Encoding.ASCII.GetString(replies.FirstSpan));
        client.Taken();
        pool.Return(client);
        Assert.Equal(kept, pool.IdleCount);
    }
}
