using System.Collections;
using Microsoft.Extensions.Configuration;

namespace Memstore.Server.Configuration;

/// <summary>Reads the configuration: a file, then the environment, then the command line; each wins over those before it.</summary>
internal static class SettingLoader
{
    /// <summary>The files that are read when none is named: the first that exists in the working directory.</summary>
    private static readonly string[] UsualFiles = ["memstore.yaml", ".memstore.yaml"];

    /// <summary>The word that stands for no file.</summary>
    private const string NoFile = "none";

    private const int ReportsMax = 100;

    /// <summary>Reads everything into new settings.</summary>
    /// <param name="file">The file that <c>--config</c> names; null if it names none.</param>
    /// <param name="options">The settings on the command line.</param>
    /// <param name="variables">The environment.</param>
    /// <param name="directory">Where the usual files are looked for.</param>
    /// <exception cref="ConfigurationException">A file cannot be read, or a setting has a bad value.</exception>
    public static LoadedSettings Load(string? file, IReadOnlyList<(Setting Row, string Text)> options, IDictionary variables, string directory)
    {
        var source = OpenFile(file ?? variables[EnvironmentLayer.FileVariable] as string, directory);
        var builder = new ConfigurationBuilder();
        if (source is not null) builder.Add(source);
        builder.Add(new EnvironmentLayer(variables));
        builder.Add(new CommandLineLayer(options));
        var layers = builder.Build().Providers.Cast<SettingLayer>().ToArray();
        var settings = new Settings { File = source is { IsReplaceable: true } ? source : null };
        foreach (var row in SettingTable.All) Apply(row, layers, settings);
        return new LoadedSettings(settings, ReportsOf(layers, settings));
    }

    private static ConfigurationFile? OpenFile(string? named, string directory)
    {
        if (named == NoFile) return null;
        if (named is { Length: > 0 }) return ConfigurationFile.Open(named);
        foreach (var usual in UsualFiles)
        {
            var path = Path.Combine(directory, usual);

            // A directory is no file, and says so: it is what Docker makes where the file that is mounted is not there.
            if (Path.Exists(path)) return ConfigurationFile.Open(path);
        }

        return null;
    }

    // A bad value is an error even where a later layer has a good one: it would show on the day that the later one goes.
    private static void Apply(Setting row, SettingLayer[] layers, Settings settings)
    {
        foreach (var layer in layers)
        {
            if (!layer.TryGet(row.Name, out var text) || settings.TrySetAtStart(row.Name, text!, out var error)) continue;
            throw new ConfigurationException($"{layer.Describe(row, SettingText.Shown(row, text!))}: {error.TrimEnd('.')}.");
        }
    }

    private static List<string> ReportsOf(SettingLayer[] layers, Settings settings)
    {
        var reports = layers.SelectMany(layer => layer.Reports).ToList();
        foreach (var row in SettingTable.All)
        {
            if (row.Instead is null || settings[row.Name] == row.Initial) continue;
            var layer = layers.Last(layer => layer.TryGet(row.Name, out _));
            reports.Add($"{layer.Describe(row, SettingText.Shown(row, settings[row.Name]))}: {row.Instead}");
        }

        var rest = SettingTable.Remembered.Where(row => row.Instead is null && settings[row.Name] != row.Initial).Select(row => row.Name).ToArray();
        if (rest.Length > 0) reports.Add($"these settings change nothing here: {string.Join(", ", rest)}");
        if (reports.Count <= ReportsMax) return reports;
        return [.. reports.Take(ReportsMax), $"and {reports.Count - ReportsMax} more such lines"];
    }
}

/// <summary>What was read.</summary>
/// <param name="Settings">The settings.</param>
/// <param name="Reports">What the operator should know: what is unknown, and what Memstore cannot do.</param>
internal sealed record LoadedSettings(Settings Settings, IReadOnlyList<string> Reports);
