using System.Text;
using Memstore.Storage.Recovery;

namespace Memstore.Storage.Tests.Recovery;

public sealed class EffectParserTests
{
    [Theory]
    [InlineData("SET k v", "0 Put k v")]
    [InlineData("SET k v PXAT 123", "0 Put k v @123")]
    [InlineData("SET k v RAW", "0 Put k v raw")]
    [InlineData("SET k v PXAT 123 RAW", "0 Put k v @123 raw")]
    [InlineData("SET k v MEDIATYPE a/b", "0 Put k v type a/b")]
    [InlineData("SET k v PXAT 123 MEDIATYPE a/b", "0 Put k v @123 type a/b")]
    [InlineData("DEL k", "0 Delete k")]
    [InlineData("PEXPIREAT k 5", "0 Deadline k 5 @5")]
    [InlineData("PERSIST k", "0 Deadline k")]
    [InlineData("HSET h f v g w", "0 SetFields h f v g w")]
    [InlineData("HDEL h f g", "0 RemoveFields h f g")]
    [InlineData("COPY a b DB 3 REPLACE", "0 Copy a b DB 3 REPLACE >3")]
    [InlineData("SELECT 7;FLUSHDB", "7 Flush")]
    [InlineData("SWAPDB 1 2", "1 Swap 1 2 >2")]
    [InlineData("SET a 1;SELECT 9;SET b 2;SELECT 0;DEL a", "0 Put a 1;9 Put b 2;0 Delete a")]
    public void Effects_are_read(string effects, string expected)
    {
        var batch = new EffectBatch();
        Assert.True(EffectParser.TryParse(batch, 0, Payload(effects)));
        Assert.Equal(expected, Describe(batch));
    }

    [Fact]
    public void Transactions_follow_each_other_and_each_begins_in_its_own_database()
    {
        var batch = new EffectBatch();
        Assert.True(EffectParser.TryParse(batch, 3, Payload("SET a 1;SELECT 4;DEL x")));
        Assert.True(EffectParser.TryParse(batch, 5, Payload("SET a 2")));
        Assert.Equal("3 Put a 1;4 Delete x;5 Put a 2", Describe(batch));
        batch.Clear();
        Assert.True(EffectParser.TryParse(batch, 1, []));
        Assert.Equal(0, batch.EffectCount);
    }

    [Theory]
    [InlineData("GET k")]
    [InlineData("SET k")]
    [InlineData("SET k v EX 5")]
    [InlineData("SET k v PXAT five")]
    [InlineData("SET k v PXAT 0")]
    [InlineData("SET k v RAW RAW")]
    [InlineData("SET k v MEDIATYPE")]
    [InlineData("SET k v MEDIATYPE ")]
    [InlineData("SET k v MEDIATYPE a/b RAW")]
    [InlineData("SET k v RAW MEDIATYPE a/b")]
    [InlineData("SET k v MEDIATYPE a/b PXAT 123")]
    [InlineData("set k v")]
    [InlineData("DEL")]
    [InlineData("DEL a b")]
    [InlineData("HSET h f")]
    [InlineData("HSET h f v g")]
    [InlineData("HDEL h")]
    [InlineData("COPY a b")]
    [InlineData("COPY a b DB x REPLACE")]
    [InlineData("COPY a b DB 1 replace")]
    [InlineData("SELECT -1")]
    [InlineData("SELECT 70000")]
    [InlineData("SELECT 1 2")]
    [InlineData("FLUSHDB ASYNC")]
    [InlineData("SWAPDB 1")]
    [InlineData("PERSIST k 1")]
    [InlineData("PEXPIREAT k")]
    [InlineData("PEXPIREAT k 99999999999999999999")]
    public void What_no_journal_holds_is_refused(string effects) => Assert.False(EffectParser.TryParse(new EffectBatch(), 0, Payload(effects)));

    [Fact]
    public void Every_cut_is_refused_and_no_changed_byte_throws()
    {
        var payload = Payload("SELECT 2;SET key value PXAT 123456;HSET hash field value;COPY a b DB 1 REPLACE;FLUSHDB");
        var ends = new HashSet<int>();
        for (var at = 1; at < payload.Length; at++)
        {
            if (EffectParser.TryParse(new EffectBatch(), 0, payload.AsSpan(0, at))) ends.Add(at);
        }

        // Only where a command ends.
        Assert.Equal(4, ends.Count);
        for (var at = 0; at < payload.Length; at++)
        {
            foreach (var value in new byte[] { 0, (byte)'0', (byte)'9', (byte)'-', (byte)'*', (byte)'$', (byte)'\r', 0xFF })
            {
                var changed = (byte[])payload.Clone();
                changed[at] = value;
                EffectParser.TryParse(new EffectBatch(), 0, changed);
            }
        }
    }

    [Theory]
    [InlineData("*1000000000\r\n$3\r\nDEL\r\n")]
    [InlineData("*2\r\n$3\r\nDEL\r\n$2147483647\r\nk\r\n")]
    [InlineData("*2\r\n$3\r\nDEL\r\n$99999999999\r\nk\r\n")]
    [InlineData("*2\r\n$3\r\nDEL\r\n$-1\r\n")]
    [InlineData("*0\r\n")]
    [InlineData("DEL k\r\n")]
    public void Impossible_numbers_are_refused(string payload) => Assert.False(EffectParser.TryParse(new EffectBatch(), 0, Encoding.ASCII.GetBytes(payload)));

    private static byte[] Payload(string effects)
    {
        var text = new StringBuilder();
        foreach (var effect in effects.Split(';'))
        {
            var words = effect.Split(' ');
            text.Append('*').Append(words.Length).Append("\r\n");
            foreach (var word in words) text.Append('$').Append(word.Length).Append("\r\n").Append(word).Append("\r\n");
        }

        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private static string Describe(EffectBatch batch)
    {
        var found = new List<string>();
        foreach (ref readonly var effect in batch.Effects)
        {
            var text = $"{effect.Database} {effect.Kind}";
            var shown = effect.Kind == EffectKind.Put ? 2 : effect.Count;
            for (var i = 0; i < shown; i++) text += " " + Encoding.ASCII.GetString(batch.Argument(effect, i));
            if (effect.DeadlineUnixMs != 0) text += $" @{effect.DeadlineUnixMs}";
            if (effect.OtherDatabase != 0) text += $" >{effect.OtherDatabase}";
            if (effect.IsRaw) text += " raw";
            if (effect.HasMediaType) text += " type " + Encoding.ASCII.GetString(batch.Argument(effect, effect.Count - 1));
            found.Add(text);
        }

        return string.Join(';', found);
    }
}
