using System.Collections;

namespace Memstore.Server.Configuration;

/// <summary>Settings given as variables of the environment: <c>MEMSTORE_MAXMEMORY=2gb</c>.</summary>
internal sealed class EnvironmentLayer(IDictionary variables) : SettingLayer
{
    /// <summary>The variable that names the configuration file, as <c>--config</c> does.</summary>
    public const string FileVariable = Prefix + "CONFIG";

    private const string Prefix = "MEMSTORE_";

    // Kubernetes gives every container variables about services; those of a service that is called memstore look like ours.
    private static readonly string[] ServicePrefixes = [Prefix + "SERVICE_", Prefix + "PORT_"];

    /// <inheritdoc/>
    public override void Load()
    {
        foreach (DictionaryEntry entry in variables)
        {
            if (entry is not { Key: string name, Value: string text } || !name.StartsWith(Prefix, StringComparison.Ordinal) || name == FileVariable) continue;
            if (ServicePrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))) continue;
            var setting = name[Prefix.Length..].Replace('_', '-');
            if (!SettingTable.Names.TryGetValue(setting, out var row)) Report($"{SettingText.Shown(name)}: there is no such setting; the variable is ignored");
            else if (row.Name == "port" && text.Contains("://", StringComparison.Ordinal)) Report($"{name} is about a service of Kubernetes; it is ignored");
            else Put(row, SettingText.Bytes(Normal(row, text)));
        }
    }

    /// <inheritdoc/>
    public override string Describe(Setting row, string shownText) => $"{row.Variable}={shownText}";
}
