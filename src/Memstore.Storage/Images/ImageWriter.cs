using System.Diagnostics;
using Memstore.Engine;
using Memstore.Storage.Disks;
using ValueType = Memstore.Engine.ValueType;

namespace Memstore.Storage.Images;

/// <summary>Writes an image of a cut while commits go on.</summary>
internal static class ImageWriter
{
    /// <summary>So many keys are read before what others free may be reused; about a millisecond.</summary>
    private const int KeysAtOnce = 512;

    /// <summary>A rest shorter than this is saved up: the system cannot make one.</summary>
    private static readonly TimeSpan RestMin = TimeSpan.FromMilliseconds(2);

    /// <summary>
    /// Writes an image under its name. When this returns it is whole and safe; when it throws or the process ends in it, there is no image of this
    /// name, perhaps an unfinished file.
    /// </summary>
    /// <param name="disk">Where to.</param>
    /// <param name="path">The image's path.</param>
    /// <param name="header">What it is an image of.</param>
    /// <param name="cut">The data.</param>
    /// <param name="share">How much of one core it may take, above 0 up to 1.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="stop">Ends it early.</param>
    public static ImageTotals Write(IDisk disk, string path, ImageHeader header, StoreCut cut, double share, SaveProgress progress, CancellationToken stop)
    {
        var unfinished = path + StorageFiles.UnfinishedSuffix;
        disk.Delete(unfinished);
        ImageTotals totals;
        using (var file = new ImageFile(disk.Open(unfinished, DiskFileMode.CreateNew), header))
        {
            WriteEntries(file, cut, share, progress, stop);
            totals = file.Finish();
        }

        disk.Rename(unfinished, path);
        disk.SyncDirectory(Path.GetDirectoryName(path)!);
        return totals;
    }

    private static void WriteEntries(ImageFile file, StoreCut cut, double share, SaveProgress progress, CancellationToken stop)
    {
        var debt = TimeSpan.Zero;
        for (var database = 0; database < cut.DatabaseCount; database++)
        {
            var visitor = new EntryWriter(file, database);
            var cursor = 0UL;
            do
            {
                stop.ThrowIfCancellationRequested();
                var start = Stopwatch.GetTimestamp();
                cursor = cut.Read(database, cursor, KeysAtOnce, ref visitor);
                debt += Stopwatch.GetElapsedTime(start) * ((1 - share) / share);
                progress.Set(file.Keys, file.Bytes);
                file.SyncLongTail();
                if (debt < RestMin) continue;
                stop.WaitHandle.WaitOne(debt);
                debt = TimeSpan.Zero;
            }
            while (cursor != 0);
        }
    }

    private readonly struct EntryWriter(ImageFile file, int database) : IEntryVisitor
    {
        public void Visit(in Entry entry)
        {
            if (entry.Type == ValueType.String)
            {
                file.AddString(database, entry.Key, entry.DeadlineUnixMs, entry.IsRaw, entry.MediaType, entry.Value);
                return;
            }

            file.BeginHash(database, entry.Key, entry.DeadlineUnixMs);
            foreach (var pair in entry.Hash) file.AddField(entry.Key, entry.DeadlineUnixMs, pair.Field, pair.Value);
            file.EndHash();
        }
    }
}

/// <summary>How far an image is. Written by the thread that saves, read by anyone at any time.</summary>
public sealed class SaveProgress
{
    private long _keys;
    private long _bytes;

    /// <summary>Keys in it so far.</summary>
    public long Keys => Volatile.Read(ref _keys);

    /// <summary>Bytes written so far.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    internal void Set(long keys, long bytes)
    {
        Volatile.Write(ref _keys, keys);
        Volatile.Write(ref _bytes, bytes);
    }
}
