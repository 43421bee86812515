using Memstore.Protocol;
using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>Keys of any type, and going through them.</summary>
public sealed class KeyCommandTests : HandlerTests
{
    [Fact]
    public void Del_Unlink_Exists_and_Touch_count()
    {
        Expect("MSET a 1 b 2 c 3", "OK");
        Expect("EXISTS a a b x", 3);
        Expect("TOUCH a b x", 2);
        Expect("DEL a a x", 1);
        ExpectEvents("del 0:a");
        Expect("UNLINK b c", 2);
        Expect("EXISTS a b c", 0);
        Expect("DBSIZE", 0);
    }

    [Fact]
    public void Type_names_the_type()
    {
        Expect("SET a 1", "OK");
        Expect("TYPE a", "string");
        Expect("TYPE x", "none");
    }

    [Fact]
    public void Rename_takes_value_and_deadline_along()
    {
        Expect("SET a 1 EX 10", "OK");
        Expect("SET b 2", "OK");
        Expect("RENAME a b", "OK");
        ExpectEvents("rename_from 0:a", "rename_to 0:b");
        Expect("GET b", "1");
        Expect("TTL b", 10);
        Expect("EXISTS a", 0);
        Expect("RENAME b b", "OK");
        Expect("RENAMENX b b", 0);
        Expect("SET c 3", "OK");
        Expect("RENAMENX b c", 0);
        Expect("RENAMENX b d", 1);
        Expect("GET d", "1");
        ExpectError("RENAME x y", "ERR no such key");
        ExpectError("RENAMENX x x", "ERR no such key");
    }

    [Fact]
    public void Copy_leaves_the_source()
    {
        Expect("SET a 1 EX 10", "OK");
        Expect("COPY a b", 1);
        ExpectEvents("copy_to 0:b");
        Expect("TTL b", 10);
        Expect("SET a 2", "OK");
        Expect("COPY a b", 0);
        Expect("COPY a b REPLACE", 1);
        Expect("MGET a b", new object[] { "2", "2" });
        Expect("TTL b", -1);
        Expect("COPY a a DB 3", 1);
        ExpectEvents("copy_to 3:a");
        Expect("COPY x y", 0);
        ExpectError("COPY a a", "ERR source and destination objects are the same");
        ExpectError("COPY a a REPLACE", "ERR source and destination objects are the same");
        ExpectError("COPY a b DB", "ERR syntax error");
        ExpectError("COPY a b OVER", "ERR syntax error");
    }

    // Bad input 23.
    [Theory]
    [InlineData("COPY a b DB 16", "ERR DB index is out of range")]
    [InlineData("COPY a b DB -1", "ERR DB index is out of range")]
    [InlineData("COPY a b DB one", "ERR value is not an integer or out of range")]
    [InlineData("COPY a b DB 99999999999", "ERR value is out of range, value must between -2147483648 and 2147483647")]
    [InlineData("MOVE a 16", "ERR DB index is out of range")]
    [InlineData("MOVE a 0", "ERR source and destination objects are the same")]
    [InlineData("MOVE a one", "ERR value is not an integer or out of range")]
    [InlineData("SWAPDB one 1", "ERR invalid first DB index")]
    [InlineData("SWAPDB 1 99999999999", "ERR invalid second DB index")]
    [InlineData("SWAPDB 1 16", "ERR DB index is out of range")]
    [InlineData("FLUSHALL NOW", "ERR syntax error")]
    [InlineData("FLUSHDB ASYNC SYNC", "ERR syntax error")]
    public void Databases_are_checked(string command, string error)
    {
        Expect("SET a 1", "OK");
        ExpectError(command, error);
    }

    [Fact]
    public void Move_goes_to_another_database_unless_it_has_the_key()
    {
        Expect("SET a 1 EX 10", "OK");
        Expect("MOVE a 1", 1);
        ExpectEvents("move_from 0:a", "move_to 1:a");
        Expect("MOVE a 1", 0);
        Expect("SET a 2", "OK");
        Expect("MOVE a 1", 0);
        Server.Database = 1;
        Expect("GET a", "1");
        Expect("TTL a", 10);
    }

    [Fact]
    public void SwapDb_and_Flush_work_on_databases()
    {
        Expect("SET a 0", "OK");
        Server.Database = 1;
        Expect("SET a 1", "OK");
        Expect("SWAPDB 0 1", "OK");
        Expect("GET a", "0");
        Expect("SWAPDB 1 1", "OK");
        Expect("FLUSHDB SYNC", "OK");
        Expect("DBSIZE", 0);
        Server.Database = 0;
        Expect("GET a", "1");
        Expect("FLUSHALL async", "OK");
        Expect("DBSIZE", 0);
    }

    [Fact]
    public void Keys_matches_a_pattern()
    {
        Expect("MSET hello 1 hallo 2 help 3", "OK");
        Assert.Equal(["hallo", "hello"], Names(Server.Run("KEYS h?llo")));
        Assert.Equal(["hallo", "hello", "help"], Names(Server.Run("KEYS *")));
        Assert.Empty(Names(Server.Run("KEYS x*")));
    }

    [Fact]
    public void Scan_goes_through_all_keys()
    {
        for (var i = 0; i < 1_000; i++) Expect($"SET key:{i} {i}", "OK");
        var seen = new HashSet<string>();
        var cursor = "0";
        do
        {
            var reply = Server.Run($"SCAN {cursor} COUNT 50");
            cursor = reply.Items[0].Text;
            seen.UnionWith(Names(reply.Items[1]));
        }
        while (cursor != "0");
        Assert.Equal(1_000, seen.Count);
        Assert.Equal(11, Names(Server.Run("SCAN 0 COUNT 10000 MATCH key:1?").Items[1]).Length + Names(Server.Run("SCAN 0 COUNT 10000 MATCH key:1 TYPE STRING").Items[1]).Length);
        Assert.Empty(Names(Server.Run("SCAN 0 COUNT 10000 TYPE hash").Items[1]));
        Assert.Empty(Names(Server.Run("SCAN 0 COUNT 10000 TYPE ''").Items[1]));
    }

    // Bad input 18.
    [Theory]
    [InlineData("SCAN one", "ERR invalid cursor")]
    [InlineData("SCAN 18446744073709551616", "ERR invalid cursor")]
    [InlineData("SCAN ' 0'", "ERR invalid cursor")]
    [InlineData("SCAN 0 COUNT 0", "ERR syntax error")]
    [InlineData("SCAN 0 COUNT -9223372036854775808", "ERR syntax error")]
    [InlineData("SCAN 0 COUNT 9223372036854775808", "ERR value is not an integer or out of range")]
    [InlineData("SCAN 0 COUNT", "ERR syntax error")]
    [InlineData("SCAN 0 FOO", "ERR syntax error")]
    public void Scan_checks_its_arguments(string command, string error) => ExpectError(command, error);

    [Theory]
    [InlineData("0")]
    [InlineData("+0")]
    [InlineData("-1")]
    [InlineData("18446744073709551615")]
    [InlineData("1234567")]
    public void Any_number_is_a_cursor(string cursor) =>
        Assert.Equal("0", Server.Run($"SCAN {cursor} COUNT 9223372036854775807").Items[0].Text);

    [Fact]
    public void RandomKey_answers_a_key_that_is_there()
    {
        Expect("RANDOMKEY", null);
        Expect("MSET a 1 b 2", "OK");
        Assert.Contains(Server.Run("RANDOMKEY").Text, (string[])["a", "b"]);
    }

    [Theory]
    [InlineData("12345", "int")]
    [InlineData("-9223372036854775808", "int")]
    [InlineData("012", "embstr")]
    [InlineData("12345678901234567890123456789012345678901234", "embstr")]
    [InlineData("123456789012345678901234567890123456789012345", "raw")]
    public void Object_Encoding_names_what_Redis_would_use(string value, string encoding)
    {
        Expect($"SET a {value}", "OK");
        Expect("OBJECT ENCODING a", encoding);
    }

    [Fact]
    public void Object_answers_about_a_key()
    {
        foreach (var subcommand in (string[])["ENCODING", "FREQ", "IDLETIME", "MEDIATYPE", "REFCOUNT"]) Expect($"OBJECT {subcommand} x", null);
        Expect("SET a text", "OK");
        Expect("OBJECT IDLETIME a", 0);
        Expect("OBJECT REFCOUNT a", 1);
        Expect("SET a 9999", "OK");
        Expect("OBJECT REFCOUNT a", 2_147_483_647);
        Expect("INCR a", 10_000);
        Expect("OBJECT REFCOUNT a", 1);
        Assert.StartsWith("ERR An LFU maxmemory policy is not selected", Server.Run("OBJECT FREQ a").Text, StringComparison.Ordinal);
        ExpectError("OBJECT SIZE a", "ERR unknown subcommand 'SIZE'. Try OBJECT HELP.");
        ExpectError("OBJECT ENCODING", "ERR wrong number of arguments for 'object|encoding' command");
        ExpectError("OBJECT", "ERR wrong number of arguments for 'object' command");
        Assert.Contains(Server.Run("OBJECT HELP").Items, line => line.Text == "ENCODING key");
    }

    [Theory]
    [InlineData("EXPIRE a 100", "a")]
    [InlineData("GETEX a PX 5000", "a")]
    [InlineData("COPY a b", "b")]
    [InlineData("COPY a c REPLACE", "c")]
    [InlineData("RENAME a b", "b")]
    [InlineData("SET a new NX", "a")]
    public void A_media_type_stays_with_the_bytes(string command, string key)
    {
        Expect("SET c other", "OK");
        Expect("SET a 42 MEDIATYPE text/csv", "OK");
        Server.Run(command);
        Expect($"OBJECT MEDIATYPE {key}", "text/csv");
        Expect($"GET {key}", "42");
        Expect($"STRLEN {key}", 2);
        Expect($"GETRANGE {key} 1 -1", "2");
        Expect($"TYPE {key}", "string");
        Expect($"OBJECT ENCODING {key}", "int");
    }

    [Theory]
    [InlineData("SET a new", "new")]
    [InlineData("SET a new KEEPTTL", "new")]
    [InlineData("SET a new XX GET", "new")]
    [InlineData("MSET a new", "new")]
    [InlineData("APPEND a 0", "420")]
    [InlineData("SETRANGE a 1 3", "43")]
    [InlineData("INCR a", "43")]
    [InlineData("INCRBYFLOAT a 0.5", "42.5")]
    public void A_media_type_goes_with_the_bytes(string command, string value)
    {
        Expect("SET a 42 MEDIATYPE text/csv", "OK");
        Server.Run(command);
        Expect("OBJECT MEDIATYPE a", null);
        Expect("GET a", value);
    }

    [Fact]
    public void Memory_Usage_counts_bytes()
    {
        Expect("MEMORY USAGE x", null);
        Expect("SET a 1", "OK");
        Assert.InRange(Server.Run("MEMORY USAGE a SAMPLES 0").Integer, 10, 200);
        ExpectError("MEMORY USAGE x SAMPLES -1", "ERR syntax error");
        ExpectError("MEMORY USAGE x SAMPLES one", "ERR value is not an integer or out of range");
        ExpectError("MEMORY USAGE x 5", "ERR syntax error");
    }

    private static string[] Names(RespValue keys) => [.. keys.Items.Select(key => key.Text).Order(StringComparer.Ordinal)];
}
