using System.Buffers;
using System.Text.Json;
using Memstore.Protocol;
using Microsoft.AspNetCore.Http;

namespace Memstore.Server.Http;

/// <summary>What one REST request needs: the commands that it asks for, and the JSON that answers it. Pooled; one user at a time.</summary>
internal sealed class HttpExchange : IDisposable
{
    // Relaxed: the answer is application/json and never part of a page.
    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private readonly AnswerBuffer _buffer = new();

    /// <summary>Makes an exchange that nothing has used.</summary>
    public HttpExchange() => Json = new Utf8JsonWriter(_buffer, WriterOptions);

    /// <summary>The commands to run.</summary>
    public RequestList Requests { get; } = new();

    /// <summary>What the answer is written to.</summary>
    public Utf8JsonWriter Json { get; }

    /// <summary>The answer's bytes, for one that is not JSON. What <see cref="Json"/> has not flushed is not among them.</summary>
    public IBufferWriter<byte> Bytes => _buffer;

    /// <summary>Turns a body into requests.</summary>
    public delegate void ReadBody(ReadOnlySequence<byte> body, RequestList requests, long argumentSizeMax);

    /// <summary>Receives the body of a request, which is at most as long as the server takes, and has it turned into <see cref="Requests"/>.</summary>
    /// <exception cref="BadHttpRequestException">It is too long, too slow, or breaks off.</exception>
    /// <exception cref="BadRequestException">It cannot be bound.</exception>
    public async ValueTask ReadAsync(HttpContext context, long argumentSizeMax, ReadBody read)
    {
        var input = context.Request.BodyReader;
        while (true)
        {
            // Not cancelled: it fails when the client leaves, and the web server does not know what to do with a body that somebody may still be reading.
            var result = await input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
            if (!result.IsCompleted)
            {
                input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                continue;
            }

            try
            {
                read(result.Buffer, Requests, argumentSizeMax);
            }
            finally
            {
                input.AdvanceTo(result.Buffer.End);
            }
            return;
        }
    }

    /// <summary>Writes an answer that is not JSON.</summary>
    public void Write(ReadOnlySpan<byte> bytes) => _buffer.Write(bytes);

    /// <summary>Sends what was written.</summary>
    public async Task SendAsync(HttpContext context, int status, string contentType = "application/json")
    {
        Json.Flush();
        var response = context.Response;
        response.StatusCode = status;
        Problem.TellWhenToRetry(response);
        response.ContentType = contentType;
        response.ContentLength = _buffer.Length;
        while (_buffer.TryTake(out var piece)) await response.Body.WriteAsync(piece, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Answers <c>{"error":…}</c>.</summary>
    public Task SendErrorAsync(HttpContext context, int status, ReadOnlySpan<byte> error)
    {
        Json.WriteStartObject();
        Json.WriteString("error"u8, error);
        Json.WriteEndObject();
        return SendAsync(context, status);
    }

    /// <summary>Answers <c>{"error":…}</c>.</summary>
    public Task SendErrorAsync(HttpContext context, int status, string error) => SendErrorAsync(context, status, System.Text.Encoding.UTF8.GetBytes(error));

    /// <summary>Is ready for the next request.</summary>
    public void Clear()
    {
        Requests.Clear();
        _buffer.Clear();
        Json.Reset(_buffer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Requests.Dispose();
        Json.Dispose();
    }
}
