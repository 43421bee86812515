using Memstore.Engine;
using Memstore.Storage.Journals;

namespace Memstore.Storage;

// With a journal: it goes on where recovery ended, and every image splits it.
public sealed partial class StorageDirectory
{
    /// <summary>Starts the journal that goes on where <see cref="Recover"/> ended. It is disposed of before the directory.</summary>
    /// <param name="change">Sets what the directory does not know: sizes, where faults are told. What it knows is set already.</param>
    /// <exception cref="IOException">Its first segment could not be made.</exception>
    public Journal OpenJournal(Func<JournalOptions, JournalOptions>? change = null)
    {
        if (_recovered is not { } recovered) throw new InvalidOperationException("The journal goes on where recovery ended.");
        var options = new JournalOptions
        {
            StoreId = StoreId,
            Directory = DirectoryPath,
            FirstSegment = recovered.NextSegment,
            FirstSequence = recovered.LastSequence + 1,
            LastUnixMs = recovered.LastUnixMs,
            Clock = _options.TimeProvider,
        };
        return Journal.Start(_disk, change is null ? options : change(options));
    }

    /// <summary>
    /// Saves an image of a store whose commits go to a journal, after which the segments before it are not needed; see the other overload. Also
    /// what <see cref="JournalOptions.RewriteNeeded"/> asks for.
    /// </summary>
    public SaveResult? TrySave(Store store, Journal journal, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(journal);
        var isBroken = journal.Fault is { Kind: JournalFaultKind.Image };
        var saved = TrySave(store, journal.SplitAfter, isBroken, stop);
        if (saved is not null) journal.CompleteRewrite(saved.Image.Sequence);
        return saved;
    }
}
