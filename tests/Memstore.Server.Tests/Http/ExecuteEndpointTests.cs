using System.Net;
using Xunit;

namespace Memstore.Server.Tests.Http;

public sealed class ExecuteEndpointTests
{
    [Theory]
    [InlineData("""{"cmd_type":"SET","key":"k","value":"v"},{"cmd_type":"GET","key":"k"}""", """{"results":["v","v"]}""")]
    [InlineData("""{"cmd_type":"GET","key":"missing"}""", """{"results":[""]}""")]
    [InlineData("", """{"results":[]}""")]
    [InlineData("""{"value":"v","cmd_type":"set","key":"\u0000é"},{"cmd_type":"get","key":"\u0000é"}""", """{"results":["v","v"]}""")]
    [InlineData("""{"cmd_type":"SET","key":"k","value":7},{"cmd_type":"INCR","key":"k"}""", """{"results":["7",8]}""")]
    [InlineData("""{"cmd_type":"SET","key":"k","value":"v","args":["EX",60]},{"cmd_type":"SET","key":"k","value":"w","args":["NX"]},{"cmd_type":"SET","key":"k","value":"OK","args":["GET"]}""", """{"results":["v",null,"v"]}""")]
    [InlineData("""{"cmd_type":"SET","args":["k","v"]},{"cmd_type":"SET","args":["k",7,"GET"]}""", """{"results":["v","v"]}""")]
    [InlineData("""{"cmd_type":"HSET","key":"h","args":["f",1]},{"cmd_type":"HGETALL","key":"h"}""", """{"results":[1,{"f":"1"}]}""")]
    [InlineData("""{"cmd_type":"SET","key":"k","value":"v"},{"cmd_type":"INCR","key":"k"}""", """{"results":["v",{"error":"ERR value is not an integer or out of range"}]}""")]
    public async Task Commands_run_in_one_transaction_and_answer_in_order(string commands, string expected)
    {
        await using var server = await HttpFixture.StartAsync();
        var (status, body) = await server.PostAsync("/v1/execute", $$"""{"commands":[{{commands}}]}""");
        Assert.Equal((HttpStatusCode.OK, expected), (status, body));
    }

    [Theory]
    [InlineData("", "The body is empty.")]
    [InlineData("{", "The body is not JSON: line 1, byte 2.")]
    [InlineData("[]", "The body must be an object with the member \"commands\".")]
    [InlineData("{}", "\"commands\" is missing.")]
    [InlineData("""{"commands":{}}""", "\"commands\" must be an array.")]
    [InlineData("""{"commands":[],"commands":[]}""", "\"commands\" is there twice.")]
    [InlineData("""{"commands":[{"key":"k"}]}""", "A command has no \"cmd_type\".")]
    [InlineData("""{"commands":[{"cmd_type":"GET","key":"k","key":"l"}]}""", "\"key\" is there twice.")]
    [InlineData("""{"commands":[{"cmd_type":"GET","kay":"k"}]}""", "A command has no member \"kay\".")]
    [InlineData("""{"commands":[{"cmd_type":"GET","key":null}]}""", "An argument must be a string, a number or a boolean.")]
    [InlineData("""{"commands":[{"cmd_type":"GET","key":"\ud800"}]}""", "A string of the body is not valid Unicode.")]
    [InlineData("""{"commands":[]} 1""", "The body is not JSON: line 1, byte 17.")]
    [InlineData("""{"commands":[{"cmd_type":"GET"}]}""", "ERR wrong number of arguments for 'get' command")]
    [InlineData("""{"commands":[{"cmd_type":"NOPE","key":"k","value":"v"}]}""", "ERR unknown command 'NOPE', with args beginning with: 'k' 'v' ")]
    [InlineData("""{"commands":[{"cmd_type":"SET","key":"k","value":"v"},{"cmd_type":"EXEC"}]}""", "ERR exec is not allowed inside a transaction")]
    [InlineData("""{"commands":[{"cmd_type":"SUBSCRIBE","key":"k"}]}""", "ERR subscribe has no end: use the event streams")]
    public async Task What_cannot_be_bound_is_refused_with_the_reason(string body, string reason)
    {
        await using var server = await HttpFixture.StartAsync();
        var (status, answer) = await server.PostAsync("/v1/execute", body);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(reason, System.Text.Json.JsonDocument.Parse(answer).RootElement.GetProperty("error").GetString());
    }

    [Fact]
    public async Task Nothing_of_a_refused_transaction_happens()
    {
        await using var server = await HttpFixture.StartAsync();
        await server.PostAsync("/v1/execute", """{"commands":[{"cmd_type":"SET","key":"k","value":"v"},{"cmd_type":"NOPE"}]}""");
        Assert.Equal("""{"results":[""]}""", (await server.PostAsync("/v1/execute", """{"commands":[{"cmd_type":"GET","key":"k"}]}""")).Body);
    }
}
