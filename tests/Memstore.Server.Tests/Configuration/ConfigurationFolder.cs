using System.Collections;
using Memstore.Server.Configuration;

namespace Memstore.Server.Tests.Configuration;

/// <summary>A working directory of a test, with files in it.</summary>
internal sealed class ConfigurationFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("memstore-").FullName;

    public void Dispose() => Directory.Delete(_path, recursive: true);

    /// <summary>The path of a file.</summary>
    public string PathOf(string name) => Path.Combine(_path, name);

    /// <summary>Writes a file; the result is its path.</summary>
    public string Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text.Replace("{folder}", _path, StringComparison.Ordinal));
        return PathOf(name);
    }

    /// <summary>A file's text.</summary>
    public string Read(string name) => File.ReadAllText(PathOf(name));

    /// <summary>Reads the configuration as serve does in this directory.</summary>
    public LoadedSettings Load(string? file = null, string options = "", string variables = "")
    {
        var given = Pairs(options).Select(pair => (SettingTable.Names[pair.Name], pair.Text)).ToList();
        IDictionary environment = Pairs(variables).ToDictionary(pair => pair.Name, pair => pair.Text);
        return SettingLoader.Load(file is null or "none" ? file : PathOf(file), given, environment, _path);
    }

    /// <summary>The message with which the configuration is refused, without the directory.</summary>
    public string Refusal(string? file = null, string options = "", string variables = "") =>
        Xunit.Assert.Throws<ConfigurationException>(() => Load(file, options, variables)).Message.Replace(_path + "/", "", StringComparison.Ordinal);

    /// <summary>What is reported, without the directory.</summary>
    public string[] Reports(string? file = null, string variables = "") =>
        [.. Load(file, variables: variables).Reports.Select(line => line.Replace(_path + "/", "", StringComparison.Ordinal))];

    private static IEnumerable<(string Name, string Text)> Pairs(string words) =>
        words.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => (word[..word.IndexOf('=')], word[(word.IndexOf('=') + 1)..]));
}
