using System.Buffers;
using System.Text;
using System.Text.Json;
using Memstore.Server.Sessions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Memstore.Server.Http;

/// <summary>Errors as RFC 9457 has them: <c>application/problem+json</c>. The member <c>error</c> repeats the detail for clients of Upstash's dialect.</summary>
internal static class Problem
{
    /// <summary>Answers with the problem that a command's error is.</summary>
    public static Task SendErrorAsync(HttpContext context, string error)
    {
        var status = StatusOf(error);
        return SendAsync(context, status, ReasonPhrases.GetReasonPhrase(status), error);
    }

    /// <summary>The status that fits the error of a command, which its first word tells.</summary>
    public static int StatusOf(string error) => error.Split(' ', 2)[0] switch
    {
        "WRONGTYPE" or "CONFLICT" => StatusCodes.Status409Conflict,
        "TXTIMEOUT" or "TXABORT" => StatusCodes.Status410Gone,
        "OOM" => StatusCodes.Status507InsufficientStorage,
        "LOADING" or "BUSY" or "MISCONF" or "READONLY" => StatusCodes.Status503ServiceUnavailable,
        "NOAUTH" or "WRONGPASS" => StatusCodes.Status401Unauthorized,
        "NOPERM" => StatusCodes.Status403Forbidden,
        _ => StatusOfCommand(Encoding.UTF8.GetBytes(error)),
    };

    /// <summary>The status of an error in the dialect of commands: the client's fault, unless the command was run and the disk did not keep it.</summary>
    public static int StatusOfCommand(ReadOnlySpan<byte> error) =>
        error.StartsWith(SessionErrors.OutcomeUnknown) ? StatusCodes.Status500InternalServerError : StatusCodes.Status400BadRequest;

    /// <summary>Answers with a problem, unless an answer has begun.</summary>
    public static async Task SendAsync(HttpContext context, int status, string title, string detail)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = status;
        context.Response.ContentType = "application/problem+json";
        var body = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(body);
        json.WriteStartObject();
        json.WriteString("title"u8, title);
        json.WriteNumber("status"u8, status);
        json.WriteString("detail"u8, detail);
        json.WriteString("error"u8, detail);
        json.WriteEndObject();
        json.Flush();
        context.Response.ContentLength = body.WrittenCount;

        // Not cancelled: nobody is above who would catch that.
        await context.Response.Body.WriteAsync(body.WrittenMemory, CancellationToken.None).ConfigureAwait(false);
    }
}
