using Memstore.Protocol;
using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>Hashes, small and large; every expectation is what Redis 7.0.15 answers.</summary>
public sealed class HashCommandTests : HandlerTests
{
    private const string WrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";

    [Fact]
    public void HSet_counts_the_new_fields()
    {
        Expect("HSET page a 1 b 2", 2);
        ExpectEvents("hset 0:page");
        Expect("HSET page b 3 c 4 c 5", 1);
        Expect("HGET page b", "3");
        Expect("HGET page c", "5");
        Expect("HGET page x", null);
        Expect("HGET absent x", null);
        Expect("HMSET page d 6", "OK");
        Expect("HLEN page", 4);
        Expect("TYPE page", "hash");
    }

    [Fact]
    public void HSetNx_sets_an_absent_field()
    {
        Expect("HSETNX page a 1", 1);
        Expect("HSETNX page a 2", 0);
        ExpectEvents();
        Expect("HGET page a", "1");
    }

    [Fact]
    public void Fields_and_values_are_read_in_several_ways()
    {
        Expect("HSET page a 1 b 22", 2);
        Expect("HMGET page a x b", new object?[] { "1", null, "22" });
        Expect("HMGET absent a b", new object?[] { null, null });
        Expect("HGETALL page", new object[] { "a", "1", "b", "22" });
        Expect("HKEYS page", new object[] { "a", "b" });
        Expect("HVALS page", new object[] { "1", "22" });
        Expect("HGETALL absent", Array.Empty<object>());
        Expect("HEXISTS page a", 1);
        Expect("HEXISTS page x", 0);
        Expect("HSTRLEN page b", 2);
        Expect("HSTRLEN page x", 0);
        Expect("HLEN absent", 0);
    }

    [Fact]
    public void Resp3_has_maps_and_pairs()
    {
        Server.Protocol = 3;
        Expect("HSET page a 1", 1);
        Assert.Equal(RespType.Map, Server.Run("HGETALL page").Type);
        Assert.Equal(RespType.Map, Server.Run("HGETALL absent").Type);
        Assert.Equal(RespType.Array, Server.Run("HKEYS page").Type);
        Expect("HRANDFIELD page 1 WITHVALUES", new object[] { new object[] { "a", "1" } });
        Expect("HSCAN page 0", new object[] { "0", new object[] { "a", "1" } });
    }

    [Fact]
    public void HDel_takes_the_key_away_with_its_last_field()
    {
        Expect("HSET page a 1 b 2", 2);
        Expect("HDEL page a a x", 1);
        ExpectEvents("hdel 0:page");
        Expect("HDEL page x", 0);
        ExpectEvents();
        Expect("HDEL page b", 1);
        ExpectEvents("hdel 0:page", "del 0:page");
        Expect("EXISTS page", 0);
        Expect("HDEL page b", 0);
    }

    [Fact]
    public void HIncrBy_counts_a_missing_field_from_zero()
    {
        Expect("HINCRBY page visits 5", 5);
        Expect("EXPIRE page 10", 1);
        Expect("HINCRBY page visits -2", 3);
        Expect("TTL page", 10);
    }

    // Bad input 21.
    [Theory]
    [InlineData("HINCRBY page visits one", "ERR value is not an integer or out of range")]
    [InlineData("HINCRBY page visits", "ERR wrong number of arguments for 'hincrby' command")]
    [InlineData("HINCRBY page text 1", "ERR hash value is not an integer")]
    [InlineData("HINCRBY page most 1", "ERR increment or decrement would overflow")]
    [InlineData("HINCRBY page least -1", "ERR increment or decrement would overflow")]
    [InlineData("HINCRBYFLOAT page text 1", "ERR hash value is not a float")]
    [InlineData("HINCRBYFLOAT page visits one", "ERR value is not a valid float")]
    [InlineData("HINCRBYFLOAT page visits nan", "ERR value is not a valid float")]
    [InlineData("HINCRBYFLOAT page visits inf", "ERR value is NaN or Infinity")]
    [InlineData("HINCRBYFLOAT page visits 1e5000", "ERR value is not a valid float")]
    [InlineData("HINCRBYFLOAT page endless 1", "ERR increment would produce NaN or Infinity")]
    public void Counters_in_fields_stop_at_their_borders(string command, string error)
    {
        Expect("HSET page text abc most 9223372036854775807 least -9223372036854775808 endless inf", 4);
        ExpectError(command, error);
    }

    // An empty hash must not stay behind an increment that is refused.
    [Fact]
    public void A_refused_increment_makes_no_key()
    {
        ExpectError("HINCRBYFLOAT page f inf", "ERR value is NaN or Infinity");
        ExpectError("HINCRBY page f one", "ERR value is not an integer or out of range");
        Expect("EXISTS page", 0);
        Expect("HINCRBYFLOAT page f 10.5", "10.5");
        Expect("HINCRBYFLOAT page f 0.1", "10.6");
    }

    // Bad input 27.
    [Theory]
    [InlineData("HSET text a 1")]
    [InlineData("HSETNX text a 1")]
    [InlineData("HMSET text a 1")]
    [InlineData("HGET text a")]
    [InlineData("HMGET text a")]
    [InlineData("HGETALL text")]
    [InlineData("HKEYS text")]
    [InlineData("HVALS text")]
    [InlineData("HDEL text a")]
    [InlineData("HLEN text")]
    [InlineData("HEXISTS text a")]
    [InlineData("HSTRLEN text a")]
    [InlineData("HINCRBY text a 1")]
    [InlineData("HINCRBYFLOAT text a 1")]
    [InlineData("HRANDFIELD text")]
    [InlineData("HRANDFIELD text 1 WITHVALUES")]
    [InlineData("HSCAN text 0")]
    [InlineData("GET page")]
    [InlineData("INCR page")]
    [InlineData("INCRBYFLOAT page one")]
    [InlineData("APPEND page 1")]
    [InlineData("SETRANGE page 0 x")]
    [InlineData("GETRANGE page 0 1")]
    [InlineData("STRLEN page")]
    [InlineData("GETSET page 1")]
    [InlineData("GETDEL page")]
    [InlineData("GETEX page")]
    [InlineData("SET page 1 GET")]
    public void Another_type_is_refused(string command)
    {
        Expect("SET text 1", "OK");
        Expect("HSET page a 1", 1);
        ExpectError(command, WrongType);
        Expect("MGET page text", new object?[] { null, "1" });
    }

    // Bad input 18: Redis 7.0.15 itself is killed by the last but one.
    [Theory]
    [InlineData("HRANDFIELD page one", "ERR value is not an integer or out of range")]
    [InlineData("HRANDFIELD page 1 2", "ERR syntax error")]
    [InlineData("HRANDFIELD page 1 WITHVALUES 2", "ERR syntax error")]
    [InlineData("HRANDFIELD page -9223372036854775808", "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")]
    [InlineData("HRANDFIELD page 4611686018427387904 WITHVALUES", "ERR value is out of range")]
    [InlineData("HRANDFIELD page -9223372036854775807", "ERR value is out of range")]
    [InlineData("HSET page a 1 b", "ERR wrong number of arguments for 'hset' command")]
    [InlineData("HMSET page a 1 b", "ERR wrong number of arguments for 'hmset' command")]
    public void Counts_are_checked(string command, string error)
    {
        Expect("HSET page a 1", 1);
        ExpectError(command, error);
    }

    [Fact]
    public void HRandField_draws_distinct_fields_or_repeats_them()
    {
        for (var i = 0; i < 100; i++) Expect($"HSET page field{i} {i}", 1);
        Assert.StartsWith("field", Server.Run("HRANDFIELD page").Text, StringComparison.Ordinal);
        foreach (var count in (int[])[0, 1, 20, 50, 99, 100, 1000])
        {
            var fields = Server.Run($"HRANDFIELD page {count}").Items.Select(field => field.Text).ToArray();
            Assert.Equal(Math.Min(count, 100), fields.Distinct().Count());
            Assert.Equal(Math.Min(count, 100), fields.Length);
        }
        Assert.Equal(1_000, Server.Run("HRANDFIELD page -1000").Items.Count);
        var pairs = Server.Run("HRANDFIELD page 10 WITHVALUES").Items;
        for (var i = 0; i < pairs.Count; i += 2) Assert.Equal(pairs[i].Text, "field" + pairs[i + 1].Text);
        Expect("HRANDFIELD absent", null);
        Expect("HRANDFIELD absent 5", Array.Empty<object>());
        Expect("HRANDFIELD absent -9223372036854775807", Array.Empty<object>());
    }

    [Theory]
    [InlineData(10, "listpack")]
    [InlineData(5_000, "hashtable")]
    public void HScan_goes_through_small_and_large_hashes(int count, string encoding)
    {
        for (var i = 0; i < count; i++) Expect($"HSET page field{i} {i}", 1);
        Expect("OBJECT ENCODING page", encoding);
        Expect("COPY page other", 1);
        Expect("RENAME other third", "OK");
        Expect("HLEN third", count);
        var seen = new HashSet<string>();
        var cursor = "0";
        do
        {
            var reply = Server.Run($"HSCAN third {cursor} COUNT 100");
            cursor = reply.Items[0].Text;
            for (var i = 0; i < reply.Items[1].Items.Count; i += 2)
            {
                Assert.Equal(reply.Items[1].Items[i].Text, "field" + reply.Items[1].Items[i + 1].Text);
                seen.Add(reply.Items[1].Items[i].Text);
            }
        }
        while (cursor != "0");
        Assert.Equal(count, seen.Count);
        Expect("HSCAN page 0 MATCH field7 COUNT 10000", new object[] { "0", new object[] { "field7", "7" } });
        Assert.Equal(2 * count, Server.Run("HGETALL page").Items.Count);
    }

    [Fact]
    public void A_long_value_ends_the_small_form()
    {
        Expect("HSET page a " + new string('x', 64), 1);
        Expect("OBJECT ENCODING page", "listpack");
        Expect("HSET page a " + new string('x', 65), 0);
        Expect("OBJECT ENCODING page", "hashtable");
    }

    [Fact]
    public void HScan_looks_at_its_options_only_where_there_is_a_hash()
    {
        Expect("HSCAN absent 0 COUNT 0 FOO", new object[] { "0", Array.Empty<object>() });
        ExpectError("HSCAN absent one", "ERR invalid cursor");
        Expect("HSET page a 1", 1);
        ExpectError("HSCAN page 0 COUNT 0", "ERR syntax error");
        ExpectError("HSCAN page 0 TYPE hash", "ERR syntax error");
    }
}
