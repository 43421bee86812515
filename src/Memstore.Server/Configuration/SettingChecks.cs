using System.Globalization;
using System.Text;

namespace Memstore.Server.Configuration;

/// <summary>Checks of settings whose text has a form of its own.</summary>
internal static class SettingChecks
{
    /// <summary>Out of range is brought into range, not refused, as Redis does with this one.</summary>
    public static string? Hz(string text, string current, out string? error)
    {
        error = null;
        var value = long.Parse(text, CultureInfo.InvariantCulture);
        return Math.Clamp(value, 1, 500).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>A number above 1.</summary>
    public static string? LoadFactor(string text, string current, out string? error)
    {
        var isGood = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var factor) && factor is > 1 and <= 100;
        error = isGood ? null : "argument must be a number above 1 and up to 100";
        return isGood ? factor.ToString(CultureInfo.InvariantCulture) : null;
    }

    /// <summary>A path that can be one.</summary>
    public static string? Folder(string text, string current, out string? error)
    {
        var isGood = text.Length > 0 && !text.Contains('\0');
        error = isGood ? null : "argument must be a directory, or none";
        return isGood ? text : null;
    }

    /// <summary>An address on the web, or nothing.</summary>
    public static string? HttpAddress(string text, string current, out string? error)
    {
        var isGood = text.Length == 0 || (Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https");
        error = isGood ? null : "argument must be an address such as http://localhost:4318";
        return isGood ? text : null;
    }

    /// <summary>A number from 0 to 1, or nothing.</summary>
    public static string? Ratio(string text, string current, out string? error)
    {
        var isGood = text.Length == 0 || (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var ratio) && ratio is >= 0 and <= 1);
        error = isGood ? null : "argument must be a number from 0 to 1";
        return isGood ? text : null;
    }

    /// <summary>Pairs of seconds and changes.</summary>
    public static string? Save(string text, string current, out string? error)
    {
        error = null;
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var valid = words.Length % 2 == 0;
        for (var i = 0; valid && i < words.Length; i++)
            valid = long.TryParse(words[i], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= (i % 2 == 0 ? 1 : 0);
        if (valid) return string.Join(' ', words);
        error = "Invalid save parameters";
        return null;
    }

    /// <summary>Numbers from 0 to 100.</summary>
    public static string? Percentiles(string text, string current, out string? error)
    {
        error = null;
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < words.Length; i++)
        {
            if (!double.TryParse(words[i], NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
                error = "Invalid latency-tracking-info-percentiles parameters";
            else if (number is not (>= 0 and <= 100))
                error = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
            if (error is not null) return null;
            // INFO names its figures by it: p50, however it was written.
            words[i] = number.ToString("0.######", CultureInfo.InvariantCulture);
        }
        return string.Join(' ', words);
    }

    // The classes in the order in which CONFIG GET lists them; 'A' stands for all of g$lshzxetd.
    private const string EventClasses = "g$lshzxetdnm";
    private const string AllClasses = "g$lshzxetd";

    /// <summary>
    /// Classes of keyspace events, in the order in which they are shown.
    /// </summary>
    public static string? KeyspaceEvents(string text, string current, out string? error)
    {
        error = null;
        var chosen = new StringBuilder();
        foreach (var flag in text)
        {
            if (flag != 'A' && flag != 'K' && flag != 'E' && !EventClasses.Contains(flag))
            {
                error = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
                return null;
            }
        }
        if (text.Contains('A') || AllClasses.All(text.Contains)) chosen.Append('A');
        foreach (var flag in EventClasses)
            if (text.Contains(flag) && (chosen.Length == 0 || chosen[0] != 'A' || !AllClasses.Contains(flag))) chosen.Append(flag);
        foreach (var flag in "KE")
            if (text.Contains(flag)) chosen.Append(flag);
        return chosen.ToString();
    }
}
