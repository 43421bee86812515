using System.Buffers.Text;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Memstore.Server.Http;

/// <summary>
/// The key that a path names: the bytes after <c>/v1/keys/</c>, percent-decoded once, so <c>%2F</c> is a slash of the key and <c>%FF</c> the byte
/// 255. The web server takes NUL, <c>.</c> and <c>..</c> out of paths or refuses them; with <c>?encoding=base64url</c> the path has the key in
/// Base64url (RFC 4648, section 5), which can name any key.
/// </summary>
internal static class KeyPath
{
    /// <summary>Where the keys are.</summary>
    public const string Prefix = "/v1/keys/";

    /// <summary>Whether the path is that of a key, be it the empty one, and not that of all keys.</summary>
    public static bool IsOfKey(HttpContext context) =>
        PathOf(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget).StartsWith(Prefix, StringComparison.OrdinalIgnoreCase);

    /// <summary>The key of a request.</summary>
    /// <exception cref="BadRequestException">The path names none.</exception>
    public static byte[] KeyOf(HttpContext context)
    {
        var path = PathOf(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        if (!path.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) throw new BadRequestException("The path has . or .. in it; ?encoding=base64url can name any key.");
        var name = path[Prefix.Length..];
        if (IsBase64(context.Request)) return FromBase64(name);
        var key = Decode(name);
        foreach (var segment in Split(key))
            if (segment is "." or "..") throw new BadRequestException("A part of the path is . or ..; ?encoding=base64url can name any key.");
        return key;
    }

    /// <summary>Whether keys are written in Base64url.</summary>
    /// <exception cref="BadRequestException">The request asks for something else.</exception>
    public static bool IsBase64(HttpRequest request) => request.Query["encoding"].ToString() switch
    {
        "" => false,
        "base64url" => true,
        _ => throw new BadRequestException("encoding must be base64url."),
    };

    // GET http://host/v1/keys/a?b=c HTTP/1.1 is allowed beside GET /v1/keys/a?b=c.
    private static string PathOf(string target)
    {
        var start = 0;
        if (!target.StartsWith('/'))
        {
            var authority = target.IndexOf("://", StringComparison.Ordinal);
            start = authority < 0 ? -1 : target.IndexOf('/', authority + 3);
            if (start < 0) return "";
        }

        var end = target.IndexOf('?', StringComparison.Ordinal);
        return end < 0 ? target[start..] : end < start ? "" : target[start..end];
    }

    private static string[] Split(byte[] key) => Encoding.Latin1.GetString(key).Split('/');

    private static byte[] FromBase64(string name)
    {
        try
        {
            return Base64Url.DecodeFromChars(name);
        }
        catch (FormatException)
        {
            throw new BadRequestException("The key is not Base64url.");
        }
    }

    // What a path may hold is ASCII; the rest is escaped.
    private static byte[] Decode(string name)
    {
        var key = new byte[name.Length];
        var length = 0;
        for (var i = 0; i < name.Length; i++)
        {
            var value = (int)name[i];
            if (value == '%')
            {
                if (i + 2 >= name.Length || !char.IsAsciiHexDigit(name[i + 1]) || !char.IsAsciiHexDigit(name[i + 2]))
                    throw new BadRequestException("A % of the path is not followed by two hexadecimal digits.");
                value = Convert.FromHexString(name.AsSpan(i + 1, 2))[0];
                i += 2;
            }

            key[length++] = (byte)value;
        }
        return key[..length];
    }
}
