using System.Globalization;
using System.Text;
using Memstore.Protocol;

namespace Memstore.Server.Configuration;

/// <summary>What the text of a setting means.</summary>
internal enum SettingKind : byte
{
    /// <summary>Any text.</summary>
    Text,

    /// <summary><c>yes</c> or <c>no</c>.</summary>
    Flag,

    /// <summary>An integer.</summary>
    Integer,

    /// <summary>A number of bytes; the suffixes b, k, kb, m, mb, g and gb are understood.</summary>
    Bytes,

    /// <summary>One of <see cref="Setting.Choices"/>.</summary>
    Choice,

    /// <summary>Permissions of a file, in octal digits.</summary>
    Octal,
}

/// <summary>Whether CONFIG SET may change a setting.</summary>
internal enum Changeability : byte
{
    /// <summary>At any time.</summary>
    Running,

    /// <summary>Only at start: the command line says it.</summary>
    Start,

    /// <summary>Only at start; CONFIG SET may say again what holds.</summary>
    Same,

    /// <summary>Only at start, because a client that may set it could harm the machine.</summary>
    Protected,
}

/// <summary>Refuses or rewrites a text; the result is the text that CONFIG GET shows. Null sets <paramref name="error"/>.</summary>
internal delegate string? SettingCheck(string text, string current, out string? error);

/// <summary>The row of a setting: the only place that states its name, kind, default, range and changeability.</summary>
/// <param name="name">As CONFIG GET shows it.</param>
/// <param name="kind">What its text means.</param>
/// <param name="initial">The default, written as CONFIG GET shows it.</param>
internal sealed class Setting(string name, SettingKind kind, string initial)
{
    /// <summary>The name in lower case.</summary>
    public string Name { get; } = name;

    /// <summary>What the text means.</summary>
    public SettingKind Kind { get; } = kind;

    /// <summary>The default, in the form that CONFIG GET shows.</summary>
    public string Initial { get; } = initial;

    /// <summary>What it does, for --help; empty for one that is only remembered.</summary>
    public string About { get; init; } = "";

    /// <summary>An older name under which Redis knows it too.</summary>
    public string? Alias { get; init; }

    /// <summary>The smallest integer or number of bytes.</summary>
    public long Min { get; init; }

    /// <summary>The largest integer or number of bytes.</summary>
    public long Max { get; init; } = long.MaxValue;

    /// <summary>The words of a choice.</summary>
    public string[] Choices { get; init; } = [];

    /// <summary>When it may change.</summary>
    public Changeability Changes { get; init; }

    /// <summary>Whether a flag may be said as <c>on</c> and <c>off</c> too, as Redis' own may not.</summary>
    public bool TakesOnAndOff { get; init; }

    /// <summary>What the word <c>auto</c> stands for; null where it is no value.</summary>
    public Func<long>? Auto { get; init; }

    /// <summary>
    /// Whether the text is kept from messages. Such a text is bytes, one in each character, because clients send passwords as bytes; all others are UTF-8.
    /// </summary>
    public bool IsSecret { get; init; }

    /// <summary>Whether it is several words: in redis.conf they stand side by side, in YAML they may be a list. Of others that would be a mistake.</summary>
    public bool IsList { get; init; }

    /// <summary>Whether a file may give a list line by line (Redis: <c>save</c>): the texts are joined by spaces.</summary>
    public bool Repeats { get; init; }

    /// <summary>What is said at the start to who asks for anything but the default, because Memstore cannot do it; null if it can or if it does not matter.</summary>
    public string? Instead { get; init; }

    /// <summary>The variable of the environment that sets it, such as MEMSTORE_MAXMEMORY_POLICY.</summary>
    public string Variable => "MEMSTORE_" + Name.Replace('-', '_').ToUpperInvariant();

    /// <summary>A further check of the text.</summary>
    public SettingCheck? Check { get; init; }

    /// <summary>
    /// Turns a text into the form that CONFIG GET shows; null with the reason, worded as Redis 7.0 does, if it is no value of this setting.
    /// </summary>
    public string? Normalize(string text, string current, out string? error)
    {
        error = null;
        if (Auto is not null && text.Equals("auto", StringComparison.OrdinalIgnoreCase)) text = Auto().ToString(CultureInfo.InvariantCulture);
        if (TakesOnAndOff) text = text.ToUpperInvariant() switch { "ON" => "yes", "OFF" => "no", _ => text };
        var normal = Kind switch
        {
            SettingKind.Flag => Word(text, ["yes", "no"], "argument must be 'yes' or 'no'", ref error),
            SettingKind.Choice => Word(text, Choices, "argument(s) must be one of the following: " + string.Join(", ", Choices), ref error),
            SettingKind.Integer => Integer(text, ref error),
            SettingKind.Bytes => Bytes(text, ref error),
            SettingKind.Octal => OctalDigits(text, ref error),
            _ => text,
        };
        return normal is null || Check is null ? normal : Check(normal, current, out error);
    }

    /// <summary>Reads a number of bytes with an optional unit, as Redis' configuration does.</summary>
    public static bool TryParseBytes(string text, out long bytes)
    {
        var digits = text.AsSpan();
        var unit = 1L;
        foreach (var (suffix, factor) in Units)
        {
            if (!text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)) continue;
            digits = digits[..^suffix.Length];
            unit = factor;
            break;
        }
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out bytes)
            && bytes <= long.MaxValue / unit
            && (bytes *= unit) >= 0;
    }

    // The longer suffixes first: "kb" ends in "b" too.
    private static readonly (string Suffix, long Factor)[] Units =
        [("kb", 1L << 10), ("mb", 1L << 20), ("gb", 1L << 30), ("k", 1_000), ("m", 1_000_000), ("g", 1_000_000_000), ("b", 1)];

    private static string? Word(string text, string[] words, string refusal, ref string? error)
    {
        foreach (var word in words)
            if (word.Equals(text, StringComparison.OrdinalIgnoreCase)) return word;
        error = refusal;
        return null;
    }

    private string? Integer(string text, ref string? error)
    {
        if (!RespNumber.TryParseInt64(Encoding.UTF8.GetBytes(text), out var value))
        {
            error = "argument couldn't be parsed into an integer";
            return null;
        }
        return InRange(value, ref error);
    }

    private string? Bytes(string text, ref string? error)
    {
        if (!TryParseBytes(text, out var value))
        {
            error = "argument must be a memory value";
            return null;
        }
        return InRange(value, ref error);
    }

    private string? OctalDigits(string text, ref string? error)
    {
        var value = text.Length is > 0 and <= 10 && text.All(digit => digit is >= '0' and <= '7') ? Convert.ToInt64(text, 8) : -1;
        if (value >= Min && value <= Max) return Convert.ToString(value, 8);
        error = "argument couldn't be parsed as an octal number of permissions";
        return null;
    }

    private string? InRange(long value, ref string? error)
    {
        if (value >= Min && value <= Max) return value.ToString(CultureInfo.InvariantCulture);
        error = string.Create(CultureInfo.InvariantCulture, $"argument must be between {Min} and {Max} inclusive");
        return null;
    }
}
