using System.Buffers;
using System.Text;
using System.Text.Json;
using Memstore.Protocol;
using Memstore.Server.Http;
using Xunit;

namespace Memstore.Server.Tests.Http;

/// <summary>Replies of both protocols as JSON.</summary>
public sealed class JsonReplyTests
{
    [Theory]
    [InlineData("+OK\r\n", "\"OK\"")]
    [InlineData("+\r\n", "\"\"")]
    [InlineData("-ERR no\r\n", "{\"error\":\"ERR no\"}")]
    [InlineData("!6\r\nERR no\r\n", "{\"error\":\"ERR no\"}")]
    [InlineData(":0\r\n", "0")]
    [InlineData(":-9223372036854775808\r\n", "-9223372036854775808")]
    [InlineData("$5\r\nhello\r\n", "\"hello\"")]
    [InlineData("$0\r\n\r\n", "\"\"")]
    [InlineData("$6\r\na\r\nb\"\\\r\n", "\"a\\r\\nb\\\"\\\\\"")]
    [InlineData("$-1\r\n", "null")]
    [InlineData("*-1\r\n", "null")]
    [InlineData("_\r\n", "null")]
    [InlineData("*0\r\n", "[]")]
    [InlineData("*3\r\n:1\r\n$1\r\na\r\n*1\r\n_\r\n", "[1,\"a\",[null]]")]
    [InlineData("~2\r\n+a\r\n+b\r\n", "[\"a\",\"b\"]")]
    [InlineData(">2\r\n+a\r\n:1\r\n", "[\"a\",1]")]
    [InlineData("#t\r\n", "true")]
    [InlineData("#f\r\n", "false")]
    [InlineData(",1.5\r\n", "1.5")]
    [InlineData(",10\r\n", "10")]
    [InlineData(",inf\r\n", "\"inf\"")]
    [InlineData(",-inf\r\n", "\"-inf\"")]
    [InlineData(",nan\r\n", "\"nan\"")]
    [InlineData("(12345678901234567890123\r\n", "\"12345678901234567890123\"")]
    [InlineData("=8\r\ntxt:Some\r\n", "\"Some\"")]
    [InlineData("%2\r\n+a\r\n:1\r\n$1\r\nb\r\n*1\r\n:2\r\n", "{\"a\":1,\"b\":[2]}")]
    [InlineData("%0\r\n", "{}")]
    [InlineData("%1\r\n:1\r\n:2\r\n", "[1,2]")]
    [InlineData("%1\r\n+outer\r\n%1\r\n+inner\r\n_\r\n", "{\"outer\":{\"inner\":null}}")]
    [InlineData("|1\r\n+ttl\r\n*2\r\n:1\r\n:2\r\n$1\r\nv\r\n", "\"v\"")]
    [InlineData("*2\r\n-WRONGTYPE x\r\n:1\r\n", "[{\"error\":\"WRONGTYPE x\"},1]")]
    public void Each_type_has_its_JSON(string reply, string expected)
    {
        Assert.Equal(expected, Write(Encoding.UTF8.GetBytes(reply), base64: false));
        using (JsonDocument.Parse(expected))
        {
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_long_text_is_written_as_if_in_one_piece_whatever_its_bytes_are(bool base64)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        byte[][] kinds = [.. ((string[])["a", "\"", "\n", "é", "€", "𝄞"]).Select(Encoding.UTF8.GetBytes), [0xff], [0xe2, 0x82], [0xf0, 0x9d, 0x84], [0x80], [0xed, 0xa0, 0x80]];
        for (var round = 0; round < 20; round++)
        {
            var text = new List<byte>();
            var length = random.Next(65_530, 250_000);
            while (text.Count < length) text.AddRange(kinds[random.Next(round % 2 == 0 ? 6 : kinds.Length)]);
            var bytes = text.ToArray();
            var expected = new ArrayBufferWriter<byte>();
            using (var json = new Utf8JsonWriter(expected, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true }))
            {
                if (base64) json.WriteBase64StringValue(bytes);
                else json.WriteStringValue(bytes);
            }

            var actual = Write([.. Encoding.ASCII.GetBytes($"${bytes.Length}\r\n"), .. bytes, .. "\r\n"u8], base64);
            Assert.True(Encoding.UTF8.GetString(expected.WrittenSpan) == actual, $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void An_answer_in_pieces_is_what_was_written()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var buffer = new AnswerBuffer();
        for (var round = 0; round < 5; round++)
        {
            var expected = new List<byte>();
            while (expected.Count < 3_000_000)
            {
                var piece = new byte[random.Next(100_000)];
                random.NextBytes(piece);
                var room = buffer.GetSpan(piece.Length);
                piece.CopyTo(room);
                buffer.Advance(piece.Length);
                expected.AddRange(piece);
            }

            Assert.Equal(expected.Count, buffer.Length);
            var actual = new List<byte>();
            while (buffer.TryTake(out var piece)) actual.AddRange(piece.Span);
            Assert.True(expected.SequenceEqual(actual), $"seed {seed}, round {round}");
            buffer.Clear();
            Assert.Equal(0, buffer.Length);
        }
    }

    [Theory]
    [InlineData("$2\r\nhi\r\n", "\"aGk=\"")]
    [InlineData("+PONG\r\n", "\"UE9ORw==\"")]
    [InlineData("+OK\r\n", "\"OK\"")]
    [InlineData(":7\r\n", "7")]
    [InlineData("$-1\r\n", "null")]
    [InlineData("*2\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n", "[\"YQ==\",[\"Yg==\"]]")]
    [InlineData("%1\r\n$1\r\na\r\n$1\r\nb\r\n", "[\"YQ==\",\"Yg==\"]")]
    [InlineData(",inf\r\n", "\"aW5m\"")]
    public void In_Base64_strings_alone_are_encoded(string reply, string expected) => Assert.Equal(expected, Write(Encoding.UTF8.GetBytes(reply), base64: true));

    [Fact]
    public void Bytes_that_are_no_UTF8_are_replaced_unless_Base64_is_asked_for()
    {
        byte[] reply = [.. "$2\r\n"u8, 0xff, (byte)'a', .. "\r\n"u8];
        Assert.Equal("\"\ufffda\"", JsonSerializer.Serialize(JsonDocument.Parse(Write(reply, base64: false)).RootElement.GetString(), JsonSerializerOptions.Default).Replace("\\uFFFD", "\ufffd", StringComparison.Ordinal));
        Assert.Equal("\"/2E=\"", Write(reply, base64: true));
    }

    [Theory]
    [InlineData("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:2\r\n", 2, "")]
    [InlineData("+OK\r\n+QUEUED\r\n-ERR unknown command\r\n-EXECABORT aborted\r\n", 0, "ERR unknown command")]
    [InlineData("+OK\r\n+QUEUED\r\n+QUEUED\r\n-OOM full\r\n", 0, "OOM full")]
    [InlineData("+OK\r\n+QUEUED\r\n+QUEUED\r\n*-1\r\n", -1, "")]
    [InlineData("+OK\r\n+QUEUED\r\n+QUEUED\r\n_\r\n", -1, "")]
    public void What_EXEC_answers_follows_the_answers_of_what_was_queued(string replies, int count, string error)
    {
        using var json = new Utf8JsonWriter(new ArrayBufferWriter<byte>());
        var reader = new JsonReplies(Encoding.UTF8.GetBytes(replies), json, base64: false);
        Assert.Equal(count, reader.TakeTransaction(queued: 2, out var actual));
        Assert.Equal(error, Encoding.UTF8.GetString(actual));
    }

    [Fact]
    public void Replies_of_a_writer_are_read_to_the_last_byte()
    {
        using var writer = new ReplyWriter { Protocol = 3 };
        writer.ArrayHeader(3);
        writer.Bulk("a"u8);
        writer.Integer(2);
        writer.Null();
        writer.SimpleString("PONG"u8);
        using var json = new Utf8JsonWriter(new ArrayBufferWriter<byte>());
        var replies = new JsonReplies(writer.WrittenSpan, json, base64: false);
        var first = replies.PeekBytes().Length;
        replies.WriteValue();
        Assert.False(replies.IsEmpty);
        Assert.Equal(writer.Length - first, "+PONG\r\n".Length);
        Assert.Equal("PONG", Encoding.UTF8.GetString(replies.TakeString()));
        Assert.True(replies.IsEmpty);
    }

    private static string Write(byte[] reply, bool base64)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true }))
        {
            var replies = new JsonReplies(reply, json, base64);
            replies.WriteValue();
            Assert.True(replies.IsEmpty);
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
