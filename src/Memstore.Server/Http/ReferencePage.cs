using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Scalar.AspNetCore;

namespace Memstore.Server.Http;

/// <summary>
/// The page that shows the OpenAPI document and tries its operations: Scalar, whose script is part of its assembly. Everything in it that would
/// reach for another server is off, and the policy that is sent with the page forbids the rest.
/// </summary>
// Nothing else names Scalar's types, so its assembly is loaded when the page is asked for and not before.
internal static class ReferencePage
{
    /// <summary>Where the page is; its script and icon are below.</summary>
    public const string Path = "/docs";

    private const int NonceSize = 18;

    /// <summary>Makes what serves the page, with routes of its own.</summary>
    public static RequestDelegate Make(IServiceProvider services)
    {
        var application = new ApplicationBuilder(services);
        application.Use(next => context =>
        {
            // The route that led here would be taken for the one to serve.
            context.SetEndpoint(null);
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return next(context);
        });
        application.UseRouting();
        application.UseEndpoints(static routes => routes.MapScalarApiReference(Path, Configure));
        return application.Build();
    }

    // For each time that the page is sent.
    private static void Configure(ScalarOptions options, HttpContext context)
    {
        options.Title = "Memstore: the REST API";
        options.OpenApiRoutePattern = Documentation.DocumentPath;
        options.Nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceSize));
        options.Authentication = new ScalarAuthenticationOptions { PreferredSecuritySchemes = ["bearer"] };

        // Each would ask another server, or shows a way to one.
        options.DefaultFonts = false;
        options.Telemetry = false;
        options.ProxyUrl = null;
        options.Agent = new ScalarAgentOptions { Disabled = true };
        options.Mcp = new ScalarMcpOptions { Disabled = true };
        options.ShowDeveloperTools = DeveloperToolsVisibility.Never;
        options.HideClientButton = true;
        context.Response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; script-src 'nonce-{options.Nonce}'; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    }
}
