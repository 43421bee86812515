namespace Memstore.Server;

/// <summary>The version of this program.</summary>
internal static class ProductVersion
{
    /// <summary>As the project file states it.</summary>
    public static string Text { get; } = typeof(ProductVersion).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";
}
