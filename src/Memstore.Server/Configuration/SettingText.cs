using System.Text;

namespace Memstore.Server.Configuration;

/// <summary>
/// Texts of settings as they travel: bytes, one in each character (Latin-1), as clients and files give them. Passwords stay so, everything
/// else is text in UTF-8. Texts of ASCII are the same in both forms.
/// </summary>
internal static class SettingText
{
    private const int ShownMax = 80;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The bytes of a text in UTF-8, one in each character.</summary>
    public static string Bytes(string text) => Ascii.IsValid(text) ? text : Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>The text that bytes mean, one in each character; null if they are not UTF-8.</summary>
    public static string? Utf8(string bytes)
    {
        if (Ascii.IsValid(bytes)) return bytes;
        try
        {
            return StrictUtf8.GetString(Encoding.Latin1.GetBytes(bytes));
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>A setting's text from the bytes that were given; null if they must be UTF-8 and are not.</summary>
    public static string? FromBytes(Setting row, string bytes) => row.IsSecret ? bytes : Utf8(bytes);

    /// <summary>The bytes of a setting's text, one in each character.</summary>
    public static string AsBytes(Setting row, string text) => row.IsSecret ? text : Bytes(text);

    /// <summary>What messages may show of a text that somebody gave: printable, not too long, and nothing of a password.</summary>
    public static string Shown(Setting row, string bytes) => row.IsSecret ? "(hidden)" : Shown(bytes);

    /// <summary>The same for a text that belongs to no setting.</summary>
    public static string Shown(string bytes)
    {
        var text = Utf8(bytes) ?? bytes;
        var shown = new StringBuilder();
        foreach (var letter in text.AsSpan(0, Math.Min(text.Length, ShownMax))) shown.Append(char.IsControl(letter) ? '?' : letter);
        if (text.Length > ShownMax) shown.Append('…');
        return shown.ToString();
    }
}
