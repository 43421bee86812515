using System.Collections.Frozen;
using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Memstore.Server.Http.Console;

/// <summary>
/// <c>GET /console</c>: a page that shows what the server does, and the files that it loads. They are embedded in the program and served as they
/// are; the page asks for figures with <c>POST /v1/pipeline</c> like everybody else (docs/console.md).
/// </summary>
internal static class ConsoleEndpoints
{
    private const string Page = "console.html";
    private const string ResourcePrefix = "console/";

    // Scripts and styles come from this server only, none stand in the page, and no text becomes markup: keys are named by whoever writes them.
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    // Read when the first page is asked for: a server without visitors pays nothing.
    private static readonly Lazy<FrozenDictionary<string, Asset>> Assets = new(ReadAssets);

    /// <summary>Adds the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        string[] methods = [HttpMethods.Get, HttpMethods.Head];
        routes.MapMethods("/console", methods, static context => SendPageAsync(context));
        routes.MapMethods("/console/{name}", methods, static context => SendAsync(context, (string)context.Request.RouteValues["name"]!));
    }

    // The page names its files relative to where it stands, so that it also works behind a proxy that puts a path before it.
    private static Task SendPageAsync(HttpContext context)
    {
        if (!context.Request.Path.Value!.EndsWith('/')) return SendAsync(context, Page);
        context.Response.Redirect("../console", permanent: true);
        return Task.CompletedTask;
    }

    private static Task SendAsync(HttpContext context, string name)
    {
        var response = context.Response;
        if (!Assets.Value.TryGetValue(name, out var asset))
            return Problem.SendAsync(context, StatusCodes.Status404NotFound, $"There is no {context.Request.Path}.");

        var zipped = context.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
        var content = zipped ? asset.Zipped : asset.Content;
        SetHeaders(response.Headers, asset);
        if (Matches(context.Request.Headers.IfNoneMatch.ToString(), asset.Tag))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        response.ContentType = asset.ContentType;
        if (zipped) response.Headers.ContentEncoding = "gzip";
        response.ContentLength = content.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : response.Body.WriteAsync(content, context.RequestAborted).AsTask();
    }

    private static void SetHeaders(IHeaderDictionary headers, Asset asset)
    {
        headers.ETag = asset.Tag;
        headers.Vary = "Accept-Encoding";

        // Kept, but asked about each time: after an update of the server no old script runs beside a new one.
        headers.CacheControl = "no-cache";
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }

    // If-None-Match: W/"a", W/"b" or *
    private static bool Matches(string ifNoneMatch, string tag) =>
        ifNoneMatch == "*" || ifNoneMatch.Split(',', StringSplitOptions.TrimEntries).Contains(tag, StringComparer.Ordinal);

    private static FrozenDictionary<string, Asset> ReadAssets()
    {
        var assembly = typeof(ConsoleEndpoints).Assembly;
        var assets = new Dictionary<string, Asset>(StringComparer.Ordinal);
        foreach (var resource in assembly.GetManifestResourceNames().Where(name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal)))
        {
            using var stream = assembly.GetManifestResourceStream(resource)!;
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            assets.Add(resource[ResourcePrefix.Length..], new Asset(content, Zip(content), TypeOf(resource), TagOf(content)));
        }

        return assets.ToFrozenDictionary();
    }

    // Weak: the same content goes out with and without compression.
    private static string TagOf(byte[] content) => $"W/\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 12))}\"";

    private static byte[] Zip(byte[] content)
    {
        using var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.SmallestSize)) gzip.Write(content);
        return zipped.ToArray();
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        var extension => throw new InvalidOperationException($"The console has no media type for {extension}."),
    };

    /// <param name="Content">The bytes of the file.</param>
    /// <param name="Zipped">The same in gzip.</param>
    /// <param name="ContentType">Its media type.</param>
    /// <param name="Tag">Its entity tag: a hash of the content.</param>
    private sealed record Asset(byte[] Content, byte[] Zipped, string ContentType, string Tag);
}
