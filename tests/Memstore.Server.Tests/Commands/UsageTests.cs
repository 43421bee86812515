using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>Usage lines give names, arities and argument trees.</summary>
public sealed class UsageTests
{
    [Theory]
    [InlineData("GET key", 2)]
    [InlineData("DBSIZE", 1)]
    [InlineData("SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]", -3)]
    [InlineData("DEL key [key ...]", -2)]
    [InlineData("MSET key value [key value ...]", -3)]
    [InlineData("HSET key field value [field value ...]", -4)]
    [InlineData("HRANDFIELD key [count [WITHVALUES]]", -2)]
    [InlineData("OBJECT ENCODING key", 3)]
    [InlineData("CONFIG GET parameter [parameter ...]", -3)]
    [InlineData("COMMAND INFO [command-name [command-name ...]]", -2)]
    [InlineData("COMMAND GETKEYS command [arg [arg ...]]", -3)]
    [InlineData("CLIENT REPLY <ON | OFF | SKIP>", 3)]
    [InlineData("AUTH [username] password", -2)]
    [InlineData("HELLO [protover [AUTH username password] [SETNAME clientname]]", -1)]
    [InlineData("LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", -4)]
    [InlineData("BITOP <AND | OR | XOR | NOT> destkey key [key ...]", -4)]
    public void Gives_the_arity(string line, int arity) => Assert.Equal(arity, Usage.Read(line).Arity);

    [Fact]
    public void Repeated_arguments_are_one_that_is_multiple()
    {
        var pair = Assert.Single(Usage.Read("MSET key value [key value ...]").Arguments);
        Assert.Equal(ArgumentType.Block, pair.Type);
        Assert.True(pair.IsMultiple);
        Assert.Equal(["key", "value"], pair.Parts.Select(part => part.Name));
    }

    [Fact]
    public void Choices_of_options_are_named_by_what_they_decide()
    {
        var arguments = Usage.Read("SET key value [NX | XX] [GET] [EX seconds | KEEPTTL]").Arguments;
        Assert.Equal(["key", "value", "condition", "get", "expiration"], arguments.Select(argument => argument.Name));
        Assert.Equal([false, false, true, true, true], arguments.Select(argument => argument.IsOptional));
        var seconds = arguments[4].Parts[0];
        Assert.Equal(("seconds", "EX", ArgumentType.Integer), (seconds.Name, seconds.Token, seconds.Type));
    }

    [Fact]
    public void A_token_before_several_values_makes_a_block()
    {
        var hello = Assert.Single(Usage.Read("HELLO [protover [AUTH username password] [SETNAME clientname]]").Arguments);
        var auth = hello.Parts[1];
        Assert.Equal(("auth", "AUTH", ArgumentType.Block, true), (auth.Name, auth.Token, auth.Type, auth.IsOptional));
        Assert.Equal(["username", "password"], auth.Parts.Select(part => part.Name));
    }

    [Theory]
    [InlineData("get key")]
    [InlineData("DEL key [field ...]")]
    [InlineData("DEL key [")]
    [InlineData("DEL key ]")]
    [InlineData("SET key [ | XX]")]
    public void Refuses_what_breaks_the_notation(string line) => Assert.Throws<FormatException>(() => Usage.Read(line));
}
