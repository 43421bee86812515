using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>COMMAND reads the table to clients.</summary>
public sealed class CommandCommandTests : HandlerTests
{
    [Fact]
    public void Info_answers_rows_in_the_order_asked()
    {
        Expect("COMMAND INFO nothing GET", new object?[] { null, GetInfo });
        Expect("COMMAND INFO object|encoding nothing|encoding object|nothing", new object?[]
        {
            new object[]
            {
                "object|encoding", 3, new object[] { "readonly" }, 2, 2, 1, new object[] { "@keyspace", "@read", "@slow" },
                new object[] { "nondeterministic_output" },
                new object[] { KeySpecAt(2, ["RO"]) }, Array.Empty<object>(),
            },
            null, null,
        });
    }

    private static object[] GetInfo =>
    [
        "get", 2, new object[] { "readonly", "fast" }, 1, 1, 1, new object[] { "@read", "@string", "@fast" }, Array.Empty<object>(),
        new object[] { KeySpecAt(1, ["RO", "access"]) }, Array.Empty<object>(),
    ];

    private static object[] KeySpecAt(int index, object[] flags) =>
    [
        "flags", flags, "begin_search", new object[] { "type", "index", "spec", new object[] { "index", index } },
        "find_keys", new object[] { "type", "range", "spec", new object[] { "lastkey", 0, "keystep", 1, "limit", 0 } },
    ];

    [Fact]
    public void Count_and_List_agree()
    {
        var all = Server.Run("COMMAND").Items.Count;
        Expect("COMMAND COUNT", all);
        Assert.Equal(all, Server.Run("COMMAND INFO").Items.Count);
        Assert.Equal(all, Server.Run("COMMAND DOCS").Items.Count / 2);
        Assert.True(Server.Run("COMMAND LIST").Items.Count > all);
    }

    [Theory]
    [InlineData("PATTERN getd*", "getdel")]
    [InlineData("PATTERN GETD*", "getdel")]
    [InlineData("pattern object|f*", "object|freq")]
    [InlineData("ACLCAT geo")]
    [InlineData("ACLCAT nothing")]
    [InlineData("MODULE some")]
    public void List_filters(string filter, params string[] names) =>
        Assert.Equal(names, Server.Run($"COMMAND LIST FILTERBY {filter}").Items.Select(item => item.Text));

    [Theory]
    [InlineData("SET a b", "a")]
    [InlineData("MSET a b c d", "a", "c")]
    [InlineData("RENAME a b", "a", "b")]
    [InlineData("object encoding a", "a")]
    public void GetKeys_finds_keys(string request, params string[] keys) =>
        Assert.Equal(keys, Server.Run($"COMMAND GETKEYS {request}").Items.Select(item => item.Text));

    [Theory]
    [InlineData("nothing a b", "ERR Invalid command specified")]
    [InlineData("object nothing b", "ERR Invalid command specified")]
    [InlineData("COMMAND COUNT", "ERR The command has no key arguments")]
    [InlineData("GET a b", "ERR Invalid number of arguments specified for command")]
    [InlineData("GET", "ERR wrong number of arguments for 'command|getkeys' command")]
    public void GetKeys_refuses(string request, string error) => ExpectError($"COMMAND GETKEYS {request}", error);

    [Fact]
    public void GetKeysAndFlags_says_what_happens_to_keys() =>
        Expect("COMMAND GETKEYSANDFLAGS RENAME a b", new object[]
        {
            new object[] { "a", new object[] { "RW", "access", "delete" } },
            new object[] { "b", new object[] { "OW", "update" } },
        });

    [Fact]
    public void Docs_tell_arguments()
    {
        var docs = Server.Run("COMMAND DOCS setnx nothing").Items;
        Assert.Equal(2, docs.Count);
        Assert.Equal("setnx", docs[0].Text);
        var map = docs[1].Items;
        Assert.Equal(["summary", "since", "group", "complexity", "doc_flags", "deprecated_since", "replaced_by", "arguments"],
            Enumerable.Range(0, map.Count / 2).Select(i => map[2 * i].Text));
        Assert.Equal("[['name', 'key', 'type', 'key', 'key_spec_index', 0], ['name', 'value', 'type', 'string']]", Show(map[^1]));
    }

    [Fact]
    public void An_unknown_subcommand_is_refused() =>
        ExpectError("COMMAND nothing", "ERR unknown subcommand 'nothing'. Try COMMAND HELP.");

    [Fact]
    public void Help_lists_the_rows()
    {
        var lines = Server.Run("COMMAND HELP").Items.Select(item => item.Text).ToArray();
        Assert.Equal("COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", lines[0]);
        Assert.Contains("GETKEYS command [arg [arg ...]]", lines);
    }
}
