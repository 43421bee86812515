using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Memstore.Server.Http;

/// <summary>Writes the replies of commands in Upstash's dialect and decides the status.</summary>
internal sealed class CommandAnswer(Utf8JsonWriter json, bool base64)
{
    /// <summary>The status of the answer.</summary>
    public int Status { get; private set; } = StatusCodes.Status200OK;

    /// <summary>Whether an open transaction was found to be over.</summary>
    public bool HasExpired { get; private set; }

    /// <summary>Commands between MULTI and EXEC.</summary>
    public int Queued { get; init; }

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

    /// <summary>Writes the replies of commands, each with its own error.</summary>
    public void WriteMany(ReadOnlySpan<byte> bytes)
    {
        var replies = new JsonReplies(bytes, json, base64);
        json.WriteStartArray();
        while (!replies.IsEmpty) WriteElement(ref replies);
        json.WriteEndArray();
    }

    /// <summary>Writes what EXEC answers.</summary>
    public void WriteTransaction(ReadOnlySpan<byte> bytes)
    {
        var replies = new JsonReplies(bytes, json, base64);
        var count = replies.TakeTransaction(Queued, out var error);
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
