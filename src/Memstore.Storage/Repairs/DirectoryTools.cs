using System.Globalization;
using Memstore.Engine;
using Memstore.Storage.Disks;
using Memstore.Storage.Effects;
using Memstore.Storage.Images;
using Memstore.Storage.Manifests;
using Memstore.Storage.Recovery;

namespace Memstore.Storage.Repairs;

/// <summary>
/// The tools for data directories: each locks the directory, does its work, and tells in lines of text what it found and did. True if the directory is
/// good in the end. Members throw <see cref="StorageException"/> when what is asked for cannot be done, <see cref="IOException"/> when somebody else has
/// the directory or the system refuses.
/// </summary>
public static class DirectoryTools
{
    // The tools do not know how many databases a server has, so they take what is possible.
    private const int Databases = 1_024;

    /// <summary>Verifies everything and says what is there. Changes nothing.</summary>
    public static bool Check(IDisk disk, string path, RecoveryProgress progress, Action<string> say)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(say);
        path = FullPath(path);
        using var hold = Lock(disk, path);
        var findings = new DirectoryCheck(disk, path, progress).Run();
        foreach (var line in Describe(path, findings)) say(line);
        return findings.IsGood;
    }

    /// <summary>Cuts a torn end; mends damage if that was agreed to, and else says what would be done.</summary>
    public static bool Repair(IDisk disk, string path, bool isAgreed, RecoveryProgress progress, Action<string> say)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(say);
        path = FullPath(path);
        using var hold = Lock(disk, path);
        var findings = new DirectoryCheck(disk, path, progress).Run();
        if (findings.IsGood) return CutTorn(disk, findings, say);
        var plan = DirectoryRepair.Plan(disk, path, findings);
        foreach (var line in plan.Lines) say(line);
        if (!plan.IsPossible) return false;
        if (!isAgreed)
        {
            say("Nothing was changed. To do it, run again with --yes.");
            return false;
        }

        plan.Run();
        findings = new DirectoryCheck(disk, path, new RecoveryProgress()).Run();
        foreach (var line in Describe(path, findings)) say(line);
        return findings.IsGood && CutTorn(disk, findings, static _ => { });
    }

    /// <summary>Writes a new directory with one image of the data as of a moment in the past.</summary>
    public static bool Restore(IDisk disk, string from, string to, RecoveryLimit limit, RecoveryProgress progress, Action<string> say)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(say);
        (from, to) = (FullPath(from), FullPath(to));
        if (disk.Exists(Path.Combine(to, StorageFiles.Manifest))) throw new StorageException($"{to} holds a store already; a restore makes a new one.");
        using var hold = Lock(disk, from);
        var manifest = ManifestFile.Read(disk, from) ?? throw new StorageException($"{from} holds no store.");
        using var store = new Store(new StoreOptions { Databases = Databases, EffectEncoder = new RespEffectEncoder(), StartsLoading = true, RunMaintenance = false });
        var result = new Recoverer(disk, from, manifest, progress).RunTo(store, limit);
        foreach (var line in result.Describe()) say(line);
        using var target = StorageDirectory.OpenNew(disk, to);
        var saved = target.SaveAs(store, result.LastSequence, result.LastUnixMs);
        say(string.Create(CultureInfo.InvariantCulture, $"{to} holds the data as of sequence {result.LastSequence}, {TimeText(result.LastUnixMs)}: {saved.Keys} keys. It is a new store, {target.StoreId}."));
        return true;
    }

    private static string FullPath(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    // Without files there is nothing to lock, and no lock file is to be left in somebody's directory.
    private static IDisposable Lock(IDisk disk, string path)
    {
        if (!disk.List(path).Any(static name => name == StorageFiles.Manifest || StorageDirectory.IsData(name))) throw new StorageException($"{path} holds no store.");
        return disk.Lock(Path.Combine(path, StorageFiles.Lock));
    }

    private static bool CutTorn(IDisk disk, DirectoryFindings findings, Action<string> say)
    {
        if (findings.IsTorn)
        {
            var end = findings.Journal!.End!;
            end.Cut(disk);
            say(string.Create(CultureInfo.InvariantCulture, $"{end.File} had a torn end, left by a crash: it was cut at byte {end.Offset}, {end.BytesBehind} bytes less. Nothing that was acknowledged as durable is lost."));
        }
        else
        {
            say("There is nothing to repair.");
        }

        return true;
    }

    private static IEnumerable<string> Describe(string path, DirectoryFindings findings)
    {
        if (findings.Manifest is not { } manifest)
        {
            yield return $"{Path.Combine(path, StorageFiles.Manifest)}: {findings.ManifestProblem}";
            yield return "A manifest that can be read is missing, so nothing else was looked at.";
            yield break;
        }

        yield return $"{path}: store {manifest.StoreId}";
        foreach (var found in findings.Images) yield return Describe(found, found.Image == manifest.Latest);
        if (findings.Past is { } past) yield return Describe("journal, for a restore", past);
        yield return findings.Journal is { } journal ? Describe("journal", journal) : "journal: none";
        if (findings.Leftovers.Count > 0) yield return $"left behind by a crash, removed at the next start: {string.Join(", ", findings.Leftovers)}";
        yield return Verdict(path, findings);
    }

    private static string Verdict(string path, DirectoryFindings findings)
    {
        if (findings.IsNewer) return "Files of a later version of Memstore cannot be read by this one.";
        if (!findings.IsGood) return $"The directory is damaged. 'memstore repair {path}' shows what can be saved.";
        return findings.IsTorn ? "The directory is good; the torn end of its journal is cut at the next start." : "The directory is good.";
    }

    private static string Describe(ImageFinding found, bool isLatest)
    {
        var image = found.Image;
        var use = isLatest ? "" : ", for a restore";
        return found.Problem.Length > 0
            ? $"{image.Name}{use}: {found.Problem}"
            : string.Create(CultureInfo.InvariantCulture, $"{image.Name}{use}: sequence {image.Sequence}, {TimeText(image.CommitUnixMs)}, {found.Keys} keys, {image.Bytes} bytes");
    }

    private static string Describe(string title, JournalFinding journal)
    {
        var segments = string.Create(CultureInfo.InvariantCulture, $"{title}: segments {journal.FirstSegment} to {journal.LastSegment}");
        var records = journal.Records == 0
            ? "no transactions"
            : string.Create(CultureInfo.InvariantCulture, $"{journal.Records} transactions, {journal.FirstSequence} to {journal.LastSequence}, {TimeText(journal.FirstUnixMs)} to {TimeText(journal.LastUnixMs)}");
        return $"{segments}, {records}{EndOf(journal)}";
    }

    private static string EndOf(JournalFinding journal)
    {
        if (journal.Problem.Length > 0)
            return string.Create(CultureInfo.InvariantCulture, $"; {StorageFiles.Segment(journal.LastSegment)} is damaged at byte {journal.Offset}: {journal.Problem}");
        return journal.End is { Kind: Journals.JournalEndKind.Torn } end
            ? string.Create(CultureInfo.InvariantCulture, $"; torn at byte {end.Offset} of {Path.GetFileName(end.File)}, {end.BytesBehind} bytes behind it")
            : "";
    }

    private static string TimeText(long unixMs) => DateTimeOffset.FromUnixTimeMilliseconds(unixMs).ToString("yyyy-MM-dd HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
