namespace Memstore.Server.PubSub;

/// <summary>What kind of name a client listens to.</summary>
internal enum SubscriptionKind : byte
{
    /// <summary>A channel (SUBSCRIBE).</summary>
    Channel,

    /// <summary>A pattern of channels (PSUBSCRIBE).</summary>
    Pattern,

    /// <summary>A channel of a slot (SSUBSCRIBE).</summary>
    ShardChannel,
}

/// <summary>The names that one client listens to. Changed by its session only.</summary>
internal sealed class Subscriptions
{
    private readonly HashSet<Name>?[] _names = new HashSet<Name>?[3];

    /// <summary>How many names of a kind there are.</summary>
    public int CountOf(SubscriptionKind kind) => _names[(int)kind]?.Count ?? 0;

    /// <summary>How many channels and patterns there are, those of slots excepted: what (P)SUBSCRIBE answers.</summary>
    public int Count => CountOf(SubscriptionKind.Channel) + CountOf(SubscriptionKind.Pattern);

    /// <summary>Whether there is none of any kind.</summary>
    public bool IsEmpty => Count + CountOf(SubscriptionKind.ShardChannel) == 0;

    /// <summary>Adds a name; false if it is there.</summary>
    public bool Add(SubscriptionKind kind, Name name) => (_names[(int)kind] ??= []).Add(name);

    /// <summary>Takes a name out; false if it is not there.</summary>
    public bool Remove(SubscriptionKind kind, Name name) => _names[(int)kind]?.Remove(name) ?? false;

    /// <summary>The names of a kind.</summary>
    public Name[] Of(SubscriptionKind kind) => _names[(int)kind] is { } names ? [.. names] : [];
}

/// <summary>The bytes of a channel or a pattern, as a key of dictionaries.</summary>
internal readonly struct Name(byte[] bytes) : IEquatable<Name>
{
    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Bytes => bytes;

    /// <inheritdoc/>
    public bool Equals(Name other) => Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Name other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => NameComparer.HashOf(bytes);
}

/// <summary>Compares names, also with spans that are none yet, so that publishing copies nothing.</summary>
internal sealed class NameComparer : IEqualityComparer<Name>, IAlternateEqualityComparer<ReadOnlySpan<byte>, Name>
{
    /// <summary>The one instance.</summary>
    public static NameComparer Instance { get; } = new();

    /// <summary>A hash with the process' own seed.</summary>
    public static int HashOf(ReadOnlySpan<byte> bytes)
    {
        var hash = new HashCode();
        hash.AddBytes(bytes);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public bool Equals(Name x, Name y) => x.Equals(y);

    /// <inheritdoc/>
    public int GetHashCode(Name obj) => HashOf(obj.Bytes);

    /// <inheritdoc/>
    public bool Equals(ReadOnlySpan<byte> alternate, Name other) => alternate.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public int GetHashCode(ReadOnlySpan<byte> alternate) => HashOf(alternate);

    /// <inheritdoc/>
    public Name Create(ReadOnlySpan<byte> alternate) => new(alternate.ToArray());
}
