using System.Buffers;

namespace Memstore.Engine.Journaling;

/// <summary>How safe a commit must be before its reply may leave.</summary>
public enum Durability : byte
{
    /// <summary>The reply does not wait.</summary>
    None,

    /// <summary>Written at least every second; the reply does not wait.</summary>
    EverySecond,

    /// <summary>The reply leaves after the commit is on stable storage.</summary>
    Always,
}

/// <summary>
/// The log that committed transactions go to, in commit order. Thread-safe. A position counts transactions from 1; that of a
/// transaction is reserved before its records can be seen by anyone, so that whoever reads an effect and then writes gets a
/// later position than the effect's cause. Its bytes follow, so the log may have to wait for them; the wait is short.
/// </summary>
public interface ICommitLog
{
    /// <summary>Reserves the next position.</summary>
    long Reserve();

    /// <summary>Hands over the record for a position; each is filled exactly once, in any order.</summary>
    void Fill(long position, ReadOnlySpan<byte> record);

    /// <summary>The position up to which everything is as safe as the level asks.</summary>
    long SafePosition(Durability level);

    /// <summary>
    /// Calls back once, on any thread, when the position is as safe as the level asks; at once if it already is.
    /// The last argument of the callback is false when the position can never become safe.
    /// </summary>
    void WhenSafe(long position, Durability level, Action<object?, bool> callback, object? state);
}

/// <summary>Turns effects into log records. Implemented by the server, since the engine knows no protocol. Thread-safe.</summary>
public interface IEffectEncoder
{
    /// <summary>A key has this value now, whatever it had before.</summary>
    void Put(IBufferWriter<byte> output, int database, in Key key, in Entry entry);

    /// <summary>A key is gone: deleted or expired.</summary>
    void Delete(IBufferWriter<byte> output, int database, in Key key);

    /// <summary>A key's deadline changed; 0 means that it has none any more.</summary>
    void Deadline(IBufferWriter<byte> output, int database, in Key key, long deadlineUnixMs);

    /// <summary>All keys of a database are gone.</summary>
    void Flush(IBufferWriter<byte> output, int database);

    /// <summary>Two databases changed places.</summary>
    void Swap(IBufferWriter<byte> output, int first, int second);
}
