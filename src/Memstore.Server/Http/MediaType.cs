using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;

namespace Memstore.Server.Http;

/// <summary>
/// The media type of a value, told from its bytes, so that it is the same whoever wrote the value and over which protocol; nothing is kept
/// beside it. Types that a browser would run as a page (HTML, SVG) are not among them.
/// </summary>
internal static class MediaType
{
    /// <summary>Longer values are not parsed to find out whether they are JSON, in bytes.</summary>
    private const int JsonSizeMax = 1024 * 1024;

    // Signatures: https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern and the two sections that follow it.
    private static readonly (byte[] Start, string Type)[] Signatures =
    [
        ([0x89, .. "PNG\r\n"u8, 0x1a, 0x0a], "image/png"),
        ([0xff, 0xd8, 0xff], "image/jpeg"),
        ([.. "GIF87a"u8], "image/gif"),
        ([.. "GIF89a"u8], "image/gif"),
        ([.. "%PDF-"u8], "application/pdf"),
        ([0x1f, 0x8b, 0x08], "application/gzip"),
        ([.. "PK"u8, 3, 4], "application/zip"),
        ([.. "OggS"u8, 0], "application/ogg"),
        ([0x1a, 0x45, 0xdf, 0xa3], "video/webm"),
        ([0, .. "asm"u8], "application/wasm"),
    ];

    // Tab, line feed and carriage return are text, as are form feed and escape.
    private static readonly SearchValues<byte> Controls = SearchValues.Create(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 29, 30, 31]);

    /// <summary>The type of a value.</summary>
    public static string Of(ReadOnlySpan<byte> value)
    {
        foreach (var (start, type) in Signatures)
            if (value.StartsWith(start)) return type;
        if (value.Length >= 12 && value.StartsWith("RIFF"u8) && value[8..12].SequenceEqual("WEBP"u8)) return "image/webp";
        if (!Utf8.IsValid(value) || value.ContainsAny(Controls)) return "application/octet-stream";
        return IsJson(value) ? "application/json" : "text/plain; charset=utf-8";
    }

    // A number or a word alone is more likely text.
    private static bool IsJson(ReadOnlySpan<byte> value)
    {
        if (value.Length > JsonSizeMax || !(value.StartsWith("{"u8) || value.StartsWith("["u8))) return false;
        try
        {
            var reader = new Utf8JsonReader(value, new JsonReaderOptions { MaxDepth = 64 });
            while (reader.Read())
            {
            }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
