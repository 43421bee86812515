using System.Globalization;
using System.Text;

namespace Memstore.Server.Configuration;

/// <summary>How many bytes may wait for a client of one class.</summary>
/// <param name="Hard">More than this many bytes end the connection at once; 0 for no limit.</param>
/// <param name="Soft">More than this for <paramref name="SoftSeconds"/> on end ends the connection; 0 for no limit.</param>
/// <param name="SoftSeconds">How long the soft limit may be exceeded.</param>
internal readonly record struct OutputLimit(long Hard, long Soft, int SoftSeconds);

/// <summary>The limits on what waits to be sent, by class of client (<c>client-output-buffer-limit</c>).</summary>
/// <param name="Normal">Clients that ask and get answers.</param>
/// <param name="Replica">Replicas.</param>
/// <param name="PubSub">Clients that others push messages to.</param>
internal sealed record OutputLimits(OutputLimit Normal, OutputLimit Replica, OutputLimit PubSub)
{
    /// <summary>Reads the form that <see cref="Normalize"/> makes.</summary>
    public static OutputLimits Parse(string text)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new OutputLimits(At(words, 0), At(words, 4), At(words, 8));

        static OutputLimit At(string[] words, int at) => new(
            long.Parse(words[at + 1], CultureInfo.InvariantCulture),
            long.Parse(words[at + 2], CultureInfo.InvariantCulture),
            int.Parse(words[at + 3], CultureInfo.InvariantCulture));
    }

    /// <summary>Checks groups of class, hard limit, soft limit and seconds; classes that are not named keep what they have.</summary>
    public static string? Normalize(string text, string current, out string? error)
    {
        error = null;
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length % 4 != 0 || words.Length == 0)
        {
            error = "Wrong number of arguments in buffer limit configuration.";
            return null;
        }
        var limits = current.Split(' ');
        for (var at = 0; at < words.Length; at += 4)
        {
            var place = PlaceOf(words[at]);
            if (place < 0)
            {
                error = "Invalid client class specified in buffer limit configuration.";
                return null;
            }
            if (!Setting.TryParseBytes(words[at + 1], out var hard) || !Setting.TryParseBytes(words[at + 2], out var soft)
                || !int.TryParse(words[at + 3], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            {
                error = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
                return null;
            }
            limits[place + 1] = hard.ToString(CultureInfo.InvariantCulture);
            limits[place + 2] = soft.ToString(CultureInfo.InvariantCulture);
            limits[place + 3] = seconds.ToString(CultureInfo.InvariantCulture);
        }
        return string.Join(' ', limits);
    }

    private static int PlaceOf(string name) =>
        name.Equals("normal", StringComparison.OrdinalIgnoreCase) ? 0
        : name.Equals("slave", StringComparison.OrdinalIgnoreCase) || name.Equals("replica", StringComparison.OrdinalIgnoreCase) ? 4
        : name.Equals("pubsub", StringComparison.OrdinalIgnoreCase) ? 8
        : -1;
}
