using System.Net;
using System.Text;
using Memstore.Server.Sessions;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace Memstore.Server.Http;

/// <summary>
/// What stands before every endpoint: a browser's page of another origin is turned away, names that are not this server's are too (DNS
/// rebinding), a password is asked for if there is one, and whatever is thrown becomes an answer.
/// </summary>
internal sealed class HttpGuard(ServerState server, RequestDelegate next)
{
    /// <summary>Serves one request.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            if (!IsOfThisOrigin(context))
            {
                await Problem.SendAsync(context, StatusCodes.Status403Forbidden, "A page of another origin may not use this server; http-allowed-origins names those that may.")
                    .ConfigureAwait(false);
            }
            else if (IsPreflight(context))
            {
                context.Response.StatusCode = StatusCodes.Status204NoContent;
            }
            else if (IsAmbiguous(context.Request))
            {
                EndConnection(context);
                await Problem.SendAsync(context, StatusCodes.Status400BadRequest, "A request has either Content-Length or Transfer-Encoding.").ConfigureAwait(false);
            }
            else if (!IsAuthenticated(context))
            {
                context.Response.Headers.WWWAuthenticate = "Basic realm=\"memstore\", Bearer realm=\"memstore\"";
                await Problem.SendAsync(context, StatusCodes.Status401Unauthorized, RefusalOf(context)).ConfigureAwait(false);
            }
            else if (context.Request.Headers.ContentEncoding is [not "identity", ..])
            {
                // A bomb of a thousand to one would get past the limit on bodies.
                await Problem.SendAsync(context, StatusCodes.Status415UnsupportedMediaType, "A body must come as it is, without Content-Encoding.").ConfigureAwait(false);
            }
            else
            {
                await next(context).ConfigureAwait(false);
                if (context.GetEndpoint()?.Metadata.Count is null or 0 && !context.Response.HasStarted) await ExplainAsync(context).ConfigureAwait(false);
            }
        }
        catch (BadRequestException error)
        {
            await Problem.SendAsync(context, StatusCodes.Status400BadRequest, error.Message).ConfigureAwait(false);
        }
        catch (HttpUnavailableException error)
        {
            await Problem.SendAsync(context, StatusCodes.Status503ServiceUnavailable, error.Message).ConfigureAwait(false);
        }
        catch (BadHttpRequestException error)
        {
            EndConnection(context);
            await Problem.SendAsync(context, error.StatusCode, error.Message).ConfigureAwait(false);
        }
        catch (Exception error) when (error is ConnectionResetException or OperationCanceledException)
        {
            // The client has left, or the server stops; nobody reads an answer. Said so, because the web server would look for the rest of the body
            // and take it for a fault of ours that there is none.
            context.Abort();
        }
        catch (IOException error)
        {
            // What the web server throws for a chunk whose size is no number that it can hold.
            EndConnection(context);
            await Problem.SendAsync(context, StatusCodes.Status400BadRequest, error.Message).ConfigureAwait(false);
        }
    }

    // Where the next request begins is not known, if the body of this one has not come as it should. Streams of HTTP/2 end each for itself.
    private static void EndConnection(HttpContext context)
    {
        if (!context.Response.HasStarted && !HttpProtocol.IsHttp2(context.Request.Protocol)) context.Response.Headers.Connection = "close";
    }

    // Routing has found nothing, or nothing for the method.
    private static Task ExplainAsync(HttpContext context) => context.Response.StatusCode switch
    {
        StatusCodes.Status405MethodNotAllowed => Problem.SendMethodsAsync(context, context.Response.Headers.Allow.ToString()),
        StatusCodes.Status404NotFound => Problem.SendAsync(context, StatusCodes.Status404NotFound, $"There is no {context.Request.Path}."),
        _ => Task.CompletedTask,
    };

    // Programs send no Origin. Browsers send it with every request that could do harm, and Host always. What a page loads without it, such as an image,
    // they tell by other headers.
    private bool IsOfThisOrigin(HttpContext context)
    {
        var request = context.Request;
        var origin = request.Headers.Origin.ToString();
        if (origin.Length > 0)
        {
            if (IsAllowed(origin)) AllowOrigin(context, origin);
            else if (!IsOwn(origin, request)) return false;
        }
        else if (IsLoadedByAnother(request.Headers)) return false;
        return context.Connection.LocalIpAddress is not { } address || !IPAddress.IsLoopback(address) || IsLocalName(request.Host.Host) || IsAllowedHost(request.Host);
    }

    // https://fetch.spec.whatwg.org/#http-cors-protocol
    private static void AllowOrigin(HttpContext context, string origin)
    {
        var headers = context.Response.Headers;
        headers.AccessControlAllowOrigin = origin;
        headers.AccessControlExposeHeaders = $"ETag, Location, {KeyEndpoints.TtlHeader}";
        headers.Vary = "Origin";
        if (!IsPreflight(context)) return;
        headers.AccessControlAllowMethods = "GET, HEAD, PUT, POST, DELETE";
        headers.AccessControlAllowHeaders = context.Request.Headers.AccessControlRequestHeaders;
        headers.AccessControlMaxAge = "600";

        // https://wicg.github.io/private-network-access/: from a page in the Internet to this machine or its network.
        if (context.Request.Headers["Access-Control-Request-Private-Network"] == "true") headers["Access-Control-Allow-Private-Network"] = "true";
    }

    // Asked without a password, and only pages that may use the server get this far.
    private static bool IsPreflight(HttpContext context) =>
        HttpMethods.IsOptions(context.Request.Method)
        && context.Request.Headers.AccessControlRequestMethod.Count > 0
        && context.Request.Headers.Origin.Count > 0;

    // Two servers in a row may find different ends of such a request (RFC 9112, section 6.3). The web server believes Transfer-Encoding and
    // puts the length that was given aside under this name.
    private static bool IsAmbiguous(HttpRequest request) => request.Headers.TransferEncoding.Count > 0 && request.Headers.ContainsKey("X-Content-Length");

    private static bool IsOwn(string origin, HttpRequest request) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri)
        && uri.Scheme == request.Scheme
        && uri.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase);

    // https://www.w3.org/TR/fetch-metadata/; what a page loads from its own server is of the same origin, what somebody types is of none, and a link may
    // be followed from anywhere.
    private static bool IsLoadedByAnother(IHeaderDictionary headers) =>
        headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site"
        && !(headers["Sec-Fetch-Mode"] == "navigate" && headers["Sec-Fetch-Dest"] == "document");

    private static bool IsLocalName(string host) =>
        host.Length == 0
        || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || IPAddress.TryParse(host.Trim('[', ']'), out _);

    private bool IsAllowed(string origin) => AllowedOrigins().Contains(origin, StringComparer.OrdinalIgnoreCase);

    private bool IsAllowedHost(HostString host) =>
        AllowedOrigins().Any(origin => Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Authority.Equals(host.Value, StringComparison.OrdinalIgnoreCase));

    private string[] AllowedOrigins() => server.Settings["http-allowed-origins"].Split([' ', ','], StringSplitOptions.RemoveEmptyEntries);

    // As RESP says it to who has not tried, and to who has.
    private static string RefusalOf(HttpContext context) => context.Request.Headers.Authorization.Count == 0
        ? "NOAUTH Authentication required."
        : "WRONGPASS invalid username-password pair or user is disabled.";

    private bool IsAuthenticated(HttpContext context)
    {
        if (server.Settings.Password.Length == 0 || IsPublic(context.Request.Path)) return true;
        var header = context.Request.Headers.Authorization.ToString();
        if (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            return Credentials.Match(server.Settings, "default"u8, Encoding.UTF8.GetBytes(header[7..].Trim()));
        if (!header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase)) return false;
        var decoded = new byte[header.Length];
        if (!Convert.TryFromBase64String(header[6..].Trim(), decoded, out var length)) return false;
        var colon = decoded.AsSpan(0, length).IndexOf((byte)':');
        return colon >= 0 && Credentials.Match(server.Settings, decoded.AsSpan(0, colon), decoded.AsSpan(0, length)[(colon + 1)..]);
    }

    // Whether the server lives is no secret, and what asks for it has no password. The console is a page without data that asks for the password itself.
    private static bool IsPublic(PathString path) => path.StartsWithSegments("/health") || path.StartsWithSegments("/console");
}
