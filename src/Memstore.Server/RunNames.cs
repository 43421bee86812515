namespace Memstore.Server;

/// <summary>Names of runs and histories: 40 hexadecimal digits that nobody has seen before.</summary>
internal static class RunNames
{
    /// <summary>Draws a name.</summary>
    // From two GUIDs, which are random but for twelve bits: the cryptographic library would cost 5 MB of resident memory for this alone.
    public static string Draw() => string.Concat(Guid.NewGuid().ToString("n"), Guid.NewGuid().ToString("n").AsSpan(0, 8));
}
