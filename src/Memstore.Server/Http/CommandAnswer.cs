using System.Buffers;
using System.Text.Json;
using Memstore.Server.Sessions;
using Microsoft.AspNetCore.Http;

namespace Memstore.Server.Http;

/// <summary>Writes the replies of commands in Upstash's dialect and decides the status.</summary>
internal sealed class CommandAnswer(Utf8JsonWriter json, bool base64)
{
    /// <summary>The status of the answer.</summary>
    public int Status { get; private set; } = StatusCodes.Status200OK;

    /// <summary>Whether an open transaction was found to be over.</summary>
    public bool HasExpired { get; private set; }

    /// <summary>The commands that were asked for, without a MULTI and an EXEC around them.</summary>
    public required int Commands { get; init; }

    /// <summary>Whether the client wants strings in Base64.</summary>
    public static bool WantsBase64(HttpContext context) =>
        context.Request.Headers.TryGetValue("Upstash-Encoding", out var encoding) && encoding.ToString().Equals("base64", StringComparison.OrdinalIgnoreCase);

    /// <summary>Writes one command's reply.</summary>
    public void WriteOne(ReadOnlySpan<byte> bytes)
    {
        var replies = new JsonReplies(bytes, json, base64);
        if (replies.IsError) Status = Problem.StatusOfCommand(bytes[1..]);
        WriteElement(ref replies);
    }

    /// <summary>Writes the replies of commands, each with its own error, and an error for each command whose reply is not there.</summary>
    public void WriteMany(ReadOnlySpan<byte> bytes)
    {
        var replies = new JsonReplies(bytes, json, base64);
        var isUnknown = false;
        var missing = Commands;
        json.WriteStartArray();
        for (; !replies.IsEmpty; missing--)
        {
            isUnknown |= replies.IsUnknown;
            WriteElement(ref replies);
        }

        for (; missing > 0; missing--)
        {
            json.WriteStartObject();
            json.WriteString("error"u8, ErrorOfMissing(isUnknown));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>Adds to replies as RESP has them an error for each command whose reply is not there.</summary>
    public static void CompleteResp(ReadOnlySpan<byte> bytes, int commands, IBufferWriter<byte> output)
    {
        var replies = new JsonReplies(bytes, writer: null!, base64: false);
        var isUnknown = false;
        for (; !replies.IsEmpty; commands--)
        {
            isUnknown |= replies.IsUnknown;
            replies.Skip();
        }

        for (; commands > 0; commands--)
        {
            output.Write("-"u8);
            output.Write(ErrorOfMissing(isUnknown));
            output.Write("\r\n"u8);
        }
    }

    // A session that has ended ran nothing more. One whose commit the disk lost takes back all replies behind it, of what was run too.
    private static ReadOnlySpan<byte> ErrorOfMissing(bool isUnknown) => isUnknown ? SessionErrors.OutcomeUnknown : SessionErrors.NotRun;

    /// <summary>Writes what EXEC answers.</summary>
    public void WriteTransaction(ReadOnlySpan<byte> bytes)
    {
        var replies = new JsonReplies(bytes, json, base64);
        var count = replies.TakeTransaction(Commands, out var error);
        if (!error.IsEmpty)
        {
            Status = Problem.StatusOfCommand(error);
            json.WriteStartObject();
            json.WriteString("error"u8, error);
            json.WriteEndObject();
            return;
        }

        json.WriteStartArray();
        for (; count > 0; count--) WriteElement(ref replies);
        json.WriteEndArray();
    }

    private void WriteElement(ref JsonReplies replies)
    {
        HasExpired |= replies.IsExpiry;
        json.WriteStartObject();
        replies.WriteMember();
        json.WriteEndObject();
    }
}
