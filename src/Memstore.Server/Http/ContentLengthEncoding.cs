using System.Text;
using Microsoft.Net.Http.Headers;

namespace Memstore.Server.Http;

/// <summary>
/// How the value of Content-Length is read: digits, as RFC 9110, section 8.6, has them, and whatever else makes it no number. The web server alone
/// takes <c>+8</c> too, of which another server before it might think that there is no length, and so find another end of the request.
/// </summary>
internal sealed class ContentLengthEncoding : Encoding
{
    private const char NoDigit = 'x';

    private static readonly ContentLengthEncoding Instance = new();

    private ContentLengthEncoding()
    {
    }

    /// <summary>The encoding of a header's value; null is the web server's own.</summary>
    public static Encoding? Of(string header) => header.Equals(HeaderNames.ContentLength, StringComparison.OrdinalIgnoreCase) ? Instance : null;

    /// <inheritdoc/>
    public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
    {
        // The web server has room for the digits of any length that there is, and one more, and never looks how many there are.
        var count = Math.Min(bytes.Length, chars.Length);
        for (var i = 0; i < count; i++) chars[i] = char.IsAsciiDigit((char)bytes[i]) ? (char)bytes[i] : NoDigit;
        return count;
    }

    /// <inheritdoc/>
    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) => GetChars(bytes.AsSpan(byteIndex, byteCount), chars.AsSpan(charIndex));

    /// <inheritdoc/>
    public override int GetCharCount(byte[] bytes, int index, int count) => count;

    /// <inheritdoc/>
    public override int GetMaxCharCount(int byteCount) => byteCount;

    /// <inheritdoc/>
    public override int GetByteCount(char[] chars, int index, int count) => count;

    /// <inheritdoc/>
    public override int GetMaxByteCount(int charCount) => charCount;

    /// <inheritdoc/>
    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) => throw new NotSupportedException("It only reads.");
}
