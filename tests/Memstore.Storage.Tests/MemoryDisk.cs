using Memstore.Storage.Disks;

namespace Memstore.Storage.Tests;

/// <summary>
/// A disk in memory that knows what a power loss would leave: contents as of each file's last sync, names as of the directory's. It can
/// stop at a chosen change, as a crash does: that change and all later ones throw.
/// </summary>
public sealed class MemoryDisk : IDisk
{
    private readonly Dictionary<string, Content> _names = [];
    private readonly Dictionary<string, Content> _syncedNames = [];
    private readonly HashSet<string> _locks = [];
    private readonly Lock _lock = new();

    /// <summary>Changes (writes, syncs, renames, deletions, new files) so far.</summary>
    public int Changes { get; private set; }

    /// <summary>The change at which it stops; 0 never.</summary>
    public int StopsAt { get; set; }

    /// <summary>Which change fails, once; 0 none.</summary>
    public int FailsAt { get; set; }

    /// <summary>Told about each new file before it is made.</summary>
    public Action<string>? Creating { get; set; }

    /// <summary>What a restart finds.</summary>
    /// <param name="keepsUnsynced">Everything is there (the process was killed), or only what was synced (the power went).</param>
    public MemoryDisk AfterCrash(bool keepsUnsynced)
    {
        lock (_lock)
        {
            var disk = new MemoryDisk();
            foreach (var (name, content) in keepsUnsynced ? _names : _syncedNames)
            {
                var copy = new Content { Bytes = [.. keepsUnsynced ? content.Bytes : content.Synced] };
                copy.Synced = [.. copy.Bytes];
                disk._names[name] = disk._syncedNames[name] = copy;
            }

            return disk;
        }
    }

    /// <summary>All bytes of a file, which may be changed behind everybody's back.</summary>
    public byte[] this[string path]
    {
        get
        {
            lock (_lock) return [.. _names[path].Bytes];
        }
        set
        {
            lock (_lock) _names[path] = _syncedNames[path] = new Content { Bytes = [.. value], Synced = [.. value] };
        }
    }

    public IDiskFile Open(string path, DiskFileMode mode)
    {
        if (mode == DiskFileMode.CreateNew) Creating?.Invoke(Path.GetFileName(path));
        lock (_lock)
        {
            if (mode == DiskFileMode.CreateNew)
            {
                Change();
                if (!_names.TryAdd(path, new Content())) throw new IOException($"{path} is there.");
            }

            return _names.TryGetValue(path, out var content) ? new OpenFile(this, path, content) : throw new FileNotFoundException(path);
        }
    }

    public bool Exists(string path)
    {
        lock (_lock) return _names.ContainsKey(path);
    }

    public IReadOnlyList<string> List(string directory)
    {
        lock (_lock) return [.. _names.Keys.Where(path => Path.GetDirectoryName(path) == directory).Select(static path => Path.GetFileName(path)).Order()];
    }

    public void CreateDirectory(string directory)
    {
    }

    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            Change();
            if (!_names.Remove(from, out var content)) throw new FileNotFoundException(from);
            _names[to] = content;
        }
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            if (!_names.ContainsKey(path)) return;
            Change();
            _names.Remove(path);
        }
    }

    public void SyncDirectory(string directory)
    {
        lock (_lock)
        {
            Change();
            _syncedNames.Clear();
            foreach (var (name, content) in _names) _syncedNames[name] = content;
        }
    }

    public IDisposable Lock(string path)
    {
        lock (_lock)
        {
            if (!_locks.Add(path)) throw new IOException($"{path} is locked.");
            return new Held(this, path);
        }
    }

    private void Change()
    {
        Changes++;
        if (StopsAt > 0 && Changes >= StopsAt) throw new IOException("The disk has stopped.");
        if (Changes == FailsAt) throw new IOException("Input/output error");
    }

    private sealed class Content
    {
        public List<byte> Bytes { get; init; } = [];

        public List<byte> Synced { get; set; } = [];
    }

    private sealed class Held(MemoryDisk disk, string path) : IDisposable
    {
        public void Dispose()
        {
            lock (disk._lock) disk._locks.Remove(path);
        }
    }

    private sealed class OpenFile(MemoryDisk disk, string path, Content content) : IDiskFile
    {
        public string Path => path;

        public long Length
        {
            get
            {
                lock (disk._lock) return content.Bytes.Count;
            }
        }

        public bool IsInPlace
        {
            get
            {
                lock (disk._lock) return disk._names.TryGetValue(path, out var named) && named == content;
            }
        }

        public int Read(long offset, Span<byte> buffer)
        {
            lock (disk._lock)
            {
                var count = (int)Math.Clamp(content.Bytes.Count - offset, 0, buffer.Length);
                System.Runtime.InteropServices.CollectionsMarshal.AsSpan(content.Bytes).Slice((int)Math.Min(offset, content.Bytes.Count), count).CopyTo(buffer);
                return count;
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            lock (disk._lock)
            {
                disk.Change();
                var end = (int)offset + data.Length;
                if (content.Bytes.Count < end) System.Runtime.InteropServices.CollectionsMarshal.SetCount(content.Bytes, end);
                data.CopyTo(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(content.Bytes)[(int)offset..]);
            }
        }

        public void Sync()
        {
            lock (disk._lock)
            {
                disk.Change();
                content.Synced = [.. content.Bytes];
            }
        }

        public void Truncate(long length)
        {
            lock (disk._lock)
            {
                disk.Change();
                System.Runtime.InteropServices.CollectionsMarshal.SetCount(content.Bytes, (int)length);
            }
        }

        public void Dispose()
        {
        }
    }
}
