using System.Buffers;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Memstore.Server.Http;

/// <summary>
/// The strong entity tag of what a key holds: its type and the first 128 bits of the SHA-256 of its representation. It is taken from the bytes,
/// because records are stamped with generations, which several writes share; so a key that gets its old value back gets its old tag too, and a
/// change of the time to live alone changes nothing. The media type that a string was given with is part of it (RFC 9110, section 8.8.1).
/// </summary>
internal static class EntityTag
{
    /// <summary>Stands for a tag that nobody needs to know.</summary>
    public const string Unknown = "\"\"";

    private const int DigestSize = 16;

    /// <summary>The tag of a representation.</summary>
    /// <param name="type">The key's type as TYPE says it.</param>
    /// <param name="representation">The value's bytes, or the JSON of what is no string.</param>
    /// <param name="mediaType">The media type that is kept with it; empty if none is.</param>
    public static string Of(string type, ReadOnlySpan<byte> representation, ReadOnlySpan<byte> mediaType = default)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(representation, digest);
        return Shown(type, digest, mediaType);
    }

    /// <summary>The tag of a representation that lies in parts.</summary>
    public static string Of(string type, in ReadOnlySequence<byte> representation, ReadOnlySpan<byte> mediaType = default)
    {
        if (representation.IsSingleSegment) return Of(type, representation.FirstSpan, mediaType);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in representation) hash.AppendData(part.Span);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        return Shown(type, digest, mediaType);
    }

    private static string Shown(string type, Span<byte> digest, ReadOnlySpan<byte> mediaType)
    {
        if (!mediaType.IsEmpty) SHA256.HashData((ReadOnlySpan<byte>)[.. digest, .. mediaType], digest);
        return $"\"{type}-{Convert.ToHexStringLower(digest[..DigestSize])}\"";
    }
}

/// <summary>The conditions of a request on what a key holds (RFC 9110, section 13): If-Match and If-None-Match.</summary>
internal readonly struct Preconditions
{
    private readonly IList<EntityTagHeaderValue>? _match;
    private readonly IList<EntityTagHeaderValue>? _noneMatch;

    /// <summary>Reads the headers.</summary>
    /// <exception cref="BadRequestException">They are not lists of entity tags.</exception>
    public Preconditions(IHeaderDictionary headers)
    {
        _match = Read(headers.IfMatch, "If-Match");
        _noneMatch = Read(headers.IfNoneMatch, "If-None-Match");
    }

    /// <summary>Whether there is any.</summary>
    public bool Any => _match is not null || _noneMatch is not null;

    /// <summary>Whether the client names what it replaces.</summary>
    public bool NamesCurrent => _match is not null;

    /// <summary>Whether one depends on more than whether the key is there.</summary>
    public bool NeedTag => NeedsTag(_match) || NeedsTag(_noneMatch);

    /// <summary>Whether If-Match holds; <paramref name="tag"/> is null if the key is missing.</summary>
    public bool MatchHolds(string? tag) => _match is null || (tag is not null && Matches(_match, tag, strong: true));

    /// <summary>Whether If-None-Match holds.</summary>
    public bool NoneMatchHolds(string? tag) => _noneMatch is null || tag is null || !Matches(_noneMatch, tag, strong: false);

    private static bool NeedsTag(IList<EntityTagHeaderValue>? tags) => tags is not null && tags.Any(static tag => !tag.Equals(EntityTagHeaderValue.Any));

    private static bool Matches(IList<EntityTagHeaderValue> tags, string tag, bool strong)
    {
        var current = new EntityTagHeaderValue(tag);
        foreach (var named in tags)
            if (named.Equals(EntityTagHeaderValue.Any) || named.Compare(current, strong)) return true;
        return false;
    }

    private static IList<EntityTagHeaderValue>? Read(StringValues header, string name)
    {
        if (header.Count == 0) return null;
        return EntityTagHeaderValue.TryParseStrictList([.. header.Where(static line => line is not null).Select(static line => line!)], out var tags)
            ? tags
            : throw new BadRequestException($"{name} is not a list of entity tags.");
    }
}
