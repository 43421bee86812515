namespace Memstore.Server.Commands;

/// <summary>The families that the server's table is made of.</summary>
internal static class CommandFamilies
{
    /// <summary>All families, in the order in which COMMAND lists them.</summary>
    public static IReadOnlyList<CommandFamily> All =>
    [
        StringCommands.Family,
        KeyCommands.Family,
        ExpiryCommands.Family,
        HashCommands.Family,
        KeyspaceCommands.Family,
        CommandCommands.Family,
        ConnectionCommands.Family,
        ClientCommands.Family,
        TransactionCommands.Family,
        PubSubCommands.Family,
        ServerCommands.Family,
        PersistenceCommands.Family,
        ShardCommands.Family,
        KeyUseCommands.Family,
        ConfigCommands.Family,
        DiagnosticCommands.Family,
        DebugCommands.Family,
        ClusterCommands.Family,
    ];
}
