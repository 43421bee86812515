using Microsoft.AspNetCore.Builder;

namespace Memstore.Server.Http;

/// <summary>A parameter of a route, for the OpenAPI document.</summary>
/// <param name="Name">Its name.</param>
/// <param name="In">Where it stands: path, query or header.</param>
/// <param name="About">What it does.</param>
/// <param name="Type">The JSON type of its value.</param>
internal sealed record RestParameter(string Name, string In, string About, string Type = "string");

/// <summary>An answer of a route, for the OpenAPI document.</summary>
/// <param name="Status">The status code.</param>
/// <param name="About">What it means.</param>
/// <param name="Schema">The schema of the body by its name; null if there is no body, or it is not JSON.</param>
/// <param name="MediaType">The media type of the body; null if there is none.</param>
internal sealed record RestAnswer(int Status, string About, string? Schema = null, string? MediaType = null)
{
    /// <summary>A media type in which the body may be asked for instead, as bytes; null if there is none.</summary>
    public string? OtherMediaType { get; init; }

    /// <summary>Its headers.</summary>
    public RestParameter[] Headers { get; init; } = [];
}

/// <summary>What a route is for. It is attached to the route, and the OpenAPI document is written from the routes.</summary>
/// <param name="Tag">The group that it is shown in.</param>
/// <param name="Summary">What it does.</param>
internal sealed record RestOperation(string Tag, string Summary)
{
    /// <summary>Its parameters.</summary>
    public RestParameter[] Parameters { get; init; } = [];

    /// <summary>The schema of the body by its name; null if there is none.</summary>
    public string? Body { get; init; }

    /// <summary>The media type of the body.</summary>
    public string BodyType { get; init; } = "application/json";

    /// <summary>Whether there may be no body.</summary>
    public bool IsBodyOptional { get; init; }

    /// <summary>A body that works, as JSON.</summary>
    public string? Example { get; init; }

    /// <summary>The answers; errors beside them are problems.</summary>
    public RestAnswer[] Answers { get; init; } = [];

    /// <summary>The schema of what an error may be instead of a problem; null if each is one.</summary>
    public string? ErrorSchema { get; init; }
}

/// <summary>Attaching descriptions to routes.</summary>
internal static class RestOperations
{
    /// <summary>Says what a route is for.</summary>
    public static TBuilder Describe<TBuilder>(this TBuilder builder, RestOperation operation) where TBuilder : IEndpointConventionBuilder
    {
        builder.Add(endpoint => endpoint.Metadata.Add(operation));
        return builder;
    }
}
