using System.Globalization;
using Memstore.Engine.Journaling;
using Memstore.Server.Configuration;
using Memstore.Server.Sessions;
using Memstore.Storage;
using Memstore.Storage.Disks;
using Memstore.Storage.Images;
using Memstore.Storage.Journals;
using Memstore.Storage.Recovery;

namespace Memstore.Server;

/// <summary>
/// What a server keeps on disk, and when: loading at start, images, rewrites of a journal that has grown, and what clients are told while the
/// disk fails. Thread-safe.
/// </summary>
internal sealed class Persistence : IAsyncDisposable
{
    /// <summary>How long a save that failed is not tried again by itself.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(5);

    /// <summary>How soon those that wait for the journal are looked after again.</summary>
    private static readonly TimeSpan LookWhenBehind = TimeSpan.FromMilliseconds(5);

    private readonly ServerState _server;
    private readonly StorageDirectory _directory;
    private readonly StorageDirectoryOptions _options;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Session> _waiting = [];
    private readonly ITimer _look;
    private volatile Journal? _journal;
    private Task<string?>? _saving;
    private bool _saveAgain;
    private long _savedSequence;
    private long _bytesBefore;
    private long _writtenAtSave;
    private long _savedCommits;
    private DateTimeOffset _notBefore;
    private volatile string? _saveError;
    private volatile string? _refusal;

    /// <summary>Takes the directory; nobody else can use it until <see cref="DisposeAsync"/>.</summary>
    /// <exception cref="StorageException">What is in it cannot be used; the message is for the operator.</exception>
    /// <exception cref="IOException">Somebody else has it, or the system refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">The system refuses.</exception>
    public Persistence(ServerState server, IDisk disk)
    {
        _server = server;
        _options = new StorageDirectoryOptions { TimeProvider = server.Time };
        _look = server.Time.CreateTimer(static state => ((Persistence)state!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        ApplySettings();
        IsJournaled = server.Settings["appendonly"] == "yes";
        _directory = StorageDirectory.Open(disk, server.Settings["data"], _options);
        foreach (var name in _directory.Leftovers) ServerLog.Leftover(server.Logger, name);
        LastSave = server.Metrics.StartedAt;
        server.Show(ServerStates.Loading, true);
    }

    /// <summary>The directory, as a whole path.</summary>
    public string DirectoryPath => _directory.DirectoryPath;

    /// <summary>Whether commits are journaled, and not only saved in images.</summary>
    public bool IsJournaled { get; }

    /// <summary>How far loading is.</summary>
    public RecoveryProgress Loading => _directory.Progress;

    /// <summary>When loading began.</summary>
    public DateTimeOffset LoadingSince { get; private set; }

    /// <summary>What loading did; null before it has ended.</summary>
    public RecoveryResult? Loaded { get; private set; }

    /// <summary>The journal; null without one, or before it is open.</summary>
    public Journal? Journal => _journal;

    /// <summary>When the last image was written, or the start.</summary>
    public DateTimeOffset LastSave { get; private set; }

    /// <summary>How long the last image took; null before the first.</summary>
    public TimeSpan? LastSaveDuration { get; private set; }

    /// <summary>Images written since the start.</summary>
    public long Saves { get; private set; }

    /// <summary>When the image that is being written was begun.</summary>
    public DateTimeOffset SavingSince { get; private set; }

    /// <summary>How far the image is that is being written, or the last one.</summary>
    public SaveProgress SaveProgress => _directory.SaveProgress;

    /// <summary>Bytes of the last image; 0 if there is none.</summary>
    public long ImageBytes => _directory.Manifest.Latest?.Bytes ?? 0;

    /// <summary>Why the last image was not written; null if it was.</summary>
    public string? SaveError => _saveError;

    /// <summary>Why writes are refused, as clients are told; null while they are not.</summary>
    public string? Refusal => _refusal;

    /// <summary>Whether an image is being written.</summary>
    public bool IsSaving
    {
        get
        {
            lock (_lock) return _saving is not null;
        }
    }

    /// <summary>Changes since the last image: commits that are in the journal, or all without one.</summary>
    public long ChangesSinceSave =>
        Math.Max(0, _journal is { } journal ? journal.LastSequence - _savedSequence : _server.Store.Statistics().Commits - _savedCommits);

    /// <summary>Bytes of the journal since the last image.</summary>
    public long JournalBytes => _journal is { } journal ? _bytesBefore + journal.Figures.WrittenBytes - _writtenAtSave : 0;

    /// <summary>Bytes of the journal that loading found after the image.</summary>
    public long JournalBytesAtLoad { get; private set; }

    /// <summary>Fills the store and opens the journal; clients are told that the server is loading until then. Once, on a thread that may wait.</summary>
    /// <exception cref="StorageException">Something is damaged, too new, or does not fit; the message says what to do.</exception>
    /// <exception cref="IOException">The disk fails.</exception>
    public void Load()
    {
        LoadingSince = _server.Time.GetUtcNow();
        var result = _directory.Recover(_server.Store);
        if (IsJournaled) _journal = OpenJournal();
        _savedSequence = result.ImageSequence;
        _bytesBefore = JournalBytesAtLoad = Math.Max(0, result.Bytes - ImageBytes);
        Loaded = result;
        _server.Store.EndLoading(_journal);
        _server.Show(ServerStates.Loading, false);
        ApplySettings();
    }

    /// <summary>Whether what a client commits now must be safe within a second although the server's own level does not ask for it.</summary>
    public void SyncSoon()
    {
        // The journal then syncs every second until somebody sets appendfsync: a client that asks once will ask again.
        if (_journal is { SyncsEverySecond: false } journal) journal.SyncsEverySecond = true;
    }

    /// <summary>Writes an image in the background; the answer is null when it is safe, or why it is not. One that is under way is joined.</summary>
    public Task<string?> SaveAsync()
    {
        lock (_lock)
        {
            if (_saving is { } saving) return saving;
            SavingSince = _server.Time.GetUtcNow();
            return _saving = Task.Factory.StartNew(Save, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    /// <summary>Writes another image when the one under way is done.</summary>
    public void SaveAgain()
    {
        lock (_lock) _saveAgain = true;
    }

    /// <summary>Follows settings that may change while the server runs.</summary>
    public void ApplySettings()
    {
        _options.Keep = TimeSpan.FromSeconds(_server.Settings.Number("journal-keep"));
        if (_journal is { } journal) journal.SyncsEverySecond = _server.Settings["appendfsync"] != "no";
    }

    /// <summary>Notices that the journal is behind or failed. One read while it is not; asked at the start of each turn.</summary>
    public void CheckJournal()
    {
        if (_journal is { CanAccept: false }) Look();
    }

    /// <summary>Registers a session that is to be called back when the journal has caught up; false if it has.</summary>
    public bool TryWait(Session session)
    {
        lock (_waiting)
        {
            if (_journal is null or { CanAccept: true } or { Fault: not null }) return false;
            _waiting.Add(session);
            return true;
        }
    }

    /// <summary>Forgets a session that waits; false if it has been called back already.</summary>
    public bool Forget(Session session)
    {
        lock (_waiting) return _waiting.Remove(session);
    }

    /// <summary>Whether a write must wait until the journal has caught up.</summary>
    public bool HoldsWrites => _journal is { CanAccept: false, Fault: null };

    /// <summary>What has to be done now and then: the disk's state, images that are due. About ten times a second, one call at a time.</summary>
    public void KeepHouse()
    {
        if (_server.Is(ServerStates.Loading)) return;
        Look();
        if (IsSaving || _server.Time.GetUtcNow() < _notBefore) return;
        if (_saveAgain || IsSaveDue() || IsRewriteDue())
        {
            lock (_lock) _saveAgain = false;
            _ = SaveAsync();
        }
    }

    /// <summary>Makes everything durable and gives the directory back. No command runs any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _look.DisposeAsync().ConfigureAwait(false);
        if (_saving is { } saving) await saving.ConfigureAwait(false);
        if (_journal is not null) await _journal.DisposeAsync().ConfigureAwait(false);
        _directory.Dispose();
        _stop.Dispose();
    }

    private Journal OpenJournal()
    {
        var journal = _directory.OpenJournal(options => options with
        {
            SegmentBytes = _server.Settings.Number("journal-segment-size"),
            RewriteNeeded = fault => { _ = SaveAsync(); },
            Logger = _server.Logger,
        });
        journal.SyncsEverySecond = _server.Settings["appendfsync"] != "no";
        return journal;
    }

    private string? Save()
    {
        string? error = null;
        try
        {
            SaveImage();
        }
        catch (OperationCanceledException)
        {
            error = "the server stops";
        }
#pragma warning disable CA1031 // Whatever went wrong, clients hear of it and the next save is tried.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            error = failure.Message;
            _notBefore = _server.Time.GetUtcNow() + RetryPause;
            ServerLog.SaveFailed(_server.Logger, IsOfTheDisk(failure) ? null : failure, failure.Message);
        }

        lock (_lock)
        {
            _saveError = error;
            _saving = null;
        }

        return error;
    }

    private void SaveImage()
    {
        var commits = _server.Store.Statistics().Commits;
        var written = _journal?.Figures.WrittenBytes ?? 0;
        var result = _journal is { } journal
            ? _directory.TrySave(_server.Store, journal, _stop.Token)
            : _directory.TrySave(_server.Store, stop: _stop.Token);
        if (result is null) return;
        _savedSequence = result.Image.Sequence;
        _savedCommits = commits;
        (_bytesBefore, _writtenAtSave) = (0, written);
        LastSave = _server.Time.GetUtcNow();
        LastSaveDuration = result.Duration;
        Saves++;
        ServerLog.Saved(_server.Logger, result.Image.Name, result.Keys, result.Image.Bytes, result.Duration.TotalSeconds);
    }

    // What an operator can mend needs no stack trace.
    private static bool IsOfTheDisk(Exception failure) => failure is IOException or UnauthorizedAccessException or StorageException or ObjectDisposedException;

    // Clients are told what the disk says, or wait while it is only slow.
    private void Look()
    {
        var journal = _journal;
        var fault = journal?.Fault;
        _refusal = fault is not null ? $"MISCONF Errors writing to the AOF file: {OneLine(fault.Reason)}" : RefusalForSave();
        _server.Show(ServerStates.DiskFailed, _refusal is not null);
        var behind = HoldsWrites;
        _server.Show(ServerStates.JournalBehind, behind);
        if (behind) _look.Change(LookWhenBehind, Timeout.InfiniteTimeSpan);
        else ReleaseWaiting();
    }

    private string? RefusalForSave() =>
        _saveError is not null && _server.Settings["save"].Length > 0 && _server.Settings["stop-writes-on-bgsave-error"] == "yes"
            ? SessionErrors.SaveFailed
            : null;

    private void ReleaseWaiting()
    {
        lock (_waiting)
        {
            foreach (var session in _waiting) session.EndPause();
            _waiting.Clear();
        }
    }

    private bool IsSaveDue()
    {
        var rules = _server.Settings["save"];
        if (rules.Length == 0) return false;
        var words = rules.Split(' ');
        var elapsed = (_server.Time.GetUtcNow() - LastSave).TotalSeconds;
        var changes = ChangesSinceSave;
        for (var i = 0; i + 1 < words.Length; i += 2)
        {
            if (elapsed > long.Parse(words[i], CultureInfo.InvariantCulture) && changes >= Math.Max(1, long.Parse(words[i + 1], CultureInfo.InvariantCulture)))
                return true;
        }

        return false;
    }

    private bool IsRewriteDue()
    {
        if (_journal is null) return false;
        var percentage = _server.Settings.Number("auto-aof-rewrite-percentage");
        var size = JournalBytes;
        return percentage > 0
            && size >= _server.Settings.Number("auto-aof-rewrite-min-size")
            && size >= ImageBytes * (percentage / 100.0);
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").TrimEnd('.');
}
