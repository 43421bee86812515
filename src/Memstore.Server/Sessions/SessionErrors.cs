namespace Memstore.Server.Sessions;

/// <summary>The texts of errors that sessions and their commands answer: byte for byte those of Redis 7.0.15 where Redis has them.</summary>
internal static class SessionErrors
{
    public static ReadOnlySpan<byte> NoAuth => "NOAUTH Authentication required."u8;
    public static ReadOnlySpan<byte> WrongPassword => "WRONGPASS invalid username-password pair or user is disabled."u8;
    public static ReadOnlySpan<byte> ClientsMax => "ERR max number of clients reached"u8;
    public static ReadOnlySpan<byte> NotInMulti => "ERR Command not allowed inside a transaction"u8;
    public static ReadOnlySpan<byte> NestedMulti => "ERR MULTI calls can not be nested"u8;
    public static ReadOnlySpan<byte> ExecWithoutMulti => "ERR EXEC without MULTI"u8;
    public static ReadOnlySpan<byte> DiscardWithoutMulti => "ERR DISCARD without MULTI"u8;
    public static ReadOnlySpan<byte> WatchInMulti => "ERR WATCH inside MULTI is not allowed"u8;
    public static ReadOnlySpan<byte> ExecAbort => "EXECABORT Transaction discarded because of previous errors."u8;
    public static ReadOnlySpan<byte> MonitorTouchesData => "ERR Replica can't interact with the keyspace"u8;
    public const string SaveFailed = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

    public static ReadOnlySpan<byte> Loading => "LOADING Redis is loading the dataset in memory"u8;
    public static ReadOnlySpan<byte> NoReplicas => "NOREPLICAS Not enough good replicas to write."u8;

    // Of our own: what Redis does not have.
    public static ReadOnlySpan<byte> Internal => "ERR internal error: the command failed; the log of the server has the details"u8;
    public static ReadOnlySpan<byte> OutcomeUnknown => "ERR the outcome is unknown: the commit could not be made durable"u8;
    public static ReadOnlySpan<byte> NotRun => "ERR the command was not run: its session had ended"u8;
    public static ReadOnlySpan<byte> QueueFull => "ERR the transaction's queue is larger than client-query-buffer-limit"u8;
    public static ReadOnlySpan<byte> Conflict => "CONFLICT something that the transaction read has changed; nothing was written, run it again"u8;
    public static ReadOnlySpan<byte> BeginInBegin => "ERR BEGIN calls can not be nested"u8;
    public static ReadOnlySpan<byte> CommitWithoutBegin => "ERR COMMIT without BEGIN"u8;
    public static ReadOnlySpan<byte> RollbackWithoutBegin => "ERR ROLLBACK without BEGIN"u8;
    public static ReadOnlySpan<byte> BeginWhileWatching => "ERR BEGIN is not allowed while keys are watched; UNWATCH first, BEGIN checks what it reads itself"u8;
    public static ReadOnlySpan<byte> ReadOnlyTransaction => "READONLY the transaction was begun with READONLY"u8;
}
