using System.Buffers;
using Memstore.Engine.Values;

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

    /// <summary>Hands over the effects of a position; each is filled exactly once, in any order.</summary>
    /// <param name="position">What <see cref="Reserve"/> gave.</param>
    /// <param name="database">The database of the effects, up to the first that selects another.</param>
    /// <param name="effects">What the store's <see cref="IEffectEncoder"/> wrote. Valid during the call.</param>
    void Fill(long position, int database, ReadOnlySpan<byte> effects);

    /// <summary>The position up to which everything is as safe as the level asks; of <see cref="Durability.None"/> the last reserved.</summary>
    long SafePosition(Durability level);

    /// <summary>
    /// Calls back once, on any thread, when the position is as safe as the level asks; at once if it already is.
    /// The last argument of the callback is false when the position can never become safe.
    /// </summary>
    void WhenSafe(long position, Durability level, Action<object?, bool> callback, object? state);
}

/// <summary>
/// Turns effects into bytes of the log, one after the other, so that whoever carries them out in order on the state before has the state after.
/// They concern one database, that of the record at first, then the selected one. Thread-safe. The engine knows no format, so others implement it.
/// </summary>
public interface IEffectEncoder
{
    /// <summary>The effects that follow concern this database.</summary>
    void Select(IBufferWriter<byte> output, int database);

    /// <summary>A key holds this string now, with this deadline, whatever it was before.</summary>
    void Put(IBufferWriter<byte> output, in Key key, in Entry entry);

    /// <summary>A key is gone: deleted or expired.</summary>
    void Delete(IBufferWriter<byte> output, in Key key);

    /// <summary>A key's deadline changed; 0 means that it has none any more.</summary>
    void Deadline(IBufferWriter<byte> output, in Key key, long deadlineUnixMs);

    /// <summary>Fields of a hash have these values; a key that was absent is a hash of them.</summary>
    void SetFields<TPairs>(IBufferWriter<byte> output, in Key key, scoped TPairs pairs)
        where TPairs : IFieldValues, allows ref struct;

    /// <summary>Fields of a hash are gone; a hash that has none left too.</summary>
    void RemoveFields<TFields>(IBufferWriter<byte> output, in Key key, scoped TFields fields)
        where TFields : IFields, allows ref struct;

    /// <summary>A key holds what another holds, deadline included, whatever it was before.</summary>
    void Copy(IBufferWriter<byte> output, in Key source, int destinationDatabase, in Key destination);

    /// <summary>All keys of the database are gone.</summary>
    void Flush(IBufferWriter<byte> output);

    /// <summary>Two databases changed places.</summary>
    void Swap(IBufferWriter<byte> output, int first, int second);
}
