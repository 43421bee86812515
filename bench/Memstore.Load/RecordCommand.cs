using System.CommandLine;

namespace Memstore.Load;

/// <summary><c>load record</c>: puts standard input into a named section of a Markdown file and leaves the other sections alone.</summary>
internal static class RecordCommand
{
    public static Command Create()
    {
        var file = new Option<FileInfo>("--file") { Description = "The Markdown file.", Required = true };
        var section = new Option<string>("--section") { Description = "Name of the section.", Required = true };
        var command = new Command("record", "Replaces a section of a Markdown file by standard input; a new section goes to the end.");
        command.Options.Add(file);
        command.Options.Add(section);
        command.SetAction(parsed => Record(parsed.GetValue(file)!.FullName, parsed.GetValue(section)!, Console.In.ReadToEnd()));
        return command;
    }

    private static void Record(string path, string section, string content)
    {
        var (begin, end) = ($"<!-- begin {section} -->\n", $"<!-- end {section} -->\n");
        var text = File.Exists(path) ? File.ReadAllText(path) : "# Results\n";
        var body = $"{begin}{content.TrimEnd()}\n{end}";
        var (from, to) = (text.IndexOf(begin, StringComparison.Ordinal), text.IndexOf(end, StringComparison.Ordinal));
        File.WriteAllText(path, from >= 0 && to > from ? text[..from] + body + text[(to + end.Length)..] : $"{text.TrimEnd()}\n\n{body}");
    }
}
