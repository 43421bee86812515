namespace Memstore.Server.Tests;

/// <summary>Finds the repository's files from wherever the tests were built to.</summary>
internal static class RepositoryFiles
{
    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A file or folder by its path from the root.</summary>
    public static string PathOf(string path) => Path.Combine(Root, path);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Memstore.slnx"))) return folder.FullName;
        }
        throw new InvalidOperationException($"There is no Memstore.slnx above {AppContext.BaseDirectory}.");
    }
}
