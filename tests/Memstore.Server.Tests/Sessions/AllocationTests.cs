using System.IO.Pipelines;
using Xunit;

namespace Memstore.Server.Tests.Sessions;

[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationCollection;

/// <summary>In the steady state the paths of GET and SET allocate nothing on the managed heap.</summary>
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests
{
    private const int Rounds = 400;
    private const int CommandsPerRound = 64;
    private const int SmallestObject = 24;

    [Theory]
    [InlineData("SET key:1 0123456789abcdef0123456789abcdef", "+OK\r\n")]
    [InlineData("GET key:1", "$32\r\n0123456789abcdef0123456789abcdef\r\n")]
    [InlineData("GET absent", "$-1\r\n")]
    [InlineData("INCR counter", null)]
    [InlineData("MSET key:1 0123456789abcdef key:2 0123456789abcdef", "+OK\r\n")]
    [InlineData("MULTI;SET key:2 0123456789abcdef;GET key:1;EXEC",
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$32\r\n0123456789abcdef0123456789abcdef\r\n")]
    public async Task A_command_in_a_pipeline_allocates_nothing(string command, string? reply)
    {
        await using var host = ServerFixture.Make(TimeProvider.System, ("transport", "sockets"));
        var connection = new MemoryConnection();
        _ = connection.ServeAsync(host.ServeAsync);
        var batch = RespClient.Pipeline([.. Enumerable.Repeat(command.Split(';'), CommandsPerRound).SelectMany(commands => commands)]);
        await RunAsync(connection, RespClient.Pipeline("SET key:1 0123456789abcdef0123456789abcdef", "SET counter 100000"), 10, 1);
        var size = reply is null ? CommandsPerRound * 9 : CommandsPerRound * reply.Length;
        await RunAsync(connection, batch, size, Rounds);
        await RunAsync(connection, batch, size, Rounds);

        // The test's own awaits and the pool's threads allocate a little now and then, a command must not.
        var perCommand = double.MaxValue;
        for (var attempt = 0; attempt < 5 && perCommand >= 1; attempt++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await RunAsync(connection, batch, size, Rounds);
            var allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
            perCommand = Math.Min(perCommand, (double)allocated / Rounds / CommandsPerRound);
        }
        // Longer commands may end their session's turn, and to go on in the next costs an object for the whole pipeline.
        Assert.True(perCommand < (command.StartsWith('M') ? SmallestObject / 2 : 1), $"{perCommand} bytes for each {command}.");
    }

    // Bad input 6, here because the memory of the whole process is measured: other tests may keep as much at the same time.
    [Theory]
    [MemberData(nameof(BadInputTests.Transports), MemberType = typeof(BadInputTests))]
    public async Task Input_6_announced_sizes_take_no_memory_before_the_bytes_come(string transport)
    {
        await using var host = await BadInputTests.StartAsync(transport);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var clients = new List<RespClient>();
        for (var i = 0; i < 50; i++)
        {
            var client = await ServerFixture.ConnectAsync(host);
            await client.WriteAsync("*2\r\n$4\r\nECHO\r\n$500000000\r\nabc"u8.ToArray());
            clients.Add(client);
        }
        await BadInputTests.ExpectAlive(host);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 64 * 1024 * 1024);
        foreach (var client in clients) client.Dispose();
    }

    private static async Task RunAsync(MemoryConnection connection, byte[] batch, int replySize, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            await connection.ClientOutput.WriteAsync(batch);
            for (var read = 0L; read < replySize;)
            {
                var result = await connection.ClientInput.ReadAsync();
                Assert.False(result.IsCompleted);
                read += result.Buffer.Length;
                connection.ClientInput.AdvanceTo(result.Buffer.End);
            }
        }
    }
}
