using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlScalar = YamlDotNet.Core.Events.Scalar;

namespace Memstore.Server.Configuration;

/// <summary>
/// A file in YAML: a mapping from names of settings to their values; a value with several words may be a list. Nothing deeper, no aliases.
/// </summary>
// The only code that names YamlDotNet, so that it is loaded only where there is such a file. It reads events and not objects: nothing is
// expanded, and the first event that has no place here ends the reading.
internal sealed class YamlFile(string path, string text) : ConfigurationFile(path, text)
{
    /// <inheritdoc/>
    protected override void Read(string text)
    {
        foreach (var entry in Entries(text))
        {
            if (!SettingTable.Names.TryGetValue(entry.Name, out var row))
            {
                Report(Inv($"{Name}:{entry.Line}: {SettingText.Shown(entry.Name)}: there is no such setting; the line is ignored"));
                continue;
            }

            if (TryGet(row.Name, out _)) throw Wrong(entry.Line, $"{row.Name} is there twice");
            if (entry.IsList && !row.IsList) throw Wrong(entry.Line, $"{row.Name}: one value is expected and no list");
            Put(row, SettingText.Bytes(Normal(row, entry.Text)), Name, entry.Line);
        }
    }

    /// <inheritdoc/>
    protected override string Edit(string text, IReadOnlyList<(Setting Row, string Text)> changes)
    {
        var entries = Entries(text);
        var added = new StringBuilder();
        foreach (var (row, bytes) in changes)
        {
            var value = SettingText.Utf8(bytes) ?? throw new ConfigurationException($"{row.Name} has bytes that YAML cannot hold");
            if (value.Any(letter => letter is '\0' or '\uFFFE' or '\uFFFF')) throw new ConfigurationException($"{row.Name} has characters that YAML cannot hold");
            var at = entries.FindIndex(entry => SettingTable.Names.TryGetValue(entry.Name, out var found) && found == row);
            if (at >= 0) entries[at] = entries[at] with { Replacement = Scalar(value) };
            else if (value != row.Initial) added.Append(CultureInfo.InvariantCulture, $"{row.Name}: {Scalar(value)}\n");
        }

        var next = Splice(text, entries, added.ToString());
        Verify(next, changes);
        return next;
    }

    private static string Splice(string text, List<Entry> entries, string added)
    {
        var next = new StringBuilder(text);
        foreach (var entry in entries.Where(entry => entry.Replacement is not null).OrderByDescending(entry => entry.Start))
            next.Remove(entry.Start, entry.End - entry.Start).Insert(entry.Start, ": " + entry.Replacement + entry.After(text));
        if (added.Length == 0) return next.ToString();
        if (next.Length > 0 && next[^1] != '\n') next.Append('\n');
        if (!text.Contains(Marker, StringComparison.Ordinal)) next.Append(Marker).Append('\n');
        return next.Append(added).ToString();
    }

    // A file in flow style, or with an end of the document in it, cannot be edited line by line; it stays as it is then.
    private void Verify(string text, IReadOnlyList<(Setting Row, string Text)> changes)
    {
        var read = new YamlFile(FullPath, text);
        try
        {
            read.Load();
        }
        catch (ConfigurationException error)
        {
            throw new ConfigurationException("the file has a form that cannot be changed; write one setting on each line", error);
        }

        foreach (var (row, value) in changes)
        {
            if (read.TryGet(row.Name, out var found) ? found == value : value == SettingText.AsBytes(row, row.Initial)) continue;
            throw new ConfigurationException("the file has a form that cannot be changed; write one setting on each line");
        }
    }

    private static string Scalar(string value)
    {
        var isPlain = value.Length > 0 && value is not ("null" or "Null" or "NULL")
            && value.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is ' ' or '.' or '_' or '/' or '-' or '$')
            && (char.IsAsciiLetterOrDigit(value[0]) || value[0] == '/' || (value[0] == '-' && value.Length > 1 && char.IsAsciiDigit(value[1])))
            && value[^1] != ' ';
        if (isPlain) return value;
        var quoted = new StringBuilder("\"");
        foreach (var letter in value)
        {
            if (letter is '"' or '\\') quoted.Append('\\').Append(letter);
            else if (char.IsControl(letter) || letter is '\u2028' or '\u2029' or '\uFEFF') quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}");
            else quoted.Append(letter);
        }

        return quoted.Append('"').ToString();
    }

    private List<Entry> Entries(string text)
    {
        var parser = new Parser(new StringReader(text));
        try
        {
            return ReadEntries(parser);
        }
        catch (YamlException error)
        {
            throw Wrong(error.Start.Line, SettingText.Shown(error.Message.ReplaceLineEndings(" ").TrimEnd('.')));
        }
        catch (Exception error) when (error is not ConfigurationException)
        {
            // What the library throws by mistake, such as for [a[ b] or for a tag that is no URI, knows no line and says nothing to an operator.
            throw Wrong(parser.Current?.End.Line ?? 1, "what follows is no YAML");
        }
    }

    private List<Entry> ReadEntries(Parser parser)
    {
        var entries = new List<Entry>();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        parser.MoveNext();
        parser.MoveNext();
        if (parser.Current is StreamEnd) return entries;
        parser.MoveNext();

        // A file of comments alone is a document with an empty scalar.
        if (parser.Current is YamlScalar { Value.Length: 0 }) return entries;
        if (parser.Current is not MappingStart) throw Wrong(parser.Current!.Start.Line, "a configuration is a list of lines such as port: 6379");
        while (parser.MoveNext() && parser.Current is not MappingEnd)
        {
            if (parser.Current is not YamlScalar name) throw Wrong(parser.Current!.Start.Line, "the name of a setting is expected");
            if (!names.Add(name.Value)) throw Wrong(name.Start.Line, $"{SettingText.Shown(name.Value)} is there twice");
            parser.MoveNext();
            entries.Add(ReadValue(parser, name));
        }

        parser.MoveNext();
        if (parser.MoveNext() && parser.Current is not StreamEnd) throw Wrong(parser.Current!.Start.Line, "a configuration is one document");
        return entries;
    }

    private Entry ReadValue(Parser parser, YamlScalar name)
    {
        var line = (int)name.Start.Line;
        switch (parser.Current)
        {
            case YamlScalar scalar:
                return new Entry(name.Value, TextOf(scalar), line, (int)name.End.Index, (int)scalar.End.Index);
            case SequenceStart list:
                var words = new List<string>();
                var end = (int)parser.Current.Start.Index;
                while (parser.MoveNext() && parser.Current is not SequenceEnd)
                {
                    if (parser.Current is not YamlScalar item) throw Misplaced(parser.Current!, name.Value);
                    words.Add(TextOf(item));
                    end = (int)item.End.Index;
                }

                if (list.Style == SequenceStyle.Flow) end = (int)parser.Current!.Start.Index + 1;
                return new Entry(name.Value, string.Join(' ', words), line, (int)name.End.Index, end) { IsList = true };
            default:
                throw Misplaced(parser.Current!, name.Value);
        }
    }

    // An empty value and ~ are the empty text.
    private static string TextOf(YamlScalar scalar) =>
        scalar.Style == ScalarStyle.Plain && scalar.Value is "~" or "null" or "Null" or "NULL" ? "" : scalar.Value;

    private ConfigurationException Misplaced(ParsingEvent found, string name) => Wrong(found.Start.Line, found is AnchorAlias
        ? $"{SettingText.Shown(name)}: aliases are not read here; write the value"
        : $"{SettingText.Shown(name)}: a value is a text, a number, or a list of them");

    private ConfigurationException Wrong(long line, string what) => new(Inv($"{Name}:{line}: {what}."));

    /// <summary>A setting of the file: its text, its line, and where in the file all that follows its name stands.</summary>
    private sealed record Entry(string Name, string Text, int Line, int Start, int End)
    {
        public bool IsList { get; init; }

        public string? Replacement { get; init; }

        // A block scalar's end is after its last line; that line's end has to stay.
        public string After(string text) => End > 0 && End <= text.Length && text[End - 1] == '\n' ? "\n" : "";
    }
}
