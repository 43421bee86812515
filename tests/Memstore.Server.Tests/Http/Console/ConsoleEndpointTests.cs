using System.IO.Compression;
using System.Net;
using System.Text.RegularExpressions;
using Xunit;

namespace Memstore.Server.Tests.Http.Console;

public sealed partial class ConsoleEndpointTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_page_and_all_that_it_loads_are_served()
    {
        await using var server = await HttpFixture.StartAsync();
        var found = new Queue<string>(["console.html"]);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (found.TryDequeue(out var name))
        {
            if (!seen.Add(name)) continue;
            using var response = await server.Client.GetAsync("/console/" + name, Cancelled);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(TypeOf(name), response.Content.Headers.ContentType?.ToString());
            foreach (Match match in Reference().Matches(await response.Content.ReadAsStringAsync(Cancelled))) found.Enqueue(match.Groups["name"].Value);
        }

        Assert.Superset(new HashSet<string>(["console.css", "icon.svg", "theme.js", "main.js", "server.js", "bytes.js", "ring.js"]), seen);
        var embedded = typeof(ServerHost).Assembly.GetManifestResourceNames().Where(name => name.StartsWith("console/", StringComparison.Ordinal)).Select(name => name["console/".Length..]);
        Assert.Equal(embedded.Order(), seen.Order());
    }

    [Theory]
    [InlineData("/console")]
    [InlineData("/console/main.js")]
    public async Task No_script_but_ours_may_run_and_no_page_may_frame_it(string path)
    {
        await using var server = await HttpFixture.StartAsync();
        using var response = await server.Client.GetAsync(path, Cancelled);
        var policy = Header(response, "Content-Security-Policy").Split("; ");
        Assert.Contains("default-src 'none'", policy);
        Assert.Contains("script-src 'self'", policy);
        Assert.Contains("style-src 'self'", policy);
        Assert.Contains("frame-ancestors 'none'", policy);
        Assert.Contains("require-trusted-types-for 'script'", policy);
        Assert.Equal("nosniff", Header(response, "X-Content-Type-Options"));
        Assert.Equal("DENY", Header(response, "X-Frame-Options"));
        Assert.Equal("no-referrer", Header(response, "Referrer-Policy"));
        Assert.Equal("no-cache", Header(response, "Cache-Control"));
    }

    [Fact]
    public async Task The_page_has_no_script_and_no_style_of_its_own()
    {
        await using var server = await HttpFixture.StartAsync();
        var page = await server.Client.GetStringAsync("/console", Cancelled);
        Assert.DoesNotMatch("<style|<script(?![^>]* src=)|\\son\\w+=|style=|javascript:|https?://", page);
    }

    [Fact]
    public async Task What_the_browser_has_is_not_sent_again()
    {
        await using var server = await HttpFixture.StartAsync();
        using var first = await server.Client.GetAsync("/console/main.js", Cancelled);
        var tag = Header(first, "ETag");
        foreach (var known in new[] { tag, "\"other\", " + tag, "*" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/console/main.js");
            Assert.True(request.Headers.TryAddWithoutValidation("If-None-Match", known));
            using var again = await server.Client.SendAsync(request, Cancelled);
            Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
            Assert.Empty(await again.Content.ReadAsByteArrayAsync(Cancelled));
            Assert.Equal(tag, Header(again, "ETag"));
        }

        using var changed = new HttpRequestMessage(HttpMethod.Get, "/console/main.js");
        Assert.True(changed.Headers.TryAddWithoutValidation("If-None-Match", "W/\"other\""));
        using var whole = await server.Client.SendAsync(changed, Cancelled);
        Assert.Equal(HttpStatusCode.OK, whole.StatusCode);
    }

    [Fact]
    public async Task Who_takes_gzip_gets_the_same_in_less()
    {
        await using var server = await HttpFixture.StartAsync();
        var plain = await server.Client.GetByteArrayAsync("/console/main.js", Cancelled);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/console/main.js");
        request.Headers.Add("Accept-Encoding", "gzip, br");
        using var response = await server.Client.SendAsync(request, Cancelled);
        Assert.Equal("gzip", Assert.Single(response.Content.Headers.ContentEncoding));
        Assert.Equal("Accept-Encoding", Header(response, "Vary"));
        var zipped = await response.Content.ReadAsByteArrayAsync(Cancelled);
        Assert.True(zipped.Length < plain.Length);
        using var whole = new MemoryStream();
        using (var gzip = new GZipStream(new MemoryStream(zipped), CompressionMode.Decompress)) await gzip.CopyToAsync(whole, Cancelled);
        Assert.Equal(plain, whole.ToArray());
    }

    [Theory]
    [InlineData("GET", "/console/", 301)]
    [InlineData("HEAD", "/console", 200)]
    [InlineData("POST", "/console", 405)]
    [InlineData("GET", "/console/nothing.js", 404)]
    [InlineData("GET", "/console/..%2Fmain.js", 404)]
    [InlineData("GET", "/console/%00", 404)]
    public async Task Nothing_else_is_there(string method, string path, int status)
    {
        await using var server = await HttpFixture.StartAsync();
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = server.Client.BaseAddress };
        using var response = await client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), Cancelled);
        // Kestrel itself refuses some paths.
        Assert.True((int)response.StatusCode == status || (path.Contains('%') && response.StatusCode == HttpStatusCode.BadRequest), response.ToString());
        if (status == 301) Assert.Equal("../console", response.Headers.Location?.ToString());
    }

    [Fact]
    public async Task The_page_asks_for_the_password_itself_and_figures_need_it()
    {
        await using var server = await HttpFixture.StartAsync(("requirepass", "secret"));
        using var page = await server.Client.GetAsync("/console", Cancelled);
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.PostAsync("/v1/pipeline", """[["INFO"]]""", ("Accept", "application/x-resp"))).Status);
    }

    [Fact]
    public async Task A_pipeline_may_be_answered_with_the_replies_as_they_are()
    {
        await using var server = await HttpFixture.StartAsync();
        var (status, body) = await server.PostAsync("/v1/pipeline", """[["SET","k","é"],["GET","k"],["PING"],["STRLEN","k"],["GET","none"],["NOPE"],["HGETALL","none"]]""", ("Accept", "application/x-resp"));
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("+OK\r\n$2\r\né\r\n+PONG\r\n:2\r\n$-1\r\n-ERR unknown command 'NOPE', with args beginning with: \r\n*0\r\n", body);
    }

    [Fact]
    public async Task An_argument_may_be_any_bytes()
    {
        await using var server = await HttpFixture.StartAsync();
        var (_, body) = await server.PostAsync("/v1/pipeline", """[["SET",{"base64":"AP8="},"v"],["STRLEN",{"base64":"AP8="}],["SCAN",0]]""", ("Upstash-Encoding", "base64"));
        Assert.Equal("""[{"result":"OK"},{"result":1},{"result":["MA==",["AP8="]]}]""", body);
    }

    [Theory]
    [InlineData("""[["GET",{}]]""")]
    [InlineData("""[["GET",{"base64":1}]]""")]
    [InlineData("""[["GET",{"base64":"%"}]]""")]
    [InlineData("""[["GET",{"hex":"00"}]]""")]
    [InlineData("""[["GET",{"base64":"AA==","more":1}]]""")]
    [InlineData("""[["GET",{"base64":"AA=="]]""")]
    public async Task An_object_that_is_no_bytes_is_refused(string body)
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync("/v1/pipeline", body)).Status);
    }

    private static string Header(HttpResponseMessage response, string name) =>
        string.Join(", ", response.Headers.TryGetValues(name, out var values) || response.Content.Headers.TryGetValues(name, out values) ? values : []);

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        _ => "image/svg+xml",
    };

    // href="console/console.css", src="console/main.js", from "./server.js"
    [GeneratedRegex("(?:(?:href|src)=\"console/|from \"\\./)(?<name>[a-z]+\\.[a-z]+)\"")]
    private static partial Regex Reference();
}
