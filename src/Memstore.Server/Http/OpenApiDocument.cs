using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Memstore.Server.Commands;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Memstore.Server.Http;

/// <summary>
/// The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html), written from the routes that have a <see cref="RestOperation"/> and
/// from the command table: each command is a schema of the JSON array that runs it.
/// </summary>
internal static class OpenApiDocument
{
    private const string JsonType = "application/json";
    private const string ProblemType = "application/problem+json";

    private static readonly JsonWriterOptions Options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // What is the same whatever the commands are.
    private const string FixedSchemas = """
        {
          "Argument": {
            "description": "Numbers and booleans are arguments as they are written. Bytes that are no text are given in Base64.",
            "anyOf": [
              { "type": ["string", "number", "boolean"] },
              { "type": "object", "required": ["base64"], "additionalProperties": false, "properties": { "base64": { "type": "string", "contentEncoding": "base64" } } }
            ]
          },
          "Commands": { "type": "array", "items": { "$ref": "#/components/schemas/Command" } },
          "Result": {
            "description": "What a command answers: a result or an error.",
            "type": "object",
            "properties": { "result": { "description": "Null, a string, a number, a boolean, or an array of them." }, "error": { "type": "string" } }
          },
          "Results": { "type": "array", "items": { "$ref": "#/components/schemas/Result" } },
          "CommandOrCommands": { "anyOf": [{ "$ref": "#/components/schemas/Command" }, { "$ref": "#/components/schemas/Commands" }] },
          "ResultOrResults": { "anyOf": [{ "$ref": "#/components/schemas/Result" }, { "$ref": "#/components/schemas/Results" }] },
          "ExecuteRequest": {
            "type": "object",
            "required": ["commands"],
            "additionalProperties": false,
            "properties": {
              "commands": {
                "type": "array",
                "items": {
                  "type": "object",
                  "required": ["cmd_type"],
                  "additionalProperties": false,
                  "properties": {
                    "cmd_type": { "type": "string", "examples": ["SET"] },
                    "key": { "$ref": "#/components/schemas/Argument" },
                    "value": { "$ref": "#/components/schemas/Argument" },
                    "args": { "type": "array", "items": { "$ref": "#/components/schemas/Argument" } }
                  }
                }
              }
            }
          },
          "ExecuteAnswer": { "type": "object", "required": ["results"], "properties": { "results": { "type": "array", "items": {} } } },
          "KeyList": {
            "type": "object",
            "required": ["cursor", "keys"],
            "properties": {
              "cursor": { "type": "string", "description": "Of the next part; 0 after the last." },
              "keys": { "type": "array", "items": { "type": "string" } }
            }
          },
          "Begin": { "type": "object", "additionalProperties": false, "properties": { "readonly": { "type": "boolean" } } },
          "Transaction": {
            "type": "object",
            "required": ["id", "timeout_ms", "readonly"],
            "properties": { "id": { "type": "string" }, "timeout_ms": { "type": "integer" }, "readonly": { "type": "boolean" } }
          },
          "Problem": {
            "description": "RFC 9457.",
            "type": "object",
            "required": ["title", "status", "detail", "error"],
            "properties": {
              "title": { "type": "string" }, "status": { "type": "integer" }, "detail": { "type": "string" },
              "error": { "type": "string", "description": "The detail again." }
            }
          }
        }
        """;

    /// <summary>Writes the document in UTF-8.</summary>
    public static byte[] Write(IReadOnlyList<Endpoint> endpoints, CommandTable commands)
    {
        var buffer = new ArrayBufferWriter<byte>(256 * 1024);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("openapi", "3.1.1");
            WriteInfo(json);
            WritePaths(json, endpoints);
            WriteComponents(json, commands);
            WriteRaw(json, "security", """[{"bearer":[]},{"basic":[]},{}]""");
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteInfo(Utf8JsonWriter json)
    {
        json.WriteStartObject("info");
        json.WriteString("title", "Memstore");
        json.WriteString("version", ProductVersion.Text);
        json.WriteString("summary", "An in-memory key-value store whose unit of work is a transaction.");
        json.WriteString("description", "Any command is a JSON array: POST /v1/commands. Several are one transaction: POST /v1/transaction or /v1/execute. Keys are resources below /v1/keys.");
        WriteRaw(json, "license", """{"name":"MIT","identifier":"MIT"}""");
        json.WriteEndObject();
        WriteRaw(json, "servers", """[{"url":"/"}]""");
    }

    private static void WritePaths(Utf8JsonWriter json, IReadOnlyList<Endpoint> endpoints)
    {
        var routes = endpoints.OfType<RouteEndpoint>().Where(static route => route.Metadata.GetMetadata<RestOperation>() is not null)
            .GroupBy(PathOf, StringComparer.Ordinal).OrderBy(static path => path.Key, StringComparer.Ordinal);
        json.WriteStartObject("paths");
        foreach (var path in routes)
        {
            json.WriteStartObject(path.Key);
            foreach (var route in path)
            {
                foreach (var method in route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods)
                    WriteOperation(json, path.Key, method, route.Metadata.GetMetadata<RestOperation>()!);
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    /// <summary>The path of a route as OpenAPI writes it: /v1/keys/{key} for /v1/keys/{**key}.</summary>
    internal static string PathOf(RouteEndpoint route) => "/" + route.RoutePattern.RawText!.Replace("**", "", StringComparison.Ordinal).TrimStart('/');

    private static void WriteOperation(Utf8JsonWriter json, string path, string method, RestOperation operation)
    {
        json.WriteStartObject(method.ToLowerInvariant());
        json.WriteString("operationId", OperationId(path, method));
        json.WriteString("summary", operation.Summary);
        json.WriteStartArray("tags");
        json.WriteStringValue(operation.Tag);
        json.WriteEndArray();
        WriteParameters(json, operation);
        if (operation.Body is { } body) WriteBody(json, body, operation);
        WriteAnswers(json, operation, hasBody: method != "HEAD");
        json.WriteEndObject();
    }

    // getV1KeysByKey
    private static string OperationId(string path, string method)
    {
        var id = method.ToLowerInvariant();
        foreach (var part in path.Split(['/', '-'], StringSplitOptions.RemoveEmptyEntries))
        {
            var word = part.Trim('{', '}');
            id += (part[0] == '{' ? "By" : "") + char.ToUpperInvariant(word[0]) + word[1..];
        }
        return id;
    }

    private static void WriteParameters(Utf8JsonWriter json, RestOperation operation)
    {
        if (operation.Parameters.Length == 0) return;
        json.WriteStartArray("parameters");
        foreach (var parameter in operation.Parameters)
        {
            json.WriteStartObject();
            json.WriteString("name", parameter.Name);
            json.WriteString("in", parameter.In);
            json.WriteBoolean("required", parameter.In == "path");
            json.WriteString("description", parameter.About);
            json.WriteStartObject("schema");
            json.WriteString("type", parameter.Type);
            if (parameter.Type == "array") WriteRaw(json, "items", """{"type":"string"}""");
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteBody(Utf8JsonWriter json, string body, RestOperation operation)
    {
        json.WriteStartObject("requestBody");
        json.WriteBoolean("required", !operation.IsBodyOptional);
        json.WriteStartObject("content");
        json.WriteStartObject(operation.BodyType);
        WriteSchema(json, body);
        if (operation.Example is { } example) WriteRaw(json, "example", example);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteAnswers(Utf8JsonWriter json, RestOperation operation, bool hasBody)
    {
        json.WriteStartObject("responses");
        foreach (var answer in operation.Answers) WriteAnswer(json, answer.Status.ToString(CultureInfo.InvariantCulture), answer, hasBody ? ContentOf(answer, operation) : []);
        var otherwise = new RestAnswer(StatusCodes.Status400BadRequest, "What went wrong.", "Problem", ProblemType);
        WriteAnswer(json, "default", otherwise, hasBody ? ContentOf(otherwise, operation) : []);
        json.WriteEndObject();
    }

    // The media types of a body, each with the name of its schema.
    private static List<(string MediaType, string? Schema)> ContentOf(RestAnswer answer, RestOperation operation)
    {
        var content = new List<(string, string?)>();
        if (answer.MediaType is not null || answer.Schema is not null) content.Add((answer.MediaType ?? JsonType, answer.Schema));
        if (answer.OtherMediaType is { } other) content.Add((other, null));
        if (answer.Status >= StatusCodes.Status400BadRequest && operation.ErrorSchema is { } schema) content.Add(answer.MediaType == ProblemType ? (JsonType, schema) : (ProblemType, "Problem"));
        return content;
    }

    private static void WriteAnswer(Utf8JsonWriter json, string status, RestAnswer answer, List<(string MediaType, string? Schema)> content)
    {
        json.WriteStartObject(status);
        json.WriteString("description", answer.About);
        if (answer.Headers.Length > 0)
        {
            json.WriteStartObject("headers");
            foreach (var header in answer.Headers)
            {
                json.WriteStartObject(header.Name);
                json.WriteString("description", header.About);
                WriteRaw(json, "schema", $$"""{"type":"{{header.Type}}"}""");
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }

        if (content.Count > 0)
        {
            json.WriteStartObject("content");
            foreach (var (mediaType, schema) in content)
            {
                json.WriteStartObject(mediaType);
                WriteSchema(json, schema);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    // No name: bytes or text.
    private static void WriteSchema(Utf8JsonWriter json, string? name)
    {
        json.WriteStartObject("schema");
        if (name is null or "") json.WriteString("type", "string");
        else json.WriteString("$ref", "#/components/schemas/" + name);
        json.WriteEndObject();
    }

    private static void WriteComponents(Utf8JsonWriter json, CommandTable commands)
    {
        json.WriteStartObject("components");
        WriteRaw(json, "securitySchemes", """{"bearer":{"type":"http","scheme":"bearer","description":"The password."},"basic":{"type":"http","scheme":"basic"}}""");
        json.WriteStartObject("schemas");
        using (var schemas = JsonDocument.Parse(FixedSchemas))
            foreach (var schema in schemas.RootElement.EnumerateObject()) schema.WriteTo(json);

        var rows = commands.Rows.Where(static row => !row.IsContainer).OrderBy(static row => row.Name, StringComparer.Ordinal).ToArray();
        foreach (var row in rows) WriteCommand(json, row);
        json.WriteStartObject("Command");
        json.WriteString("description", "A command's name, in any case, and its arguments.");
        json.WriteStartArray("anyOf");
        foreach (var row in rows)
        {
            json.WriteStartObject();
            json.WriteString("$ref", "#/components/schemas/" + NameOf(row));
            json.WriteEndObject();
        }
        json.WriteRawValue("""{"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/Argument"}}""");
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>The name of a command's schema: Command.CONFIG.GET.</summary>
    internal static string NameOf(Command row) => "Command." + row.Name.ToUpperInvariant().Replace('|', '.');

    private static void WriteCommand(Utf8JsonWriter json, Command row)
    {
        json.WriteStartObject(NameOf(row));
        json.WriteString("title", row.UsageLine);
        json.WriteString("description", row.Summary);
        json.WriteString("type", "array");
        json.WriteStartArray("prefixItems");
        foreach (var word in row.Name.ToUpperInvariant().Split('|')) WriteWord(json, word);
        foreach (var argument in row.Arguments.TakeWhile(IsOneWord)) WriteArgument(json, argument);
        json.WriteEndArray();
        json.WriteNumber("minItems", Math.Abs(row.Arity));
        if (row.Arity > 0) json.WriteNumber("maxItems", row.Arity);
        WriteRaw(json, "items", """{"$ref":"#/components/schemas/Argument"}""");
        json.WriteString("x-group", row.Group);
        json.WriteString("x-complexity", row.Complexity);
        json.WriteString("x-since", row.Since);
        if (row.Deprecated is { } deprecated)
        {
            json.WriteBoolean("deprecated", true);
            json.WriteString("x-instead", deprecated.Instead);
        }
        json.WriteEndObject();
    }

    private static bool IsOneWord(Argument argument) =>
        argument is { IsOptional: false, IsMultiple: false, Token: null } and not { Type: ArgumentType.OneOf or ArgumentType.Block or ArgumentType.PureToken };

    private static void WriteWord(Utf8JsonWriter json, string word)
    {
        json.WriteStartObject();
        json.WriteString("const", word);
        json.WriteEndObject();
    }

    private static void WriteArgument(Utf8JsonWriter json, Argument argument)
    {
        json.WriteStartObject();
        json.WriteString("title", argument.Name);
        json.WriteStartArray("type");
        json.WriteStringValue("string");
        json.WriteStringValue("number");
        if (argument.Type == ArgumentType.String) json.WriteStringValue("boolean");
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteRaw(Utf8JsonWriter json, string name, string value)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(value);
    }
}
