namespace Memstore.Server.Configuration;

/// <summary>Settings given as options: <c>--maxmemory 2gb</c>.</summary>
internal sealed class CommandLineLayer(IReadOnlyList<(Setting Row, string Text)> options) : SettingLayer
{
    /// <inheritdoc/>
    public override void Load()
    {
        foreach (var (row, text) in options) Put(row, SettingText.Bytes(Normal(row, text)));
    }

    /// <inheritdoc/>
    public override string Describe(Setting row, string shownText) => $"--{row.Name} {shownText}";
}
