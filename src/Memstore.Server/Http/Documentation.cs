using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Memstore.Server.Http;

/// <summary>The description of the API: <c>/openapi.json</c> for programs, <c>/docs</c> for people, who can try everything there.</summary>
internal static class Documentation
{
    private const string PageResource = "Memstore.Server.Http.docs.html";

    /// <summary>Adds the routes. The document is written when it is asked for first.</summary>
    public static void Map(IEndpointRouteBuilder routes, ServerState server)
    {
        var document = new Lazy<byte[]>(() => OpenApiDocument.Write([.. routes.DataSources.SelectMany(static source => source.Endpoints)], server.Commands));
        var page = new Lazy<byte[]>(ReadPage);
        routes.MapGet("/openapi.json", context => SendAsync(context, "application/json", document.Value));
        routes.MapGet("/docs", context =>
        {
            context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return SendAsync(context, "text/html; charset=utf-8", page.Value);
        });
    }

    private static byte[] ReadPage()
    {
        using var stream = typeof(Documentation).Assembly.GetManifestResourceStream(PageResource)!;
        var page = new byte[stream.Length];
        stream.ReadExactly(page);
        return page;
    }

    private static Task SendAsync(HttpContext context, string contentType, byte[] content)
    {
        context.Response.ContentType = contentType;
        context.Response.ContentLength = content.Length;
        context.Response.Headers.CacheControl = "no-cache";
        return context.Response.Body.WriteAsync(content, context.RequestAborted).AsTask();
    }
}
