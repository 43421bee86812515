using System.Globalization;
using Memstore.Storage.Journals;

namespace Memstore.Storage.Recovery;

/// <summary>What is told to an operator whose data cannot be read.</summary>
internal static class RecoveryErrors
{
    /// <summary>There are keys or effects in a database that the store does not have.</summary>
    public static StorageException TooFewDatabases(int database, int databases) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"There is data in database {database}, but the store has {databases} databases. Start with --databases {database + 1} or more."));

    /// <summary>The store refused an effect.</summary>
    public static StorageException CannotApply(EffectKind kind, Exception error) => error is OutOfMemoryException or InsufficientMemoryException
        ? new StorageException($"The data does not fit into memory: {error.Message}", error)
        : new StorageException($"An effect of the journal ({kind}) does not fit the data before it: {error.Message}", error);

    /// <summary>A journal ends in a way that forbids to go on.</summary>
    public static StorageException Of(JournalEnd end) => end.Kind == JournalEndKind.Newer
        ? new StorageException($"{end.File} cannot be read: {end.Reason}. Use the version that wrote it, or a later one.")
        : new StorageDamagedException(end.File, end.Offset, end.Reason);
}
