using System.Net;
using System.Text;
using System.Text.Json;
using Memstore.Server.Http;
using Xunit;

namespace Memstore.Server.Tests.Http;

public sealed class KeyEndpointTests
{
    [Fact]
    public async Task A_key_is_made_read_replaced_and_deleted()
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.Equal((404, true), await ProblemAsync(server, "GET", "/v1/keys/k"));
        Assert.Equal((201, ""), await server.AskAsync("PUT", "/v1/keys/k", "one"));
        Assert.Equal((200, "one"), await server.AskAsync("GET", "/v1/keys/k"));
        Assert.Equal((204, ""), await server.AskAsync("PUT", "/v1/keys/k", ""));
        Assert.Equal((200, ""), await server.AskAsync("GET", "/v1/keys/k"));
        Assert.Equal((204, ""), await server.AskAsync("DELETE", "/v1/keys/k"));
        Assert.Equal((404, true), await ProblemAsync(server, "DELETE", "/v1/keys/k"));
        Assert.Equal((404, ""), await server.AskAsync("HEAD", "/v1/keys/k"));
    }

    [Theory]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("a/b", "a/b")]
    [InlineData("", "")]
    [InlineData("%C3%A9", "é")]
    [InlineData("a%20b+c", "a b+c")]
    [InlineData("%25", "%")]
    [InlineData("AA?encoding=base64url", "\0")]
    [InlineData("Li4?encoding=base64url", "..")]
    [InlineData("?encoding=base64url", "")]
    public async Task A_path_names_a_key(string path, string key)
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.Equal(201, (await server.AskAsync("PUT", $"/v1/keys/{path}", "v")).Status);
        Assert.Equal((HttpStatusCode.OK, """{"result":"v"}"""), await server.PostAsync("/", JsonSerializer.Serialize<string[]>(["GET", key])));
        Assert.Equal((200, "v"), await server.AskAsync("GET", $"/v1/keys/{path}"));
    }

    [Theory]
    [InlineData("/v1/keys/%FF", 200, "any byte")]
    [InlineData("/v1/keys/%00", 400, "")]
    [InlineData("/v1/keys/a/../b", 400, ". or ..")]
    [InlineData("/v1/keys/a%2F..%2Fb", 400, ". or ..")]
    [InlineData("/v1/keys/..", 404, "")]
    [InlineData("/v1/keys/%2e%2e", 404, "")]
    [InlineData("/v1/x/../keys/k", 400, ". or ..")]
    [InlineData("/v1/keys/%zz", 400, "hexadecimal")]
    [InlineData("/v1/keys/a?encoding=base64url", 400, "Base64url")]
    [InlineData("/v1/keys/a?encoding=hex", 400, "encoding")]
    [InlineData("http://localhost/v1/keys/%FF", 200, "any byte")]
    public async Task What_a_path_cannot_say_is_refused(string target, int status, string text)
    {
        await using var server = await HttpFixture.StartAsync();
        await server.SendAsync("PUT", "/v1/keys/_w?encoding=base64url", [.. "any byte"u8]);
        var answer = await RawHttp.AskAsync(server.EndPoint, $"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains(text, answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hello", "text/plain; charset=utf-8")]
    [InlineData("", "text/plain; charset=utf-8")]
    [InlineData("<html><script>", "text/plain; charset=utf-8")]
    [InlineData("{\"a\":[1,2]}", "application/json")]
    [InlineData("{not json}", "text/plain; charset=utf-8")]
    [InlineData("\u0089PNG\r\n\u001a\n....", "image/png")]
    [InlineData("\u00ff\u00d8\u00ff", "image/jpeg")]
    [InlineData("RIFF....WEBPVP8 ", "image/webp")]
    [InlineData("%PDF-1.7", "application/pdf")]
    [InlineData("a\0b", "application/octet-stream")]
    [InlineData("\u00ff\u00fe", "application/octet-stream")]
    public async Task A_value_comes_back_as_it_was_with_the_type_that_its_bytes_tell(string value, string type)
    {
        await using var server = await HttpFixture.StartAsync();
        var bytes = Encoding.Latin1.GetBytes(value);
        await server.SendAsync("PUT", "/v1/keys/k", bytes, ("Content-Type", "application/x-www-form-urlencoded"));
        using var response = await server.SendAsync("GET", "/v1/keys/k");
        Assert.Equal(type, response.Content.Headers.ContentType!.ToString());
        Assert.Equal(bytes, await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        using var head = await server.SendAsync("HEAD", "/v1/keys/k");
        Assert.Equal((bytes.Length, type), ((int)head.Content.Headers.ContentLength!, head.Content.Headers.ContentType!.ToString()));
    }

    [Theory]
    [InlineData("image/svg+xml", "<svg/>", true)]
    [InlineData("application/vnd.apache.arrow.stream", "\u00ff\0", true)]
    [InlineData("text/csv;header=present; charset=\"utf-8\"", "a,b", true)]
    [InlineData("application/octet-stream", "hello", true)]
    [InlineData("text/plain", "hello", true)]
    [InlineData("text/plain;charset=UTF-8", "hello", false)]
    [InlineData("application/json", "{}", false)]
    [InlineData("application/octet-stream", "\0", false)]
    public async Task A_value_comes_back_with_the_media_type_that_it_was_given_of_which_is_kept_what_its_bytes_do_not_tell(string type, string value, bool isKept)
    {
        await using var server = await HttpFixture.StartAsync();
        var bytes = Encoding.Latin1.GetBytes(value);
        using var put = await server.SendAsync("PUT", "/v1/keys/k", bytes, ("Content-Type", type));
        Assert.Equal((201, ""), ((int)put.StatusCode, await put.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
        using var response = await server.SendAsync("GET", "/v1/keys/k");
        Assert.Equal(type.Replace(" ", "", StringComparison.Ordinal), response.Content.Headers.GetValues("Content-Type").Single().Replace(" ", "", StringComparison.Ordinal), ignoreCase: true);
        Assert.Equal(bytes, await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        Assert.Equal(("nosniff", "default-src 'none'; sandbox"), (response.Headers.GetValues("X-Content-Type-Options").Single(), response.Headers.GetValues("Content-Security-Policy").Single()));
        Assert.Equal(put.Headers.ETag, response.Headers.ETag);
        using var kept = JsonDocument.Parse((await server.PostAsync("/", """["OBJECT","MEDIATYPE","k"]""")).Body);
        Assert.Equal(isKept ? type : null, kept.RootElement.GetProperty("result").GetString());
    }

    [Theory]
    [InlineData("text")]
    [InlineData("text/")]
    [InlineData("/plain")]
    [InlineData("text/plain, text/html")]
    [InlineData("text/a b")]
    public async Task A_media_type_that_is_none_is_refused(string type)
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.Equal((400, true), await ProblemAsync(server, "PUT", "/v1/keys/k", "v", ("Content-Type", type)));
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
    }

    [Fact]
    public async Task A_tag_changes_with_the_media_type()
    {
        await using var server = await HttpFixture.StartAsync();
        var plain = await PutAsync(server, "same");
        var typed = await PutAsync(server, "same", ("Content-Type", "text/csv"));
        Assert.NotEqual(plain, typed);
        Assert.Equal((412, true), await ProblemAsync(server, "PUT", "/v1/keys/k", "other", ("If-Match", plain), ("Content-Type", "text/html")));
        Assert.Equal((304, ""), await server.AskAsync("GET", "/v1/keys/k", null, ("If-None-Match", typed)));
        Assert.NotEqual(typed, await PutAsync(server, "same", ("If-Match", typed), ("Content-Type", "text/html")));
        Assert.Equal(plain, await PutAsync(server, "same"));
    }

    [Fact]
    public async Task A_hash_is_a_JSON_object()
    {
        await using var server = await HttpFixture.StartAsync();
        await server.PostAsync("/", """["HSET","h","f","v","g","1"]""");
        using var response = await server.SendAsync("GET", "/v1/keys/h");
        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
        Assert.Equal("""{"f":"v","g":"1"}""", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        var tag = response.Headers.ETag!.ToString();
        Assert.Equal((428, true), await ProblemAsync(server, "PUT", "/v1/keys/h", "text"));
        Assert.Equal((412, true), await ProblemAsync(server, "PUT", "/v1/keys/h", "text", ("If-Match", "\"other\"")));
        await server.PostAsync("/", """["HSET","h","f","w"]""");
        Assert.Equal((412, true), await ProblemAsync(server, "PUT", "/v1/keys/h", "text", ("If-Match", tag)));
        await server.PostAsync("/", """["HSET","h","f","v"]""");
        Assert.Equal((204, ""), await server.AskAsync("PUT", "/v1/keys/h", "text", ("If-Match", tag)));
        Assert.Equal((200, "text"), await server.AskAsync("GET", "/v1/keys/h"));
    }

    [Theory]
    [InlineData("?ex=60", null, "60000")]
    [InlineData("?px=1500", null, "1500")]
    [InlineData("", "2500", "2500")]
    [InlineData("", null, null)]
    public async Task A_time_to_live_is_given_and_told(string query, string? header, string? expected)
    {
        await using var server = await HttpFixture.StartAsync();
        (string, string)[] headers = header is null ? [] : [("Memstore-Ttl-Ms", header)];
        Assert.Equal(201, (await server.AskAsync("PUT", $"/v1/keys/k{query}", "v", headers)).Status);
        using var response = await server.SendAsync("GET", "/v1/keys/k");
        Assert.Equal(expected, response.Headers.TryGetValues("Memstore-Ttl-Ms", out var told) ? told.Single() : null);
        Assert.Equal(204, (await server.AskAsync("PUT", "/v1/keys/k?keepttl", "w")).Status);
        using var kept = await server.SendAsync("GET", "/v1/keys/k");
        Assert.Equal(expected is not null, kept.Headers.Contains("Memstore-Ttl-Ms"));
    }

    [Theory]
    [InlineData("?ex=0")]
    [InlineData("?ex=-1")]
    [InlineData("?ex=one")]
    [InlineData("?px=99999999999999999999")]
    [InlineData("?ex=1&px=1")]
    [InlineData("?ex=1&keepttl")]
    public async Task A_time_to_live_that_is_none_is_refused(string query)
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.Equal((400, true), await ProblemAsync(server, "PUT", $"/v1/keys/k{query}", "v"));
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
    }

    [Fact]
    public async Task A_tag_changes_with_the_value_and_conditions_hold_or_do_not()
    {
        await using var server = await HttpFixture.StartAsync();
        var first = await PutAsync(server, "one", ("If-None-Match", "*"));
        Assert.Equal((412, true), await ProblemAsync(server, "PUT", "/v1/keys/k", "two", ("If-None-Match", "*")));
        Assert.Equal((412, true), await ProblemAsync(server, "PUT", "/v1/keys/missing", "two", ("If-Match", "*")));
        foreach (var method in (string[])["GET", "DELETE"])
            foreach (var condition in (string[])["If-Match", "If-None-Match"])
                Assert.Equal((404, true), await ProblemAsync(server, method, "/v1/keys/missing", null, (condition, first)));
        var second = await PutAsync(server, "two", ("If-Match", $"\"x\", {first}"));
        Assert.NotEqual(first, second);
        Assert.Equal((412, true), await ProblemAsync(server, "PUT", "/v1/keys/k", "three", ("If-Match", first)));
        Assert.Equal((412, true), await ProblemAsync(server, "PUT", "/v1/keys/k", "three", ("If-Match", $"W/{second}")));
        Assert.Equal((412, true), await ProblemAsync(server, "PUT", "/v1/keys/k", "three", ("If-None-Match", second)));
        Assert.Equal((400, true), await ProblemAsync(server, "PUT", "/v1/keys/k", "three", ("If-Match", "bare")));
        Assert.Equal((304, ""), await server.AskAsync("GET", "/v1/keys/k", null, ("If-None-Match", $"W/{second}")));
        Assert.Equal((200, "two"), await server.AskAsync("GET", "/v1/keys/k", null, ("If-None-Match", first)));
        Assert.Equal((200, "two"), await server.AskAsync("GET", "/v1/keys/k", null, ("If-Match", second)));
        Assert.Equal((412, true), await ProblemAsync(server, "GET", "/v1/keys/k", null, ("If-Match", first)));
        Assert.Equal((412, true), await ProblemAsync(server, "DELETE", "/v1/keys/k", null, ("If-Match", first)));
        Assert.Equal((204, ""), await server.AskAsync("DELETE", "/v1/keys/k", null, ("If-Match", second)));
    }

    [Fact]
    public async Task A_part_of_a_value_does_not_become_all_of_it()
    {
        await using var server = await HttpFixture.StartAsync();
        await server.AskAsync("PUT", "/v1/keys/k", "whole");
        Assert.Equal((400, true), await ProblemAsync(server, "PUT", "/v1/keys/k", "WH", ("Content-Range", "bytes 0-1/5")));
        Assert.Equal((200, "whole"), await server.AskAsync("GET", "/v1/keys/k"));
    }

    [Fact]
    public async Task While_memory_is_full_keys_are_read_and_deleted_and_not_written()
    {
        await using var server = await HttpFixture.StartAsync();
        await server.AskAsync("PUT", "/v1/keys/k", "v");
        await server.PostAsync("/", """["HSET","h","f","v"]""");
        await server.PostAsync("/", """["CONFIG","SET","maxmemory","1"]""");
        Assert.Equal((507, true), await ProblemAsync(server, "PUT", "/v1/keys/k", "w"));
        Assert.Equal((200, "v"), await server.AskAsync("GET", "/v1/keys/k"));
        Assert.Equal((200, """{"f":"v"}"""), await server.AskAsync("GET", "/v1/keys/h"));
        Assert.Equal((200, """[{"result":"v"},{"result":1}]"""), await server.AskAsync("POST", "/v1/transaction", """[["GET","k"],["DEL","h"]]"""));
        const string Full = """{"error":"OOM command not allowed when used memory > 'maxmemory'."}""";
        Assert.Equal((507, Full), await server.AskAsync("POST", "/v1/transaction", """[["GET","k"],["SET","k","w"]]"""));
        Assert.Equal((507, Full), await server.AskAsync("POST", "/v1/execute", """{"commands":[{"cmd_type":"SET","key":"k","value":"w"}]}"""));
        Assert.Equal((507, Full), await server.AskAsync("POST", "/", """["SET","k","w"]"""));
        Assert.Equal((204, ""), await server.AskAsync("DELETE", "/v1/keys/k"));
    }

    [Fact]
    public async Task Of_those_who_replace_the_same_value_one_wins()
    {
        await using var server = await HttpFixture.StartAsync();
        await server.AskAsync("PUT", "/v1/keys/k", "0");
        const int Writers = 8;
        const int Rounds = 25;
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async _ =>
        {
            for (var done = 0; done < Rounds;)
            {
                using var read = await server.SendAsync("GET", "/v1/keys/k");
                var next = int.Parse(await read.Content.ReadAsStringAsync()) + 1;
                if ((await server.AskAsync("PUT", "/v1/keys/k", $"{next}", ("If-Match", read.Headers.ETag!.ToString()))).Status == 204) done++;
            }
        }));
        Assert.Equal((200, $"{Writers * Rounds}"), await server.AskAsync("GET", "/v1/keys/k"));
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused()
    {
        await using var server = await HttpFixture.StartAsync(("http-max-body", "2000"));
        Assert.Equal((413, true), await ProblemAsync(server, "PUT", "/v1/keys/k", new string('x', 2001)));
        Assert.Equal((201, ""), await server.AskAsync("PUT", "/v1/keys/k", new string('x', 2000)));
    }

    [Fact]
    public async Task A_method_that_a_path_does_not_take_is_answered_with_those_that_it_takes()
    {
        await using var server = await HttpFixture.StartAsync();
        using var response = await server.SendAsync("PATCH", "/v1/keys/k", []);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["DELETE", "GET", "HEAD", "PUT"], response.Content.Headers.Allow.Order());
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal((404, true), await ProblemAsync(server, "GET", "/nowhere.html"));
    }

    [Theory]
    [InlineData("PUT", "/v1/keys", "GET, HEAD")]
    [InlineData("DELETE", "/v1/keys?match=*", "GET, HEAD")]
    [InlineData("POST", "/v1/keys", "GET, HEAD")]
    [InlineData("POST", "/v1/keys/", "DELETE, GET, HEAD, PUT")]
    public async Task The_list_of_keys_is_no_key_and_the_empty_key_is_one(string method, string path, string methods)
    {
        await using var server = await HttpFixture.StartAsync();
        using var response = await server.SendAsync(method, path, []);
        Assert.Equal((405, methods), ((int)response.StatusCode, string.Join(", ", response.Content.Headers.Allow)));
        Assert.Equal(201, (await server.AskAsync("PUT", "/v1/keys/", "v")).Status);
        Assert.Equal((200, ""), await server.AskAsync("HEAD", "/v1/keys"));
        Assert.Equal((200, "v"), await server.AskAsync("GET", "/v1/keys/"));
        Assert.Equal(204, (await server.AskAsync("DELETE", "/v1/keys/")).Status);
    }

    [Fact]
    public async Task All_keys_are_listed_part_by_part()
    {
        await using var server = await HttpFixture.StartAsync();
        for (var i = 0; i < 50; i++) await server.AskAsync("PUT", $"/v1/keys/page:{i}", "v");
        await server.PostAsync("/", """["HSET","page:h","f","v"]""");
        await server.AskAsync("PUT", "/v1/keys/other", "v");
        Assert.Equal(51, (await ListAsync(server, "match=page:*&count=10")).Count);
        Assert.Equal(["page:h"], await ListAsync(server, "type=hash"));
        Assert.Equal(["cGFnZTpo"], await ListAsync(server, "type=hash&encoding=base64url"));
        Assert.Equal((400, true), await ProblemAsync(server, "GET", "/v1/keys?cursor=x"));
        Assert.Equal((400, true), await ProblemAsync(server, "GET", "/v1/keys?count=0"));
    }

    [Fact]
    public async Task A_database_is_chosen_by_a_header()
    {
        await using var server = await HttpFixture.StartAsync();
        Assert.Equal(201, (await server.AskAsync("PUT", "/v1/keys/k", "v", ("Memstore-Database", "3"))).Status);
        Assert.Equal(404, (await server.AskAsync("GET", "/v1/keys/k")).Status);
        Assert.Equal((200, "v"), await server.AskAsync("GET", "/v1/keys/k", null, ("Memstore-Database", "3")));
        Assert.Equal((400, true), await ProblemAsync(server, "GET", "/v1/keys/k", null, ("Memstore-Database", "99")));
    }

    [Fact]
    public void A_tag_tells_types_and_values_apart() =>
        Assert.Equal(3, new[] { EntityTag.Of("string", "a"u8), EntityTag.Of("string", "b"u8), EntityTag.Of("hash", "a"u8), EntityTag.Of("string", "a"u8) }.Distinct().Count());

    private static async Task<string> PutAsync(HttpFixture server, string value, params (string, string)[] headers)
    {
        using var response = await server.SendAsync("PUT", "/v1/keys/k", Encoding.UTF8.GetBytes(value), headers);
        Assert.True(response.IsSuccessStatusCode);
        using var read = await server.SendAsync("GET", "/v1/keys/k");
        Assert.Equal(response.Headers.ETag, read.Headers.ETag);
        return response.Headers.ETag!.ToString();
    }

    private static async Task<List<string>> ListAsync(HttpFixture server, string query)
    {
        var keys = new List<string>();
        var cursor = "0";
        do
        {
            var (_, body) = await server.AskAsync("GET", $"/v1/keys?cursor={cursor}&{query}");
            using var json = JsonDocument.Parse(body);
            cursor = json.RootElement.GetProperty("cursor").GetString()!;
            keys.AddRange(json.RootElement.GetProperty("keys").EnumerateArray().Select(static key => key.GetString()!));
        }
        while (cursor != "0");
        return keys;
    }

    private static async Task<(int Status, bool IsProblem)> ProblemAsync(HttpFixture server, string method, string path, string? body = null, params (string, string)[] headers)
    {
        using var response = await server.SendAsync(method, path, body is null ? null : Encoding.UTF8.GetBytes(body), headers);
        using var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return ((int)response.StatusCode, response.Content.Headers.ContentType!.MediaType == "application/problem+json" && problem.RootElement.GetProperty("status").GetInt32() == (int)response.StatusCode);
    }
}
