using System.Buffers;
using System.Text;
using System.Text.Json;
using Memstore.Protocol;
using Microsoft.AspNetCore.Http;

namespace Memstore.Server.Http;

/// <summary>
/// Turns what a subscriber or a monitor is sent into events. A message is
/// <c>data: {"channel":"a","message":"hi"}</c>, with <c>pattern</c> if it came by one; what a subscription answers is an event of its own name; a
/// monitor's line is plain data. With <c>?encoding=base64</c> messages and names are in Base64.
/// </summary>
internal class EventWriter(bool isBase64)
{
    private static readonly JsonWriterOptions Options = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private readonly ArrayBufferWriter<byte> _buffer = new();

    /// <summary>Whether names and messages are asked for in Base64; EventSource of browsers cannot send headers.</summary>
    /// <exception cref="BadRequestException">The request asks for something else.</exception>
    public static bool WantsBase64(HttpContext context) => context.Request.Query["encoding"].ToString() switch
    {
        "" => CommandAnswer.WantsBase64(context),
        "base64" => true,
        _ => throw new BadRequestException("encoding must be base64."),
    };

    /// <summary>Writes the event of a reply; false if it is none.</summary>
    public bool Write(RespValue reply, IBufferWriter<byte> output)
    {
        if (reply.Type == RespType.Push && reply.Items.Count >= 3)
        {
            WritePush(reply.Items, output);
            return true;
        }

        // +OK answers MONITOR itself.
        if (reply.Type != RespType.SimpleString || reply.Bytes.SequenceEqual("OK"u8)) return false;
        WriteData(reply.Bytes, output);
        return true;
    }

    /// <summary>Writes a message, or what a subscription answers.</summary>
    protected virtual void WritePush(IReadOnlyList<RespValue> items, IBufferWriter<byte> output)
    {
        var kind = items[0].Bytes;
        _buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(_buffer, Options))
        {
            json.WriteStartObject();
            if (kind.SequenceEqual("message"u8))
            {
                WriteMember(json, "channel"u8, items[1]);
                WriteMember(json, "message"u8, items[2]);
            }
            else if (kind.SequenceEqual("pmessage"u8))
            {
                WriteMember(json, "pattern"u8, items[1]);
                WriteMember(json, "channel"u8, items[2]);
                WriteMember(json, "message"u8, items[3]);
            }
            else
            {
                output.Write("event: "u8);
                output.Write(kind);
                output.Write("\n"u8);
                WriteMember(json, kind.StartsWith("p"u8) ? "pattern"u8 : "channel"u8, items[1]);
                json.WriteNumber("count"u8, items[2].Integer);
            }
            json.WriteEndObject();
        }
        WriteData(_buffer.WrittenSpan, output);
    }

    /// <summary>Writes an event's data, each line of which has the field's name before it, and ends the event.</summary>
    protected static void WriteData(ReadOnlySpan<byte> data, IBufferWriter<byte> output)
    {
        // The three ends of a line that the format knows: CR LF, LF and CR.
        while (true)
        {
            output.Write("data: "u8);
            var end = data.IndexOfAny((byte)'\r', (byte)'\n');
            output.Write(end < 0 ? data : data[..end]);
            output.Write("\n"u8);
            if (end < 0) break;
            data = data[(data[end..].StartsWith("\r\n"u8) ? end + 2 : end + 1)..];
        }
        output.Write("\n"u8);
    }

    private void WriteMember(Utf8JsonWriter json, ReadOnlySpan<byte> name, RespValue value)
    {
        if (isBase64) json.WriteBase64String(name, value.Bytes);
        else json.WriteString(name, value.Bytes);
    }
}

/// <summary>Events in the dialect of Upstash's REST API: <c>data: message,a,hi</c>, with commas between what RESP has as an array.</summary>
internal sealed class LineEventWriter() : EventWriter(isBase64: false)
{
    /// <inheritdoc/>
    protected override void WritePush(IReadOnlyList<RespValue> items, IBufferWriter<byte> output)
    {
        var line = new ArrayBufferWriter<byte>();
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0) line.Write(","u8);
            line.Write(items[i].Type == RespType.Integer ? Encoding.ASCII.GetBytes($"{items[i].Integer}") : items[i].Bytes);
        }
        WriteData(line.WrittenSpan, output);
    }
}
