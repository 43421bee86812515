using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Memstore.Server.Configuration;
using Xunit;

namespace Memstore.Server.Tests.Configuration;

/// <summary>The tables of docs/configuration.md are written from the settings; MEMSTORE_WRITE_DOCS=1 writes them anew.</summary>
public sealed class SettingDocumentTests
{
    private const string DocumentPath = "docs/configuration.md";
    private const string End = "<!-- end -->";

    [Fact]
    public void The_tables_of_settings_are_up_to_date()
    {
        var path = RepositoryFiles.PathOf(DocumentPath);
        var actual = File.ReadAllText(path);
        var expected = Fill(Fill(actual, "<!-- obeyed: written from the table -->", Obeyed()), "<!-- remembered: written from the table -->", Remembered());
        if (Environment.GetEnvironmentVariable("MEMSTORE_WRITE_DOCS") == "1") File.WriteAllText(path, expected);
        else Assert.True(actual == expected, $"{DocumentPath} is not what the table says: run this test with MEMSTORE_WRITE_DOCS=1 and commit the file.");
    }

    [Fact]
    public void Every_setting_that_does_something_says_what() =>
        Assert.All(SettingTable.Obeyed, row => Assert.Matches(@"^[A-Z].*\.$", row.About));

    [Fact]
    public void Every_default_is_a_value_in_the_form_that_is_shown() => Assert.All(SettingTable.All, row =>
    {
        Assert.Equal(row.Initial, row.Normalize(row.Initial, row.Initial, out var error));
        Assert.Null(error);
    });

    [Theory]
    [InlineData("README.md")]
    [InlineData("Dockerfile")]
    [InlineData("packaging/memstore.service")]
    [InlineData("docs/configuration.md")]
    [InlineData("docs/command-line.md")]
    [InlineData("docs/installing.md")]
    public void Every_variable_that_a_text_names_is_a_setting(string path)
    {
        var known = SettingTable.All.Select(row => row.Variable).Append(EnvironmentLayer.FileVariable).ToHashSet();
        var named = Regex.Matches(File.ReadAllText(RepositoryFiles.PathOf(path)), "MEMSTORE_[A-Z][A-Z_]+").Select(match => match.Value);
        Assert.All(named, name => Assert.Contains(name, known));
    }

    private static string Fill(string text, string begin, string table)
    {
        var start = text.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        return text[..start] + "\n" + table + text[text.IndexOf(End, start, StringComparison.Ordinal)..];
    }

    private static string Obeyed()
    {
        var text = new StringBuilder("| name | type | default | range | may change | variable | what it does |\n|---|---|---|---|---|---|---|\n");
        foreach (var row in SettingTable.Obeyed)
        {
            var name = row.Alias is null ? $"`{row.Name}`" : $"`{row.Name}`, `{row.Alias}`";
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {TypeOf(row)} | {Default(row)} | {RangeOf(row)} | {ChangeOf(row)} | `{row.Variable}` | {row.About} |\n");
        }

        return text.ToString();
    }

    private static string Remembered()
    {
        var text = new StringBuilder("| name | default | instead |\n|---|---|---|\n");
        foreach (var row in SettingTable.Remembered)
        {
            var name = row.Alias is null ? $"`{row.Name}`" : $"`{row.Name}`, `{row.Alias}`";
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {Default(row)} | {row.Instead} |\n");
        }

        return text.ToString();
    }

    private static string Default(Setting row) => row.Initial.Length == 0 ? "none" : $"`{row.Initial}`";

    private static string TypeOf(Setting row) => row.Kind switch
    {
        SettingKind.Flag => "flag",
        SettingKind.Integer => "integer",
        SettingKind.Bytes => "bytes",
        SettingKind.Choice => "choice",
        SettingKind.Octal => "octal",
        _ => "text",
    };

    private static string RangeOf(Setting row)
    {
        if (row.Kind == SettingKind.Flag) return "`yes`, `no`";
        if (row.Kind == SettingKind.Choice) return string.Join(", ", row.Choices.Select(choice => $"`{choice}`"));
        if (row.Kind == SettingKind.Text) return "";
        var limit = row.Kind == SettingKind.Octal ? Convert.ToString(row.Max, 8) : row.Max.ToString(CultureInfo.InvariantCulture);
        var range = string.Create(CultureInfo.InvariantCulture, $"{row.Min} {(row.Max == long.MaxValue ? "and more" : $"to {limit}")}");
        return row.Auto is null ? range : range + ", `auto`";
    }

    private static string ChangeOf(Setting row) => row.Changes == Changeability.Running ? "at any time" : "at the start";
}
