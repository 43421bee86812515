using Microsoft.Extensions.Configuration;

namespace Memstore.Server.Configuration;

/// <summary>One place that settings come from. Later layers of a configuration win over earlier ones.</summary>
internal abstract class SettingLayer : ConfigurationProvider, IConfigurationSource
{
    private readonly List<string> _reports = [];

    /// <summary>What the operator should know: lines without an end.</summary>
    public IReadOnlyList<string> Reports => _reports;

    /// <inheritdoc/>
    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    /// <summary>How a message names a setting of this layer, with its value: <c>redis.conf:3: port 1</c>.</summary>
    public abstract string Describe(Setting row, string shownText);

    /// <summary>Takes a setting; the text is bytes, one in each character.</summary>
    protected void Put(Setting row, string text) => Data[row.Name] = text;

    /// <summary>Tells the operator something.</summary>
    protected void Report(string line) => _reports.Add(line);

    /// <summary>true and on, false and off for yes and no, as people often write them.</summary>
    protected static string Normal(Setting row, string text) => (row.Kind, text) switch
    {
        (SettingKind.Flag or SettingKind.Choice, "true" or "True" or "TRUE") or (SettingKind.Flag, "on" or "On" or "ON") => "yes",
        (SettingKind.Flag or SettingKind.Choice, "false" or "False" or "FALSE") or (SettingKind.Flag, "off" or "Off" or "OFF") => "no",
        _ => text,
    };
}
