using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Memstore.Server.Http;

/// <summary>
/// The media type of a value that was given none: told from its bytes, so that it is the same whoever wrote the value and over which protocol. Types that
/// a browser would run as a page (HTML, SVG) are not among them.
/// </summary>
internal static class MediaType
{
    /// <summary>Longer values are not parsed to find out whether they are JSON, in bytes.</summary>
    private const int JsonSizeMax = 1024 * 1024;

    /// <summary>No signature looks at more bytes, in bytes.</summary>
    private const int SignatureMax = 16;

    /// <summary>What a form is sent as, and curl -d sends whatever it is.</summary>
    public const string Form = "application/x-www-form-urlencoded";

    private const string Bytes = "application/octet-stream";
    private const string Text = "text/plain; charset=utf-8";

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
        if (!Utf8.IsValid(value) || value.ContainsAny(Controls)) return Bytes;
        return IsJson(value) ? "application/json" : Text;
    }

    /// <summary>The type of a value that lies in parts.</summary>
    public static string Of(in ReadOnlySequence<byte> value)
    {
        if (value.IsSingleSegment) return Of(value.FirstSpan);
        if (value.Length <= JsonSizeMax) return Of(value.ToArray());

        // What its start tells; else only whether it is text is left to find out, as it is too long to be taken for JSON.
        Span<byte> start = stackalloc byte[SignatureMax];
        value.Slice(0, SignatureMax).CopyTo(start);
        start[^1] = 0;
        var type = Of(start);
        return type != Bytes ? type : IsText(value) ? Text : Bytes;
    }

    // UTF-8 without controls. A character may lie across parts: what a part has of its last one is carried over.
    private static bool IsText(in ReadOnlySequence<byte> value)
    {
        Span<byte> across = stackalloc byte[4];
        var carried = 0;
        foreach (var memory in value)
        {
            var part = memory.Span;
            if (part.ContainsAny(Controls)) return false;
            while (carried > 0 && part.Length > 0)
            {
                across[carried++] = part[0];
                part = part[1..];
                var status = Rune.DecodeFromUtf8(across[..carried], out _, out _);
                if (status == OperationStatus.InvalidData) return false;
                if (status == OperationStatus.Done) carried = 0;
            }

            var open = OpenLength(part);
            if (!Utf8.IsValid(part[..^open])) return false;
            part[^open..].CopyTo(across[carried..]);
            carried += open;
        }
        return carried == 0;
    }

    // Bytes at the end that are the start of a character.
    private static int OpenLength(ReadOnlySpan<byte> part)
    {
        for (var length = 1; length <= Math.Min(3, part.Length); length++)
        {
            if ((part[^length] & 0xc0) == 0x80) continue;
            return Rune.DecodeFromUtf8(part[^length..], out _, out _) == OperationStatus.NeedMoreData ? length : 0;
        }
        return 0;
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
