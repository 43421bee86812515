using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Memstore.Server.Http;

/// <summary>Errors as RFC 9457 has them: <c>application/problem+json</c>. The member <c>error</c> repeats the detail for clients of Upstash's dialect.</summary>
internal static class Problem
{
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
        using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("title"u8, title);
        json.WriteNumber("status"u8, status);
        json.WriteString("detail"u8, detail);
        json.WriteString("error"u8, detail);
        json.WriteEndObject();
        await json.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }
}
