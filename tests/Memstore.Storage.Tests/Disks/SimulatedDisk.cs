using Memstore.Storage.Disks;

namespace Memstore.Storage.Tests.Disks;

/// <summary>What a disk is asked to do that changes something or makes it durable.</summary>
public enum DiskCall
{
    Create,
    Write,
    Truncate,
    Sync,
    Rename,
    Delete,
    SyncDirectory,
}

/// <summary>The power is gone: the disk answers nothing any more until <see cref="SimulatedDisk.Reboot"/>.</summary>
public sealed class PowerLossException() : Exception("The power is gone.");

/// <summary>
/// A disk in memory that keeps apart what was written and what was synced. When the power goes, each sector (512 bytes) of what was not synced, and each
/// name that was not, is kept or lost by chance. A sync that fails loses like the power, while the data still reads well, and no later sync brings it back:
/// as Linux does it. Thread-safe. All chance comes from the seed.
/// </summary>
public sealed class SimulatedDisk(int seed) : IDisk
{
    private const int Sector = 512;

    private readonly Lock _lock = new();
    private readonly Random _random = new(seed);
    private readonly Dictionary<string, Node> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Node> _durableNames = new(StringComparer.Ordinal);

    // States that each unsynced name has had since its directory was synced, oldest first.
    private readonly Dictionary<string, List<Node?>> _unsyncedNames = new(StringComparer.Ordinal);
    private readonly HashSet<string> _locks = new(StringComparer.Ordinal);
    private bool _isOff;

    /// <summary>Calls so far.</summary>
    public int Calls { get; private set; }

    /// <summary>The call, counted from 0, in whose midst the power goes.</summary>
    public int PowerLossAt { get; set; } = int.MaxValue;

    /// <summary>Called before each call, outside of any lock: what it throws is the disk's answer. A write may happen in part before.</summary>
    public Action<DiskCall, string>? Fault { get; set; }

    /// <summary>The directory is gone; what is open stays readable.</summary>
    public void LoseDirectory()
    {
        lock (_lock)
        {
            _names.Clear();
            Fault = static (call, path) =>
            {
                if (call is DiskCall.Create or DiskCall.Rename or DiskCall.SyncDirectory) throw new DirectoryNotFoundException($"{path} is not there.");
            };
        }
    }

    /// <summary>Ends the power, wherever it is, and gives the disk as it is found afterwards.</summary>
    public SimulatedDisk Reboot()
    {
        lock (_lock)
        {
            _isOff = true;
            var after = new SimulatedDisk(_random.Next());
            foreach (var name in _names.Keys.Concat(_durableNames.Keys).Concat(_unsyncedNames.Keys).Distinct().Order(StringComparer.Ordinal))
            {
                var node = _durableNames.GetValueOrDefault(name);
                if (_unsyncedNames.TryGetValue(name, out var states) && _random.Next(states.Count + 1) is var chosen && chosen > 0) node = states[chosen - 1];
                if (node is null) continue;
                node.LoseUnsynced(_random);
                after._names[name] = after._durableNames[name] = new Node(node.Durable.ToArray());
            }

            return after;
        }
    }

    /// <summary>A disk with the same files, all of it durable.</summary>
    public SimulatedDisk Copy()
    {
        lock (_lock)
        {
            var copy = new SimulatedDisk(_random.Next());
            foreach (var (name, node) in _names) copy._names[name] = copy._durableNames[name] = new Node(node.Current.ToArray());
            return copy;
        }
    }

    /// <summary>The bytes of a file, as they are read.</summary>
    public byte[] ReadAll(string path)
    {
        lock (_lock) return _names[path].Current.ToArray();
    }

    /// <summary>Puts a file in place, durably; past all faults.</summary>
    public void WriteAll(string path, ReadOnlySpan<byte> bytes)
    {
        lock (_lock) _names[path] = _durableNames[path] = new Node(bytes.ToArray());
    }

    public IDiskFile Open(string path, DiskFileMode mode)
    {
        if (mode == DiskFileMode.CreateNew) Enter(DiskCall.Create, path, () => Create(path));
        lock (_lock)
        {
            if (_isOff) throw new PowerLossException();
            if (!_names.TryGetValue(path, out var node)) throw new FileNotFoundException($"{path} is not there.");
            return new OpenFile(this, path, node);
        }
    }

    public bool Exists(string path)
    {
        lock (_lock) return _names.ContainsKey(path);
    }

    public IReadOnlyList<string> List(string directory)
    {
        lock (_lock) return [.. _names.Keys.Where(name => Path.GetDirectoryName(name) == directory).Select(name => Path.GetFileName(name)).Order(StringComparer.Ordinal)];
    }

    public void CreateDirectory(string directory)
    {
    }

    public void Rename(string from, string to) => Enter(DiskCall.Rename, from, () =>
    {
        if (!_names.TryGetValue(from, out var node)) throw new FileNotFoundException($"{from} is not there.");
        Name(to, node);
        Name(from, null);
    });

    public void Delete(string path) => Enter(DiskCall.Delete, path, () =>
    {
        if (_names.ContainsKey(path)) Name(path, null);
    });

    public void SyncDirectory(string directory) => Enter(DiskCall.SyncDirectory, directory, () =>
    {
        foreach (var (name, states) in _unsyncedNames.Where(pair => Path.GetDirectoryName(pair.Key) == directory).ToList())
        {
            if (states[^1] is { } node) _durableNames[name] = node;
            else _durableNames.Remove(name);
            _unsyncedNames.Remove(name);
        }
    });

    public IDisposable Lock(string path)
    {
        lock (_lock)
        {
            if (!_locks.Add(path)) throw new IOException($"{path} is locked.");
        }

        return new HeldLock(this, path);
    }

    private void Create(string path)
    {
        if (_names.ContainsKey(path)) throw new IOException($"{path} is there already.");
        Name(path, new Node([]));
    }

    private void Name(string path, Node? node)
    {
        if (node is null) _names.Remove(path);
        else _names[path] = node;
        if (!_unsyncedNames.TryGetValue(path, out var states)) _unsyncedNames[path] = states = [];
        states.Add(node);
    }

    // Counts the call; at the one where the power goes, chance says whether it still came to the disk's cache.
    private void Enter(DiskCall call, string path, Action act, Action? onFault = null)
    {
        lock (_lock)
        {
            if (_isOff) throw new PowerLossException();
            if (Calls++ == PowerLossAt)
            {
                _isOff = true;
                if (call is not (DiskCall.Sync or DiskCall.SyncDirectory) && _random.Next(2) == 0) act();
                throw new PowerLossException();
            }
        }

        try
        {
            Fault?.Invoke(call, path);
        }
        catch (IOException)
        {
            lock (_lock) onFault?.Invoke();
            throw;
        }

        lock (_lock) act();
    }

    private sealed class HeldLock(SimulatedDisk disk, string path) : IDisposable
    {
        public void Dispose()
        {
            lock (disk._lock) disk._locks.Remove(path);
        }
    }

    private sealed class Node(byte[] bytes)
    {
        private readonly List<(long Offset, byte[]? Data)> _unsynced = [];

        public Content Current { get; } = new(bytes);

        public Content Durable { get; } = new(bytes);

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            Current.Write(offset, data);
            _unsynced.Add((offset, data.ToArray()));
        }

        public void Truncate(long length)
        {
            Current.Resize(length);
            _unsynced.Add((length, null));
        }

        public void Sync()
        {
            foreach (var (offset, data) in _unsynced)
            {
                if (data is null) Durable.Resize(offset);
                else Durable.Write(offset, data);
            }

            _unsynced.Clear();
        }

        public void LoseUnsynced(Random random)
        {
            // Nothing, all, or any of it.
            var odds = random.Next(4) switch { 0 => 0, 1 => 100, 2 => 90, _ => 50 };
            foreach (var (offset, data) in _unsynced)
            {
                if (data is null)
                {
                    if (random.Next(100) < odds) Durable.Resize(offset);
                    continue;
                }

                for (long at = offset; at < offset + data.Length;)
                {
                    var end = Math.Min(((at / Sector) + 1) * Sector, offset + data.Length);
                    if (random.Next(100) < odds) Durable.Write(at, data.AsSpan((int)(at - offset), (int)(end - at)));
                    // The length may be stored without the data.
                    else if (random.Next(8) == 0 && Durable.Length < end) Durable.Resize(end);
                    at = end;
                }
            }

            _unsynced.Clear();
        }
    }

    private sealed class Content(byte[] bytes)
    {
        private byte[] _bytes = bytes.AsSpan().ToArray();

        public long Length { get; private set; } = bytes.Length;

        public byte[] ToArray() => _bytes[..(int)Length];

        public void Resize(long length)
        {
            if (length > _bytes.Length) Array.Resize(ref _bytes, (int)Math.Max(length, _bytes.Length * 2));
            if (length > Length) _bytes.AsSpan((int)Length, (int)(length - Length)).Clear();
            Length = length;
        }

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            if (offset + data.Length > Length) Resize(offset + data.Length);
            data.CopyTo(_bytes.AsSpan((int)offset));
        }

        public int Read(long offset, Span<byte> buffer)
        {
            var count = (int)Math.Clamp(Length - offset, 0, buffer.Length);
            _bytes.AsSpan((int)Math.Min(offset, Length), count).CopyTo(buffer);
            return count;
        }
    }

    private sealed class OpenFile(SimulatedDisk disk, string path, Node node) : IDiskFile
    {
        public string Path => path;

        public long Length
        {
            get
            {
                lock (disk._lock) return node.Current.Length;
            }
        }

        public bool IsInPlace
        {
            get
            {
                lock (disk._lock) return disk._names.GetValueOrDefault(path) == node;
            }
        }

        public int Read(long offset, Span<byte> buffer)
        {
            lock (disk._lock) return node.Current.Read(offset, buffer);
        }

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            var bytes = data.ToArray();
            // A write that is refused may have happened in part.
            disk.Enter(DiskCall.Write, path, () => node.Write(offset, bytes), () => node.Write(offset, bytes.AsSpan(0, disk._random.Next(bytes.Length))));
        }

        public void Sync() => disk.Enter(DiskCall.Sync, path, node.Sync, () => node.LoseUnsynced(disk._random));

        public void Truncate(long length) => disk.Enter(DiskCall.Truncate, path, () => node.Truncate(length));

        public void Dispose()
        {
        }
    }
}
