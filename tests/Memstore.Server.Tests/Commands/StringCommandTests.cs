using System.Text;
using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>Strings, counters and their options; every expectation is what Redis 7.0.15 answers.</summary>
public sealed class StringCommandTests : HandlerTests
{
    private const string WrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
    private const string MediaTypeError = "ERR invalid media type, it must be like text/plain, with parameters of at most 255 bytes in all";
    private const string NotInteger = "ERR value is not an integer or out of range";

    [Fact]
    public void Get_answers_what_Set_has_set()
    {
        Expect("GET page", null);
        Expect("SET page hello", "OK");
        Expect("GET page", "hello");
        ExpectEvents();
        Expect("SET page \"\"", "OK");
        Expect("GET page", "");
    }

    // Bad input 25.
    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0 })]
    [InlineData(new byte[] { 13, 10 })]
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 })]
    public void Keys_and_values_are_any_bytes(byte[] bytes)
    {
        Server.Run("SET"u8.ToArray(), bytes, bytes);
        Assert.Equal(bytes, Server.Run("GET"u8.ToArray(), bytes).Bytes.ToArray());
        Assert.Equal(bytes, Server.Run("RANDOMKEY"u8.ToArray()).Bytes.ToArray());
    }

    [Fact]
    public void Set_NX_and_XX_look_whether_the_key_is_there()
    {
        Expect("SET page 1 XX", null);
        Expect("SET page 1 NX", "OK");
        ExpectEvents("set 0:page");
        Expect("SET page 2 NX", null);
        ExpectEvents();
        Expect("SET page 3 XX", "OK");
        Expect("GET page", "3");
    }

    [Fact]
    public void Set_GET_answers_the_value_before()
    {
        Expect("SET page 1 GET", null);
        Expect("SET page 2 GET", "1");
        Expect("SET page 3 NX GET", "2");
        Expect("SET other 3 XX GET", null);
        Expect("GET page", "2");
        Expect("EXISTS other", 0);
    }

    [Fact]
    public void Set_takes_times_in_four_forms()
    {
        Expect("SET a 1 EX 10", "OK");
        ExpectEvents("set 0:a", "expire 0:a");
        Expect("SET b 1 PX 10000", "OK");
        Expect("SET c 1 EXAT 1700000010", "OK");
        Expect("SET d 1 PXAT 1700000010000", "OK");
        foreach (var key in "abcd") Expect($"PTTL {key}", 10_000);
        Expect("SET a 2 KEEPTTL", "OK");
        Expect("PTTL a", 10_000);
        Expect("SET a 3", "OK");
        Expect("PTTL a", -1);
        Expect("SET a 1 EX 10 EX 20", "OK");
        Expect("TTL a", 20);
    }

    [Fact]
    public void Set_with_a_moment_that_has_passed_leaves_no_key()
    {
        Expect("SET page 1", "OK");
        Expect("SET page 2 PXAT 1", "OK");
        Expect("GET page", null);
    }

    [Fact]
    public void A_value_is_gone_at_its_deadline()
    {
        Expect("SET page 1 PX 100", "OK");
        Server.Clock.Advance(TimeSpan.FromMilliseconds(99));
        Expect("GET page", "1");
        Server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        Expect("GET page", null);
        Expect("INCR page", 1);
        Expect("TTL page", -1);
    }

    // Bad input 22.
    [Theory]
    [InlineData("SET k v EX 0", "ERR invalid expire time in 'set' command")]
    [InlineData("SET k v EX -1", "ERR invalid expire time in 'set' command")]
    [InlineData("SET k v EX 9223372036854775807", "ERR invalid expire time in 'set' command")]
    [InlineData("SET k v PX 9223372036854775807", "ERR invalid expire time in 'set' command")]
    [InlineData("SET k v EX one", NotInteger)]
    [InlineData("SET k v EX", "ERR syntax error")]
    [InlineData("SET k v EX 1 PX 1", "ERR syntax error")]
    [InlineData("SET k v KEEPTTL EX 1", "ERR syntax error")]
    [InlineData("SET k v EX 1 KEEPTTL", "ERR syntax error")]
    [InlineData("SET k v MEDIATYPE", "ERR syntax error")]
    [InlineData("SET k v MEDIATYPE text", MediaTypeError)]
    [InlineData("SET k v MEDIATYPE /plain", MediaTypeError)]
    [InlineData("SET k v MEDIATYPE text/", MediaTypeError)]
    [InlineData("SET k v MEDIATYPE text;x=/y", MediaTypeError)]
    [InlineData("SET k v MEDIATYPE text/pl(ain", MediaTypeError)]
    [InlineData("SET k v MEDIATYPE \"text/plain;x\\r\\ny: z\"", MediaTypeError)]
    [InlineData("SET k v MEDIATYPE \"text/plain;x=\\xc3\\xa4\"", MediaTypeError)]
    [InlineData("SET k v NX XX", "ERR syntax error")]
    [InlineData("SET k v EX one FOO", "ERR syntax error")]
    [InlineData("SET k", "ERR wrong number of arguments for 'set' command")]
    [InlineData("SETEX k 0 v", "ERR invalid expire time in 'setex' command")]
    [InlineData("PSETEX k -1 v", "ERR invalid expire time in 'psetex' command")]
    [InlineData("SETEX k one v", NotInteger)]
    [InlineData("GETEX k EX 1 PERSIST", "ERR syntax error")]
    [InlineData("GETEX k KEEPTTL", "ERR syntax error")]
    public void Times_and_options_are_checked(string command, string error) => ExpectError(command, error);

    [Fact]
    public void SetEx_and_PSetEx_set_with_a_time()
    {
        Expect("SETEX page 10 hello", "OK");
        Expect("TTL page", 10);
        Expect("PSETEX page 10000 hello", "OK");
        Expect("PTTL page", 10_000);
    }

    [Fact]
    public void SetNx_sets_an_absent_key()
    {
        Expect("SETNX page 1", 1);
        Expect("SETNX page 2", 0);
        Expect("GET page", "1");
    }

    [Fact]
    public void GetSet_answers_the_old_value_and_drops_the_deadline()
    {
        Expect("GETSET page 1", null);
        Expect("EXPIRE page 10", 1);
        Expect("GETSET page 2", "1");
        Expect("TTL page", -1);
    }

    [Fact]
    public void GetDel_answers_and_deletes()
    {
        Expect("SET page 1", "OK");
        Expect("GETDEL page", "1");
        ExpectEvents("del 0:page");
        Expect("GETDEL page", null);
    }

    [Fact]
    public void GetEx_changes_the_deadline()
    {
        Expect("GETEX page EX -1", null);
        Expect("SET page 1", "OK");
        Expect("GETEX page", "1");
        Expect("TTL page", -1);
        Expect("GETEX page EX 10", "1");
        ExpectEvents("expire 0:page");
        Expect("TTL page", 10);
        Expect("GETEX page PERSIST", "1");
        ExpectEvents("persist 0:page");
        Expect("TTL page", -1);
        ExpectError("GETEX page EX -1", "ERR invalid expire time in 'getex' command");
        Expect("GETEX page PXAT 1", "1");
        ExpectEvents("del 0:page");
        Expect("EXISTS page", 0);
    }

    [Fact]
    public void MGet_and_MSet_take_several_keys()
    {
        Expect("MSET a 1 b 2 a 3", "OK");
        Expect("MGET a b c a", new object?[] { "3", "2", null, "3" });
        ExpectError("MSET a 1 b", "ERR wrong number of arguments for 'mset' command");
        ExpectError("MSETNX a 1 b", "ERR wrong number of arguments for 'msetnx' command");
    }

    // Bad input 26: Redis had to be mended for it (CVE-2023-28425).
    [Fact]
    public void MSetNx_sets_all_or_nothing()
    {
        Expect("MSETNX a 1 a 2", 1);
        Expect("GET a", "2");
        Expect("MSETNX b 1 a 2", 0);
        Expect("EXISTS b", 0);
    }

    [Fact]
    public void Incr_and_its_kin_count()
    {
        Expect("INCR page", 1);
        ExpectEvents("incrby 0:page");
        Expect("INCRBY page 41", 42);
        Expect("DECR page", 41);
        Expect("DECRBY page 41", 0);
        Expect("DECRBY page -5", 5);
        Expect("EXPIRE page 10", 1);
        Expect("INCR page", 6);
        Expect("TTL page", 10);
    }

    // Bad input 21.
    [Theory]
    [InlineData("9223372036854775807", "INCR k", "ERR increment or decrement would overflow")]
    [InlineData("-9223372036854775808", "DECR k", "ERR increment or decrement would overflow")]
    [InlineData("-1", "INCRBY k -9223372036854775808", "ERR increment or decrement would overflow")]
    [InlineData("0", "DECRBY k -9223372036854775808", "ERR decrement would overflow")]
    [InlineData("0", "INCRBY k 9223372036854775808", NotInteger)]
    [InlineData("9223372036854775808", "INCR k", NotInteger)]
    [InlineData("01", "INCR k", NotInteger)]
    [InlineData("' 1'", "INCR k", NotInteger)]
    [InlineData("0", "INCRBY k 1.5", NotInteger)]
    [InlineData("0", "INCRBYFLOAT k nan", "ERR value is not a valid float")]
    [InlineData("0", "INCRBYFLOAT k 1e5000", "ERR value is not a valid float")]
    [InlineData("one", "INCRBYFLOAT k 1", "ERR value is not a valid float")]
    [InlineData("0", "INCRBYFLOAT k ' 1'", "ERR value is not a valid float")]
    public void Counters_stop_at_their_borders(string value, string command, string error)
    {
        Expect($"SET k {value}", "OK");
        ExpectError(command, error);
    }

    [Theory]
    [InlineData("10.50", "0.1", "10.6")]
    [InlineData("5.0e3", "2.0e2", "5200")]
    [InlineData("1", "-1.1", "-0.1")]
    [InlineData("0", "0x10", "16")]
    public void IncrByFloat_adds(string value, string increment, string sum)
    {
        Expect($"SET k {value}", "OK");
        Expect($"INCRBYFLOAT k {increment}", sum);
        Expect("GET k", sum);
    }

    [Fact]
    public void Append_and_SetRange_build_a_string()
    {
        Expect("APPEND page hello", 5);
        Expect("OBJECT ENCODING page", "embstr");
        Expect("EXPIRE page 10", 1);
        Expect("APPEND page !", 6);
        Expect("GET page", "hello!");
        Expect("OBJECT ENCODING page", "raw");
        Expect("SETRANGE page 1 ipp", 6);
        Expect("GET page", "hippo!");
        Expect("SETRANGE page 8 x", 9);
        Expect("GET page", "hippo!\0\0x");
        Expect("TTL page", 10);
        Expect("SETRANGE new 2 x", 3);
        Expect("GET new", "\0\0x");
        Expect("SETRANGE absent 5 ''", 0);
        Expect("EXISTS absent", 0);
        Expect("STRLEN page", 9);
        Expect("STRLEN absent", 0);
    }

    // Bad inputs 19 and 20.
    [Theory]
    [InlineData("SETRANGE k -1 x", "ERR offset is out of range")]
    [InlineData("SETRANGE k one x", NotInteger)]
    [InlineData("SETRANGE k 536870912 x", "ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    [InlineData("SETRANGE absent 4294967296 x", "ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    [InlineData("SETRANGE k 9223372036854775807 x", "ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    public void SetRange_keeps_within_the_largest_string(string command, string error)
    {
        Expect("SET k v", "OK");
        ExpectError(command, error);
    }

    [Fact]
    public void Append_keeps_within_the_largest_string()
    {
        Assert.True(Server.Settings.TrySetAtStart("proto-max-bulk-len", "1048576", out _));
        Expect("SETRANGE k 1048575 x", 1_048_576);
        ExpectError("APPEND k x", "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        Expect("STRLEN k", 1_048_576);
    }

    [Theory]
    [InlineData("0 3", "This")]
    [InlineData("0 -1", "This is a string")]
    [InlineData("-6 -1", "string")]
    [InlineData("5 100", "is a string")]
    [InlineData("5 4", "")]
    [InlineData("-1 -5", "")]
    [InlineData("-100 -99", "T")]
    [InlineData("-9223372036854775808 9223372036854775807", "This is a string")]
    [InlineData("2147483648 4294967296", "")]
    public void GetRange_answers_a_part(string range, string part)
    {
        Expect("SET k 'This is a string'", "OK");
        Expect($"GETRANGE k {range}", part);
        Expect($"SUBSTR k {range}", part);
        Expect($"GETRANGE absent {range}", "");
    }
}
