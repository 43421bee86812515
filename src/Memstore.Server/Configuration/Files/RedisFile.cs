using System.Globalization;
using System.Text;
using Memstore.Protocol;

namespace Memstore.Server.Configuration;

/// <summary>A file in the syntax of redis.conf (https://redis.io/docs/latest/operate/oss_and_stack/management/config/).</summary>
// Unknown directives are reported and skipped, so that an existing file starts the server; what is wrong with a known one is an error.
internal sealed class RedisFile(string path, string text) : ConfigurationFile(path, text)
{
    private const int DepthMax = 16;
    private const int FilesMax = 256;

    /// <summary>When Redis saves if its file does not say: kept for files that turn the journal off.</summary>
    private const string UsualSave = "3600 1 300 100 60 10000";

    private readonly HashSet<Setting> _included = [];
    private int _files;

    /// <inheritdoc/>
    protected override void Read(string text)
    {
        ReadLines(text, Name, 0);
        var save = SettingTable.Names["save"];
        if (TryGet("appendonly", out var journaled) && journaled!.Equals("no", StringComparison.OrdinalIgnoreCase) && !TryGet(save.Name, out _))
            Put(save, UsualSave, Name, 0);
    }

    /// <inheritdoc/>
    protected override string Edit(string text, IReadOnlyList<(Setting Row, string Text)> changes)
    {
        var newLine = text.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";
        var lines = text.Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n').ToList();
        if (lines[^1].Length == 0) lines.RemoveAt(lines.Count - 1);
        foreach (var (row, value) in changes) Replace(lines, row, value);
        return string.Concat(lines.Select(line => line + newLine));
    }

    private void Replace(List<string> lines, Setting row, string value)
    {
        var at = -1;
        for (var i = lines.Count - 1; i >= 0; i--)
        {
            if (!IsAbout(lines[i], row)) continue;
            lines.RemoveAt(i);
            at = i;
        }

        // A file that is included may say something else after this place, and save has a value that no line says.
        var isNew = at < 0 || _included.Contains(row);
        if (at < 0 && value == SettingText.AsBytes(row, row.Initial) && !TryGet(row.Name, out _)) return;
        if (isNew && !lines.Contains(Marker)) lines.Add(Marker);
        lines.InsertRange(isNew ? lines.Count : at, LinesOf(row, value));
    }

    private static IEnumerable<string> LinesOf(Setting row, string value)
    {
        if (row.Name != "client-output-buffer-limit") return [$"{row.Name} {Words(row, value)}"];
        return value.Split(' ').Chunk(4).Select(limit => $"{row.Name} {string.Join(' ', limit)}");
    }

    private static string Words(Setting row, string value) =>
        row.IsList && value.Length > 0 ? string.Join(' ', value.Split(' ').Select(Quoted)) : Quoted(value);

    /// <summary>A word as it has to stand in a file. The text is bytes, one in each character; what is not ASCII is escaped unless it is UTF-8.</summary>
    internal static string Quoted(string value)
    {
        if (value.Length > 0 && value.All(letter => letter is > ' ' and < '\x7f' and not ('"' or '\'' or '\\' or '#'))) return value;
        var text = SettingText.Utf8(value);
        var quoted = new StringBuilder("\"");
        foreach (var letter in text ?? value)
        {
            if (letter is '"' or '\\') quoted.Append('\\').Append(letter);
            else if (letter < ' ' || letter == '\x7f' || (text is null && letter > '\x7f')) quoted.Append(CultureInfo.InvariantCulture, $"\\x{(int)letter:x2}");
            else quoted.Append(letter);
        }

        return quoted.Append('"').ToString();
    }

    private static bool IsAbout(string line, Setting row) =>
        Split(line) is { Count: > 1 } words && SettingTable.Names.TryGetValue(words[0], out var found) && found == row;

    private void ReadLines(string text, string file, int depth)
    {
        if (++_files > FilesMax) throw new ConfigurationException($"{file}: there are more than {FilesMax} files in this configuration.");
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            var trimmed = line.Trim(' ', '\t', '\r');
            if (trimmed.Length == 0 || trimmed[0] == '#') continue;
            var words = Split(line) ?? throw new ConfigurationException(Inv($"{file}:{number}: the quotes of this line are not balanced."));
            if (words.Count > 0) Take(words, file, number, depth);
        }
    }

    private static List<string>? Split(string line)
    {
        var bytes = Encoding.UTF8.GetBytes(line);
        var output = new byte[bytes.Length];
        var words = new List<string>();
        var position = 0;
        while (true)
        {
            var token = InlineRequest.NextQuoted(bytes, ref position, output, out var length);
            if (token == InlineToken.None) return words;
            if (token == InlineToken.Unbalanced) return null;
            words.Add(Encoding.Latin1.GetString(output, 0, length));
        }
    }

    private void Take(List<string> words, string file, int line, int depth)
    {
        var name = words[0];
        if (name.Equals("include", StringComparison.OrdinalIgnoreCase)) Include(words, file, line, depth);
        else if (GuardOf(words) is { } guard) throw new ConfigurationException(Inv($"{file}:{line}: {SettingText.Shown(name)}: {guard}; without it the server would be open to those it shuts out."));
        else if (SettingTable.Names.TryGetValue(name, out var row)) Take(row, words, file, line, depth);
        else Report(Inv($"{file}:{line}: {SettingText.Shown(name)}: {WhyNot(name)}; the line is ignored"));
    }

    private void Take(Setting row, List<string> words, string file, int line, int depth)
    {
        if (words.Count == 1 || (words.Count > 2 && !row.IsList))
            throw new ConfigurationException(Inv($"{file}:{line}: {row.Name}: wrong number of arguments."));
        var text = string.Join(' ', words.Skip(1));

        // save 900 1 and save 300 10 add up; save "" forgets those before it.
        if (row.Repeats && text.Length > 0 && TryGet(row.Name, out var before) && before!.Length > 0) text = $"{before} {text}";
        Put(row, text, file, line);
        if (depth > 0) _included.Add(row);
    }

    private void Include(List<string> words, string file, int line, int depth)
    {
        if (words.Count != 2) throw new ConfigurationException(Inv($"{file}:{line}: include: wrong number of arguments."));
        if (depth >= DepthMax) throw new ConfigurationException(Inv($"{file}:{line}: include: files include files more than {DepthMax} deep."));
        var pattern = SettingText.Utf8(words[1]) ?? words[1];
        foreach (var included in FilesOf(pattern, file, line)) ReadLines(ReadText(included, included), included, depth + 1);
    }

    // A path, or one whose last part has * or ? in it; then it is no error if nothing matches.
    private static string[] FilesOf(string pattern, string file, int line)
    {
        var last = Path.GetFileName(pattern);
        if (!last.AsSpan().ContainsAny('*', '?')) return [pattern];
        var folder = Path.GetDirectoryName(pattern) is { Length: > 0 } named ? named : ".";
        try
        {
            return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, last).Take(FilesMax + 1).Order(StringComparer.Ordinal).ToArray() : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(Inv($"{file}:{line}: include: {error.Message.TrimEnd('.')}."), error);
        }
    }

    // What keeps somebody out must not be ignored, or the server is open where its file says that it is not.
    private static string? GuardOf(List<string> words) => words[0].ToUpperInvariant() switch
    {
        "RENAME-COMMAND" => "commands keep their names here",
        "USER" => "there are no users but the default one; requirepass sets its password",
        "ACLFILE" when words.Count > 1 && words[1].Length > 0 => "there are no users but the default one; requirepass sets its password",
        _ => null,
    };

    private static string WhyNot(string name) => name.ToUpperInvariant() switch
    {
        "LOADMODULE" => "there are no modules",
        _ => "there is no such setting",
    };
}
