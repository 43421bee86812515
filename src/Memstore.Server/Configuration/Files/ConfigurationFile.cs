using System.Text;
using System.Text.Unicode;

namespace Memstore.Server.Configuration;

/// <summary>A file with settings, in YAML or in the syntax of redis.conf.</summary>
internal abstract class ConfigurationFile(string path, string text) : SettingLayer
{
    /// <summary>The largest file that is read, in bytes. Redis' own file, most of it comments, has 107,000.</summary>
    public const int BytesMax = 1 << 20;

    /// <summary>The line above what CONFIG REWRITE appends.</summary>
    protected const string Marker = "# Written by CONFIG REWRITE";

    private readonly Dictionary<Setting, (string File, int Line)> _places = [];

    /// <summary>The file, as it was named.</summary>
    public string Name { get; } = path;

    /// <summary>Where it is, whatever becomes of the working directory.</summary>
    public string FullPath { get; } = Path.GetFullPath(path);

    /// <summary>Whether CONFIG REWRITE can replace it: a pipe, such as a shell's <c>&lt;(…)</c>, and a device are only read.</summary>
    public bool IsReplaceable { get; private init; }

    /// <summary>Reads a file, once, because it may be a pipe. Its name chooses the syntax, or its first line with something on it.</summary>
    /// <exception cref="ConfigurationException">It cannot be read.</exception>
    public static ConfigurationFile Open(string path)
    {
        var text = ReadText(path, path, out var isSeekable);
        var isReplaceable = isSeekable && !Path.GetFullPath(path).StartsWith("/dev/", StringComparison.Ordinal);
        return IsYaml(path, text) ? new YamlFile(path, text) { IsReplaceable = isReplaceable } : new RedisFile(path, text) { IsReplaceable = isReplaceable };
    }

    /// <inheritdoc/>
    public sealed override void Load() => Read(text);

    /// <inheritdoc/>
    public override string Describe(Setting row, string shownText)
    {
        var (file, line) = _places[row];
        return Inv($"{file}:{line}: {row.Name} {shownText}");
    }

    /// <summary>Writes what clients have changed into the file, which stays what it was otherwise.</summary>
    /// <param name="changes">The settings with their texts as bytes, one in each character.</param>
    /// <exception cref="ConfigurationException">The file cannot be read, written, or hold a value.</exception>
    public void Rewrite(IReadOnlyList<(Setting Row, string Text)> changes)
    {
        var current = ReadText(FullPath, Name);
        var next = Edit(current, changes);
        if (next != current) FileReplacement.Write(FullPath, next);
    }

    private static bool IsYaml(string path, string text) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".YAML" or ".YML" or ".JSON" => true,
        ".CONF" => false,
        _ => LooksLikeYaml(text),
    };

    /// <summary>Whether a line of a file without a telling name is YAML: a name and a colon, or the start of a document.</summary>
    internal static bool LooksLikeYaml(string text)
    {
        foreach (var range in text.AsSpan().Split('\n'))
        {
            var line = text.AsSpan(range);
            var trimmed = line.Trim();
            if (trimmed.IsEmpty || trimmed[0] == '#') continue;
            if (trimmed[0] == '{' || trimmed.StartsWith("---") || trimmed.StartsWith("%YAML")) return true;
            var name = trimmed[..(trimmed.IndexOfAny(' ', '\t') is >= 0 and var at ? at : trimmed.Length)];
            return name.Contains(':');
        }

        return false;
    }

    /// <summary>A file's text.</summary>
    /// <param name="path">The file.</param>
    /// <param name="shown">How messages name it.</param>
    /// <exception cref="ConfigurationException">It cannot be read, is too large, or is not text in UTF-8.</exception>
    protected static string ReadText(string path, string shown) => ReadText(path, shown, out _);

    private static string ReadText(string path, string shown, out bool isSeekable)
    {
        var bytes = ReadBytes(path, shown, out isSeekable);
        if (!Utf8.IsValid(bytes)) throw new ConfigurationException($"{shown}: it is not text in UTF-8.");
        var text = Encoding.UTF8.GetString(bytes);
        if (text.Contains('\0')) throw new ConfigurationException($"{shown}: it is not text; there are zero bytes in it.");
        return text.StartsWith('\uFEFF') ? text[1..] : text;
    }

    /// <summary>Formats for machines.</summary>
    protected static string Inv(FormattableString text) => FormattableString.Invariant(text);

    /// <summary>Takes what the text says.</summary>
    protected abstract void Read(string text);

    /// <summary>The text with changes in it.</summary>
    protected abstract string Edit(string text, IReadOnlyList<(Setting Row, string Text)> changes);

    /// <summary>Takes a setting and remembers where it stands.</summary>
    protected void Put(Setting row, string text, string file, int line)
    {
        Put(row, text);
        _places[row] = (file, line);
    }

    private static ReadOnlySpan<byte> ReadBytes(string path, string shown, out bool isSeekable)
    {
        if (Directory.Exists(path)) throw new ConfigurationException($"{shown}: it is a directory and not a file.");
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            isSeekable = stream.CanSeek;
            var bytes = new byte[BytesMax + 1];
            var count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (count > BytesMax) throw new ConfigurationException($"{shown}: a configuration file has at most {BytesMax} bytes.");
            return bytes.AsSpan(0, count);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConfigurationException($"{shown}: there is no such file.", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new ConfigurationException($"{shown}: this user may not read it.", error);
        }
        catch (Exception error) when (error is IOException or ArgumentException or NotSupportedException)
        {
            throw new ConfigurationException($"{shown}: {error.Message.TrimEnd('.')}.", error);
        }
    }
}
