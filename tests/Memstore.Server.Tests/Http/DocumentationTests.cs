using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Memstore.Server.Http;
using Xunit;

namespace Memstore.Server.Tests.Http;

public sealed class DocumentationTests
{
    [Fact]
    public async Task Every_route_of_the_API_is_in_the_document_with_an_operation_for_each_method()
    {
        await using var server = await HttpFixture.StartAsync();
        using var document = await ReadAsync(server);
        var paths = document.RootElement.GetProperty("paths");
        var operations = paths.EnumerateObject().SelectMany(static path => path.Value.EnumerateObject().Select(method => $"{method.Name.ToUpperInvariant()} {path.Name}")).ToHashSet();
        Assert.Superset(
            new HashSet<string>
            {
                "POST /", "POST /pipeline", "POST /multi-exec", "POST /v1/execute", "POST /v1/commands", "POST /v1/pipeline", "POST /v1/transaction",
                "GET /v1/keys", "GET /v1/keys/{key}", "HEAD /v1/keys/{key}", "PUT /v1/keys/{key}", "DELETE /v1/keys/{key}",
                "POST /v1/transactions", "POST /v1/transactions/{id}/commands", "POST /v1/transactions/{id}/commit", "POST /v1/transactions/{id}/rollback",
                "DELETE /v1/transactions/{id}", "GET /v1/subscribe", "GET /v1/monitor",
            },
            operations);

        // What routing knows below /v1 is there too: a path that takes another method is answered with 405 by those that exist.
        foreach (var path in paths.EnumerateObject())
            Assert.NotEqual(404, (await server.AskAsync("PATCH", path.Name.Replace("{", "", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal))).Status);
        var ids = paths.EnumerateObject().SelectMany(static path => path.Value.EnumerateObject()).Select(static operation => operation.Value.GetProperty("operationId").GetString()).ToArray();
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Fact]
    public async Task Every_command_of_the_table_has_a_schema()
    {
        await using var server = await HttpFixture.StartAsync();
        using var document = await ReadAsync(server);
        var schemas = document.RootElement.GetProperty("components").GetProperty("schemas");
        foreach (var row in server.Host.State.Commands.Rows.Where(static row => !row.IsContainer))
        {
            var schema = schemas.GetProperty(OpenApiDocument.NameOf(row));
            Assert.Equal(row.UsageLine, schema.GetProperty("title").GetString());
            Assert.Equal(row.Summary, schema.GetProperty("description").GetString());
            Assert.Equal(row.Since, schema.GetProperty("x-since").GetString());
            Assert.Equal(Math.Abs(row.Arity), schema.GetProperty("minItems").GetInt32());
        }
        var set = schemas.GetProperty("Command.SET");
        Assert.Equal("SET", set.GetProperty("prefixItems")[0].GetProperty("const").GetString());
        Assert.Equal(["key", "value"], set.GetProperty("prefixItems").EnumerateArray().Skip(1).Select(static item => item.GetProperty("title").GetString()!));
    }

    [Fact]
    public async Task References_lead_somewhere()
    {
        await using var server = await HttpFixture.StartAsync();
        using var document = await ReadAsync(server);
        var schemas = document.RootElement.GetProperty("components").GetProperty("schemas");
        var references = Regex.Matches(document.RootElement.GetRawText(), "\"\\$ref\":\\s*\"#/components/schemas/([^\"]+)\"");
        Assert.NotEmpty(references);
        foreach (Match reference in references) Assert.True(schemas.TryGetProperty(reference.Groups[1].Value, out _), reference.Value);
    }

    [Fact]
    public async Task The_page_may_run_only_its_own_scripts_and_ask_only_this_server()
    {
        await using var server = await HttpFixture.StartAsync();
        using var response = await server.SendAsync("GET", "/docs");
        Assert.Equal("/docs/", response.RequestMessage!.RequestUri!.AbsolutePath);
        Assert.Equal("text/html", response.Content.Headers.ContentType!.MediaType);
        var policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'; script-src 'nonce-", policy, StringComparison.Ordinal);
        Assert.Contains("; connect-src 'self'; ", policy, StringComparison.Ordinal);
        var page = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.DoesNotContain("http://", page, StringComparison.Ordinal);
        Assert.DoesNotContain("https://", page, StringComparison.Ordinal);
        var nonce = Regex.Match(policy, "'nonce-([^']+)'").Groups[1].Value;
        Assert.All(Regex.Matches(page, "<script [^>]*>"), script => Assert.Contains($"nonce=\"{nonce}\"", WebUtility.HtmlDecode(script.Value), StringComparison.Ordinal));
        Assert.NotEqual(policy, (await server.SendAsync("GET", "/docs/")).Headers.GetValues("Content-Security-Policy").Single());
    }

    [Theory]
    [InlineData("/docs/scalar.js", 200)]
    [InlineData("/docs/favicon.svg", 200)]
    [InlineData("/docs/nothing/here", 404)]
    public async Task What_the_page_loads_is_below_it(string path, int status)
    {
        await using var server = await HttpFixture.StartAsync();
        using var response = await server.SendAsync("GET", path);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Fact]
    public async Task The_page_is_behind_the_password()
    {
        await using var server = await HttpFixture.StartAsync(("requirepass", "secret"));
        Assert.Equal(401, (await server.AskAsync("GET", "/docs")).Status);
        foreach (var path in (string[])["/docs/", "/docs/scalar.js", "/openapi.json"])
        {
            Assert.Equal(401, (await server.AskAsync("GET", path)).Status);
            Assert.Equal(200, (await server.AskAsync("GET", path, null, ("Authorization", "Bearer secret"))).Status);
        }
    }

    private static async Task<JsonDocument> ReadAsync(HttpFixture server)
    {
        var (status, body) = await server.AskAsync("GET", "/openapi.json");
        Assert.Equal(200, status);
        return JsonDocument.Parse(body);
    }
}
