using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>Deadlines of keys.</summary>
public sealed class ExpiryCommandTests : HandlerTests
{
    [Theory]
    [InlineData("EXPIRE k 10")]
    [InlineData("PEXPIRE k 10000")]
    [InlineData("EXPIREAT k 1700000010")]
    [InlineData("PEXPIREAT k 1700000010000")]
    public void A_deadline_is_seen_in_four_ways(string command)
    {
        Expect(command, 0);
        Expect("SET k v", "OK");
        Expect(command, 1);
        ExpectEvents("expire 0:k");
        Expect("TTL k", 10);
        Expect("PTTL k", 10_000);
        Expect("EXPIRETIME k", 1_700_000_010);
        Expect("PEXPIRETIME k", 1_700_000_010_000);
        Expect("PERSIST k", 1);
        ExpectEvents("persist 0:k");
        Expect("PERSIST k", 0);
        Expect("TTL k", -1);
    }

    [Theory]
    [InlineData("TTL")]
    [InlineData("PTTL")]
    [InlineData("EXPIRETIME")]
    [InlineData("PEXPIRETIME")]
    public void An_absent_key_has_no_time(string command)
    {
        Expect($"{command} k", -2);
        Expect("SET k v", "OK");
        Expect($"{command} k", -1);
    }

    [Fact]
    public void Seconds_are_rounded()
    {
        Expect("SET k v PX 1499", "OK");
        Expect("TTL k", 1);
        Expect("SET k v PX 1500", "OK");
        Expect("TTL k", 2);
    }

    [Theory]
    [InlineData("EXPIRE k -1")]
    [InlineData("EXPIRE k 0")]
    [InlineData("EXPIREAT k 1")]
    [InlineData("PEXPIRE k -9223372036854775808")]
    public void A_moment_that_has_passed_deletes(string command)
    {
        Expect("SET k v", "OK");
        Expect(command, 1);
        ExpectEvents("del 0:k");
        Expect("EXISTS k", 0);
        Expect(command, 0);
    }

    [Fact]
    public void Conditions_compare_with_the_deadline_there_is()
    {
        Expect("SET k v", "OK");
        Expect("EXPIRE k 100 XX", 0);
        Expect("EXPIRE k 100 GT", 0);
        Expect("EXPIRE k 100 LT", 1);
        Expect("EXPIRE k 200 NX", 0);
        Expect("EXPIRE k 200 LT", 0);
        Expect("EXPIRE k 100 GT", 0);
        Expect("EXPIRE k 200 XX GT", 1);
        Expect("EXPIRE k 50 XX LT", 1);
        Expect("TTL k", 50);
    }

    // Bad input 22.
    [Theory]
    [InlineData("EXPIRE k one", "ERR value is not an integer or out of range")]
    [InlineData("EXPIRE k 9223372036854775807", "ERR invalid expire time in 'expire' command")]
    [InlineData("EXPIRE k -9223372036854775808", "ERR invalid expire time in 'expire' command")]
    [InlineData("PEXPIRE k 9223372036854775807", "ERR invalid expire time in 'pexpire' command")]
    [InlineData("EXPIREAT k 9223372036854775807", "ERR invalid expire time in 'expireat' command")]
    [InlineData("EXPIRE k 1 NX GT", "ERR NX and XX, GT or LT options at the same time are not compatible")]
    [InlineData("EXPIRE k 1 XX NX", "ERR NX and XX, GT or LT options at the same time are not compatible")]
    [InlineData("EXPIRE k 1 GT LT", "ERR GT and LT options at the same time are not compatible")]
    [InlineData("EXPIRE k 1 NX soon", "ERR Unsupported option soon")]
    [InlineData("EXPIRE k one soon", "ERR Unsupported option soon")]
    [InlineData("EXPIRE k", "ERR wrong number of arguments for 'expire' command")]
    public void Times_and_options_are_checked(string command, string error) => ExpectError(command, error);

    [Fact]
    public void The_latest_moment_is_kept_as_far_as_deadlines_go()
    {
        Expect("SET k v", "OK");
        Expect("PEXPIREAT k 9223372036854775807", 1);
        Expect("PEXPIRETIME k", Deadlines.MaxUnixMs);
    }
}
