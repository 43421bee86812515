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
    // Relaxed: a page never shows it, and people read the quotes in it.
    private static readonly JsonWriterOptions Options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Answers with the problem that a command's error is.</summary>
    public static Task SendErrorAsync(HttpContext context, string error) => SendAsync(context, StatusOf(error), error);

    /// <summary>The status that fits the error of a command, which its first word tells.</summary>
    public static int StatusOf(string error) => error.Split(' ', 2)[0] switch
    {
        "WRONGTYPE" or "CONFLICT" => StatusCodes.Status409Conflict,
        "TXTIMEOUT" or "TXABORT" => StatusCodes.Status410Gone,
        "NOAUTH" or "WRONGPASS" => StatusCodes.Status401Unauthorized,
        "NOPERM" => StatusCodes.Status403Forbidden,
        _ => StatusOfCommand(Encoding.UTF8.GetBytes(error)),
    };

    /// <summary>
    /// The status of an error in the dialect of commands: the client's fault, unless the server failed, is in no state to run the command, or has run it and
    /// the disk did not keep it.
    /// </summary>
    public static int StatusOfCommand(ReadOnlySpan<byte> error) =>
        error.StartsWith(SessionErrors.OutcomeUnknown) || error.StartsWith(SessionErrors.Internal) ? StatusCodes.Status500InternalServerError
        : error.StartsWith("OOM "u8) ? StatusCodes.Status507InsufficientStorage
        : error.StartsWith("LOADING "u8) || error.StartsWith("MISCONF "u8) ? StatusCodes.Status503ServiceUnavailable
        : StatusCodes.Status400BadRequest;

    /// <summary>Says when it may be otherwise, if the server cannot just now.</summary>
    public static void TellWhenToRetry(HttpResponse response)
    {
        if (response.StatusCode == StatusCodes.Status503ServiceUnavailable) response.Headers.RetryAfter = "1";
    }

    /// <summary>Answers that the path takes other methods.</summary>
    public static Task SendMethodsAsync(HttpContext context, string methods)
    {
        context.Response.Headers.Allow = methods;
        return SendAsync(context, StatusCodes.Status405MethodNotAllowed, $"{context.Request.Path} takes {methods}.");
    }

    /// <summary>Answers with a problem, unless an answer has begun. It has no type of its own, so its title is the status' (RFC 9457, section 4.2.1).</summary>
    public static async Task SendAsync(HttpContext context, int status, string detail)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = status;
        TellWhenToRetry(context.Response);
        context.Response.ContentType = "application/problem+json";
        var body = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(body, Options);
        json.WriteStartObject();
        json.WriteString("title"u8, ReasonPhrases.GetReasonPhrase(status));
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
