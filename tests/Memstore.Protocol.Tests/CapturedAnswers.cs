using System.Text;

namespace Memstore.Protocol.Tests;

/// <summary>Tables of what redis-server 7.0.15 on x86-64 answered; tab-separated Latin-1 with backslash escapes and a line of names.</summary>
internal static class CapturedAnswers
{
    public static IEnumerable<string[]> Read(string table)
    {
        using var stream = typeof(CapturedAnswers).Assembly.GetManifestResourceStream(table)
            ?? throw new InvalidOperationException($"The table {table} is not in the assembly.");
        using var reader = new StreamReader(stream, Encoding.Latin1);
        reader.ReadLine();
        while (reader.ReadLine() is { } line) yield return [.. line.Split('\t').Select(Unescape)];
    }

    private static string Unescape(string text)
    {
        var plain = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\') plain.Append(text[i]);
            else plain.Append(text[++i] switch { 't' => '\t', 'n' => '\n', '0' => '\0', var other => other });
        }
        return plain.ToString();
    }
}
