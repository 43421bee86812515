using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Memstore.Server.Http;

/// <summary>The description of the API: <c>/openapi.json</c> for programs, <c>/docs</c> for people, who can try everything there.</summary>
internal static class Documentation
{
    /// <summary>Where the document is.</summary>
    public const string DocumentPath = "/openapi.json";

    /// <summary>Adds the routes. The document is written, and what shows it is loaded, when somebody asks.</summary>
    public static void Map(IEndpointRouteBuilder routes, ServerState server)
    {
        var document = new Lazy<byte[]>(() => OpenApiDocument.Write([.. routes.DataSources.SelectMany(static source => source.Endpoints)], server.Commands));
        routes.MapMethods(DocumentPath, ["GET", "HEAD"], context => SendAsync(context, document.Value));
        var page = new Lazy<RequestDelegate>(() => ReferencePage.Make(routes.ServiceProvider));
        routes.MapGet(ReferencePage.Path + "/{**asset}", context => page.Value(context));
    }

    private static Task SendAsync(HttpContext context, byte[] document)
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = document.Length;
        context.Response.Headers.CacheControl = "no-cache";
        return context.Response.Body.WriteAsync(document, context.RequestAborted).AsTask();
    }
}
