using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>What a server that is no part of a cluster answers to the commands of one: clients learn from the errors what it is.</summary>
internal static class ClusterCommands
{
    private const CommandFlags Usual = Stale;

    public static readonly CommandFamily Family = new("cluster", AclCategories.None,
    [
        new("CLUSTER", None, null)
        {
            Summary = "A container for commands about the cluster.",
            Complexity = "Depends on the subcommand", Since = "3.0.0",
        },
        new("CLUSTER HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "5.0.0",
        },
        new("CLUSTER INFO", Usual, Disabled)
        {
            Summary = "Describes the cluster.",
            Complexity = "O(1)", Since = "3.0.0", Tips = ["nondeterministic_output"],
        },
        new("CLUSTER KEYSLOT key", Usual, Disabled)
        {
            Summary = "Answers the slot of a key.",
            Complexity = "O(N) where N is the number of bytes in the key", Since = "3.0.0",
        },
        new("CLUSTER MYID", Usual, Disabled)
        {
            Summary = "Answers the node's ID.",
            Complexity = "O(1)", Since = "3.0.0",
        },
        new("CLUSTER NODES", Usual, Disabled)
        {
            Summary = "Describes the nodes.",
            Complexity = "O(N) where N is the total number of Cluster nodes", Since = "3.0.0", Tips = ["nondeterministic_output"],
        },
        new("CLUSTER SHARDS", Usual, Disabled)
        {
            Summary = "Describes which nodes have which slots.",
            Complexity = "O(N) where N is the total number of cluster nodes", Since = "7.0.0", Tips = ["nondeterministic_output"],
        },
        new("CLUSTER SLOTS", Usual, Disabled)
        {
            Summary = "Describes which nodes have which slots, in an older form.",
            Complexity = "O(N) where N is the total number of Cluster nodes", Since = "3.0.0",
            Deprecated = ("7.0.0", "`CLUSTER SHARDS`"), Tips = ["nondeterministic_output"],
        },
        new("READONLY", Loading | Stale | Fast, Disabled)
        {
            Summary = "Allows reads from a replica of a cluster.",
            Complexity = "O(1)", Since = "3.0.0", Categories = AclCategories.Connection,
        },
        new("READWRITE", Loading | Stale | Fast, Disabled)
        {
            Summary = "Ends READONLY.",
            Complexity = "O(1)", Since = "3.0.0", Categories = AclCategories.Connection,
        },
        new("ASKING", Fast, Disabled)
        {
            Summary = "Allows the next command in a slot that is being imported.",
            Complexity = "O(1)", Since = "3.0.0", Categories = AclCategories.Connection,
        },
    ]);

    private static void Disabled(ref CommandCall call) => call.Reply.Error("ERR This instance has cluster support disabled"u8);
}
