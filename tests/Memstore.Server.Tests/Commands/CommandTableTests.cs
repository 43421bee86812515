using System.Text;
using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>The table finds rows by name and refuses rows that contradict themselves or each other.</summary>
public sealed class CommandTableTests
{
    private static readonly CommandHandler Nothing = (ref CommandCall _) => { };

    [Theory]
    [InlineData("GET", "get")]
    [InlineData("gEt", "get")]
    [InlineData("GETKEYSANDFLAGS_LONG", "getkeysandflags_long")]
    [InlineData("getkeysandflags_lonG", "getkeysandflags_long")]
    [InlineData("no-evict", "no-evict")]
    [InlineData("no\revict", null)]
    [InlineData("GETKEYSANDFLAGS-LONG", null)]
    [InlineData("", null)]
    [InlineData("GETX", null)]
    [InlineData("G\u0005T", null)]
    public void Finds_names_in_any_case(string name, string? expected)
    {
        var table = Table(Row("GET key"), Row("GETKEYSANDFLAGS_LONG key"), Row("NO-EVICT"), Row("PERSIST"), Row("EXPIREAT"));
        Assert.Equal(expected, table.Find(Encoding.Latin1.GetBytes(name))?.Name);
    }

    [Fact]
    public void Subcommands_hang_below_their_container()
    {
        var table = Table(Row("OBJECT", handler: null), Row("OBJECT ENCODING key"));
        var container = Assert.Single(table.Commands);
        Assert.Equal(-2, container.Arity);
        Assert.Equal("object|encoding", container.FindSubcommand("Encoding"u8)?.Name);
        Assert.Same(container, table.FindFullName("object|ENCODING"u8)?.Parent);
    }

    [Fact]
    public void Refuses_a_double_name() => Assert.Throws<ArgumentException>(() => Table(Row("GET key"), Row("GET key value")));

    [Fact]
    public void Refuses_a_key_outside_the_arity() =>
        Assert.Throws<InvalidOperationException>(() => Table(Row("GET key", keys: [Key.Reads(2)])));

    [Fact]
    public void Refuses_a_container_with_nothing_in_it() =>
        Assert.Throws<InvalidOperationException>(() => Table(Row("OBJECT", handler: null)));

    [Fact]
    public void Categories_follow_from_family_and_flags()
    {
        var row = new Command("FLUSHALL", CommandFlags.Write, Nothing)
        {
            Summary = "-", Complexity = "-", Since = "-", Categories = AclCategories.Keyspace | AclCategories.Dangerous,
        };
        _ = new CommandTable(new CommandFamily("server", AclCategories.None, [row]));
        Assert.Equal(AclCategories.Keyspace | AclCategories.Write | AclCategories.Slow | AclCategories.Dangerous, row.AclCategories);
    }

    private static CommandTable Table(params Command[] rows) => new(new CommandFamily("string", AclCategories.String, rows));

    private static Command Row(string usage, KeySpec[]? keys = null) => Row(usage, Nothing, keys);

    private static Command Row(string usage, CommandHandler? handler, KeySpec[]? keys = null) =>
        new(usage, CommandFlags.None, keys ?? [], handler) { Summary = "-", Complexity = "-", Since = "-" };
}
