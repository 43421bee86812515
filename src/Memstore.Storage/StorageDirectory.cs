using Memstore.Engine;
using Memstore.Storage.Disks;
using Memstore.Storage.Images;
using Memstore.Storage.Manifests;
using Memstore.Storage.Recovery;

namespace Memstore.Storage;

/// <summary>
/// The directory that keeps a store: opened (and locked), recovered from once, then saved to as often as one likes, closed. Thread-safe after
/// <see cref="Recover"/>.
/// </summary>
/// <example>
/// <code>
/// using var directory = StorageDirectory.Open(FileDisk.Instance, "/var/lib/memstore");
/// var result = directory.Recover(store);               // the store was made with StartsLoading
/// var journal = ...;                                   // continues with result.NextSegment and result.LastSequence + 1; or null
/// store.EndLoading(journal);
/// directory.Save(store);
/// </code>
/// </example>
public sealed partial class StorageDirectory : IDisposable
{
    private readonly IDisk _disk;
    private readonly IDisposable _hold;
    private readonly StorageDirectoryOptions _options;

    // Replaced as a whole, by the thread that saves.
    private Manifest _manifest;

    private RecoveryResult? _recovered;

    private StorageDirectory(IDisk disk, string path, IDisposable hold, Manifest manifest, StorageDirectoryOptions options)
    {
        _disk = disk;
        _hold = hold;
        _manifest = manifest;
        _options = options;
        DirectoryPath = path;
    }

    /// <summary>The directory.</summary>
    public string DirectoryPath { get; }

    /// <summary>Which store it is.</summary>
    public Guid StoreId => Manifest.StoreId;

    /// <summary>Which files belong to the store now.</summary>
    public Manifest Manifest => Volatile.Read(ref _manifest);

    /// <summary>Files of an unfinished save or an unfinished clean-up that <see cref="Open"/> removed, for the log.</summary>
    public IReadOnlyList<string> Leftovers { get; private init; } = [];

    /// <summary>How far <see cref="Recover"/> is.</summary>
    public RecoveryProgress Progress { get; } = new();

    /// <summary>Locks a directory, makes it and a new store in it where there is none, and removes what a crash left behind.</summary>
    /// <exception cref="StorageException">What is in it cannot be used; or there is no store and none may be made.</exception>
    /// <exception cref="IOException">Somebody else has it, or the system refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">The system refuses.</exception>
    public static StorageDirectory Open(IDisk disk, string path, StorageDirectoryOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(disk);
        options ??= new StorageDirectoryOptions();
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (options.MayCreate) disk.CreateDirectory(path);
        else if (!disk.Exists(Path.Combine(path, StorageFiles.Manifest))) throw NoStore(disk, path);
        return Hold(disk, path, options, () => ManifestFile.Read(disk, path) ?? Create(disk, path));
    }

    /// <summary>
    /// The same for a store that <see cref="SaveAs"/> fills: until then nothing says that the directory holds one. So what a crash leaves of a restore is not
    /// taken for an empty store, and the restore can be run again.
    /// </summary>
    internal static StorageDirectory OpenNew(IDisk disk, string path)
    {
        disk.CreateDirectory(path);
        return Hold(disk, path, new StorageDirectoryOptions(), () => NewManifest(disk, path));
    }

    private static StorageDirectory Hold(IDisk disk, string path, StorageDirectoryOptions options, Func<Manifest> manifestOf)
    {
        var hold = disk.Lock(Path.Combine(path, StorageFiles.Lock));
        try
        {
            var manifest = manifestOf();
            return new StorageDirectory(disk, path, hold, manifest, options) { Leftovers = RemoveLeftovers(disk, path, manifest) };
        }
        catch
        {
            hold.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Fills a store that is loading (<see cref="StoreOptions.StartsLoading"/>) with what the directory holds; cuts a torn end of the journal. Once.
    /// The result says with which segment and sequence a journal goes on.
    /// </summary>
    /// <exception cref="StorageException">Something is damaged, too new, or does not fit the store; the message says what to do.</exception>
    public RecoveryResult Recover(Store store)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (_recovered is not null) throw new InvalidOperationException("Recovery happens once.");
        _recovered = new Recoverer(_disk, DirectoryPath, _manifest, Progress).Run(store);
        return _recovered;
    }

    /// <summary>Gives the directory back. The journal has been closed before, and no save is under way.</summary>
    public void Dispose() => _hold.Dispose();

    private static Manifest Create(IDisk disk, string path)
    {
        var manifest = NewManifest(disk, path);
        ManifestFile.Write(disk, path, manifest);
        return manifest;
    }

    private static Manifest NewManifest(IDisk disk, string path)
    {
        if (disk.List(path).FirstOrDefault(IsData) is { } name)
            throw new StorageDamagedException(Path.Combine(path, StorageFiles.Manifest), 0, $"it is missing, although there is {name}");
        if (Path.GetDirectoryName(path) is { Length: > 0 } parent) disk.SyncDirectory(parent);
        return new Manifest { StoreId = Guid.NewGuid() };
    }

    private static StorageException NoStore(IDisk disk, string path)
    {
        if (disk.List(path).Any(IsData)) return new StorageDamagedException(Path.Combine(path, StorageFiles.Manifest), 0, "it is missing");
        return new StorageException($"{path} holds no store.");
    }

    internal static bool IsData(string name) => StorageFiles.TryParseImage(name, out _) || StorageFiles.TryParseSegment(name, out _);

    /// <summary>Files that a crash left behind.</summary>
    internal static List<string> LeftoversOf(IDisk disk, string path, Manifest manifest) =>
        [.. disk.List(path).Where(name => IsUnfinished(name) || (IsData(name) && !manifest.Names(name)))];

    private static List<string> RemoveLeftovers(IDisk disk, string path, Manifest manifest)
    {
        var leftovers = LeftoversOf(disk, path, manifest);
        foreach (var name in leftovers) disk.Delete(Path.Combine(path, name));
        if (leftovers.Count > 0) disk.SyncDirectory(path);
        return leftovers;
    }

    private static bool IsUnfinished(string name)
    {
        if (!name.EndsWith(StorageFiles.UnfinishedSuffix, StringComparison.Ordinal)) return false;
        var finished = name[..^StorageFiles.UnfinishedSuffix.Length];
        return finished == StorageFiles.Manifest || IsData(finished);
    }
}
