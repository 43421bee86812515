namespace Memstore.Server.CommandLine;

/// <summary>What the terminal can do, if there is one.</summary>
internal static class Terminal
{
    /// <summary>Whether standard output is a terminal that lines may be written over on.</summary>
    public static bool IsLive => !Console.IsOutputRedirected && !IsDumb;

    /// <summary>The same of standard error.</summary>
    public static bool IsErrorLive => !Console.IsErrorRedirected && !IsDumb;

    /// <summary>Whether standard output may have colours (https://no-color.org).</summary>
    public static bool HasColours => IsLive && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    /// <summary>Writes on standard output for who goes on if it cannot: its disk may be full, the terminal gone, the descriptor closed.</summary>
    public static void TryWrite(string text)
    {
        try
        {
            Console.Write(text);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }
    }

    private static bool IsDumb => Environment.GetEnvironmentVariable("TERM") == "dumb";

    /// <summary>A text that stands out.</summary>
    public static string Bold(string text) => HasColours ? $"\e[1m{text}\e[0m" : text;

    /// <summary>A text that stays behind.</summary>
    public static string Faint(string text) => HasColours ? $"\e[2m{text}\e[0m" : text;

    /// <summary>A text about something bad.</summary>
    public static string Bad(string text) => HasColours ? $"\e[31m{text}\e[0m" : text;
}
