using System.Globalization;
using Memstore.Protocol;
using Memstore.Server.Commands;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>The table says of each command what COMMAND INFO of Redis 7.0.15 says, but for what is listed here with its reason.</summary>
// redis-7.0.15-commands.tsv holds the facts of that reply, sorted by name; flags, categories and tips are sorted within a column.
public sealed class CommandInfoTests
{
    private static readonly string[] Columns =
        ["name", "arity", "flags", "first key", "last key", "step", "ACL categories", "tips", "key specs"];

    /// <summary>Commands that Redis 7.0.15 does not have.</summary>
    private static readonly Dictionary<string, string> Ours = new()
    {
        ["begin"] = "A transaction that answers each command at once.",
        ["commit"] = "Ends BEGIN.",
        ["rollback"] = "Ends BEGIN.",
        ["client|durability"] = "How safe commits must be is for each client to say.",
        ["shards"] = "Redis does not have shards inside one server.",
        ["shards|help"] = "Belongs to SHARDS.",
        ["shards|info"] = "Belongs to SHARDS.",
        ["shards|log"] = "Belongs to SHARDS.",
        ["shards|move"] = "Belongs to SHARDS.",
        ["shards|rebalance"] = "Belongs to SHARDS.",
        ["shards|ring"] = "Belongs to SHARDS.",
        ["shards|set"] = "Belongs to SHARDS.",
        ["hotkeys"] = "Redis 7.0 samples hot keys on the client's side.",
        ["hotkeys|help"] = "Belongs to HOTKEYS.",
        ["hotkeys|reset"] = "Belongs to HOTKEYS.",
        ["bigkeys"] = "Redis looks for big keys on the client's side.",
        ["bigkeys|help"] = "Belongs to BIGKEYS.",
        ["object|mediatype"] = "Redis keeps no media types.",
        ["waitaof"] = "Redis 7.2 has it.",
        ["client|no-touch"] = "Redis 7.2 has it; clients send it when they connect.",
        ["client|setinfo"] = "Redis 7.2 has it; clients send it when they connect.",
        ["debug|digest"] = "Redis has it without a row of its own, as all of DEBUG.",
        ["debug|digest-value"] = "Redis has it without a row of its own, as all of DEBUG.",
        ["debug|object"] = "Redis has it without a row of its own, as all of DEBUG.",
        ["debug|populate"] = "Redis has it without a row of its own, as all of DEBUG.",
    };

    /// <summary>Where a row differs, by name and column.</summary>
    private static readonly Dictionary<(string Name, string Column), string> Differences = DifferencesOf(
        (["exec"], ["flags"], "EXEC shows itself to MONITOR, after the commands that it runs."),
        (["ssubscribe", "sunsubscribe", "spublish"], ["first key", "last key", "step", "key specs"],
            "Channels are no keys here: there is no cluster whose shards they would be spread over."));

    [Fact]
    public void Rows_say_what_Redis_says()
    {
        var redis = File.ReadLines(RepositoryFiles.PathOf("tests/Memstore.Server.Tests/Commands/redis-7.0.15-commands.tsv"))
            .Skip(1).Select(line => line.Split('\t')).ToDictionary(cells => cells[0]);
        var wrong = new List<string>();
        var met = new HashSet<(string, string)>();
        foreach (var row in Rows())
        {
            var cells = CellsOf(row);
            if (!redis.TryGetValue(row.Name, out var expected))
            {
                if (!Ours.ContainsKey(row.Name)) wrong.Add($"{row.Name}: Redis does not have it");
                continue;
            }
            for (var i = 1; i < Columns.Length; i++)
            {
                if (cells[i] == expected[i]) continue;
                met.Add((row.Name, Columns[i]));
                if (!Differences.ContainsKey((row.Name, Columns[i])))
                    wrong.Add($"{row.Name}, {Columns[i]}: '{cells[i]}', Redis has '{expected[i]}'");
            }
        }
        wrong.AddRange(Differences.Keys.Where(key => !met.Contains(key)).Select(key => $"{key.Name}, {key.Column}: listed, but it does not differ"));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static IEnumerable<Command> Rows() =>
        new CommandTable(CommandFamilies.All).Commands.SelectMany(command => command.Subcommands.Prepend(command));

    private static Dictionary<(string, string), string> DifferencesOf(
        params ReadOnlySpan<(string[] Names, string[] Columns, string Reason)> differences)
    {
        var all = new Dictionary<(string, string), string>();
        foreach (var (names, columns, reason) in differences)
        {
            foreach (var name in names)
            {
                foreach (var column in columns) all.Add((name, column), reason);
            }
        }
        return all;
    }

    // Read from the reply, so that the reply is what is compared.
    private static string[] CellsOf(Command row)
    {
        using var reply = new ReplyWriter { Protocol = 3 };
        CommandReplies.Info(reply, row);
        Assert.True(ReplyReader.TryRead(reply.WrittenSpan, out var value, out _));
        var items = value.Items;
        return
        [
            items[0].Text, Number(items[1]), Sorted(items[2]), Number(items[3]), Number(items[4]), Number(items[5]),
            Sorted(items[6]), Sorted(items[7]), string.Join(" | ", items[8].Items.Select(Spec)),
        ];
    }

    private static string Number(RespValue value) => value.Integer.ToString(CultureInfo.InvariantCulture);

    private static string Sorted(RespValue names) => string.Join(' ', names.Items.Select(name => name.Text).Order(StringComparer.Ordinal));

    // flags, begin_search and find_keys, each with its type and its values.
    private static string Spec(RespValue spec) => $"{Sorted(spec.Items[1])}; {Step(spec.Items[3])}; {Step(spec.Items[5])}";

    private static string Step(RespValue step)
    {
        var values = step.Items[3].Items;
        var pairs = Enumerable.Range(0, values.Count / 2).Select(i =>
            $"{values[2 * i].Text}={(values[2 * i + 1].Type == RespType.Integer ? Number(values[2 * i + 1]) : values[2 * i + 1].Text)}");
        return $"{step.Items[1].Text} {string.Join(' ', pairs)}";
    }
}
