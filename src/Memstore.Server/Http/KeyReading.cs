using System.Buffers;
using System.Text;
using Memstore.Protocol;

namespace Memstore.Server.Http;

/// <summary>What a key holds, as a resource: found by one transaction, or under a watch that the next transaction looks at.</summary>
internal sealed class KeyReading(HttpExchange exchange)
{
    // Longer than an error and than the answers before a value, in bytes.
    private const int HeadMax = 4096;

    /// <summary>The type as TYPE says it; "none" if the key is missing.</summary>
    public string Type { get; private set; } = "none";

    /// <summary>Whether the key is there.</summary>
    public bool Exists => Type != "none";

    /// <summary>What is left of its time to live in milliseconds; -1 if it has none.</summary>
    public long TtlMs { get; private set; } = -1;

    /// <summary>The entity tag; null if the key is missing, or nobody asked.</summary>
    public string? Tag { get; private set; }

    /// <summary>The media type of the representation.</summary>
    public string ContentType { get; private set; } = "";

    /// <summary>The string, in the memory of the replies.</summary>
    public ReadOnlySequence<byte> Value { get; private set; }

    /// <summary>A command's error, if it could not be read.</summary>
    public string? Error { get; private set; }

    /// <summary>Asks for a string with its time to live and media type, as one transaction; <see cref="TakeString"/> takes the replies.</summary>
    public static void AskForString(RequestList requests, ReadOnlySpan<byte> key)
    {
        Start(requests, "MULTI"u8);
        Start(requests, "PTTL"u8, key);
        StartMediaType(requests, key);
        Start(requests, "GET"u8, key);
        Start(requests, "EXEC"u8);
    }

    /// <summary>Asks for whatever else a key may hold; <see cref="TakeOther"/> takes the replies.</summary>
    public static void AskForOther(RequestList requests, ReadOnlySpan<byte> key)
    {
        Start(requests, "MULTI"u8);
        Start(requests, "PTTL"u8, key);
        Start(requests, "TYPE"u8, key);
        Start(requests, "HGETALL"u8, key);
        Start(requests, "EXEC"u8);
    }

    /// <summary>Watches a key and asks for its type; <see cref="TakeType"/> takes the replies.</summary>
    public static void Watch(RequestList requests, ReadOnlySpan<byte> key)
    {
        Start(requests, "WATCH"u8, key);
        Start(requests, "TYPE"u8, key);
    }

    /// <summary>Asks for the value of a key with a type that is known; <see cref="TakeTag"/> takes the reply.</summary>
    public void AskForTag(RequestList requests, ReadOnlySpan<byte> key)
    {
        StartMediaType(requests, key);
        Start(requests, Type == "string" ? "GET"u8 : "HGETALL"u8, key);
    }

    /// <summary>Takes the string, which stays where the replies are; false if the key holds something else.</summary>
    public bool TakeString(in ReadOnlySequence<byte> bytes)
    {
        // What comes before the value is short, and only a value makes the replies long.
        var head = bytes.IsSingleSegment ? bytes.FirstSpan : bytes.Slice(0, Math.Min(bytes.Length, HeadMax)).ToArray();
        var replies = RepliesOf(head);
        if (!BeginTransaction(ref replies, queued: 3)) return true;
        TtlMs = replies.TakeNumber();
        var mediaType = TakeMediaType(ref replies);
        if (replies.IsError)
        {
            var error = replies.TakeLine();
            if (error.StartsWith("WRONGTYPE"u8)) return false;
            Error = Encoding.UTF8.GetString(error);
            return true;
        }

        if (replies.IsNull) return true;
        Type = "string";
        var length = replies.TakeBulkHeader();
        Value = bytes.Slice(head.Length - replies.Left, length);
        Tag = EntityTag.Of(Type, Value, mediaType);
        ContentType = mediaType.IsEmpty ? MediaType.Of(Value) : Encoding.ASCII.GetString(mediaType);
        return true;
    }

    /// <summary>Takes a hash as a JSON object; false if the key holds a string by now.</summary>
    public bool TakeOther(ReadOnlySpan<byte> bytes)
    {
        var replies = RepliesOf(bytes);
        if (!BeginTransaction(ref replies, queued: 3)) return true;
        TtlMs = replies.TakeNumber();
        Type = Encoding.ASCII.GetString(replies.TakeString());
        if (Type == "string") return false;
        if (replies.IsError) Error = $"WRONGTYPE a {Type} is read by commands: POST /v1/commands";
        if (!Exists || Error is not null) return true;

        // Of the reply's bytes: in JSON, bytes that are no UTF-8 look alike.
        Tag = EntityTag.Of(Type, replies.PeekBytes());
        replies.WriteValue();
        ContentType = "application/json";
        return true;
    }

    /// <summary>Takes the type of a key that is watched.</summary>
    public void TakeType(ReadOnlySpan<byte> bytes)
    {
        var replies = RepliesOf(bytes);
        Tag = null;
        Error = null;
        for (var i = 0; i < 2; i++)
        {
            if (replies.IsError)
            {
                Error = Encoding.UTF8.GetString(replies.TakeLine());
                return;
            }
            Type = Encoding.ASCII.GetString(replies.TakeString());
        }
    }

    /// <summary>Takes the value, of which only the tag is wanted.</summary>
    public void TakeTag(ReadOnlySpan<byte> bytes)
    {
        // Something else by now: the watch is lost.
        var replies = RepliesOf(bytes);
        if (replies.IsError) return;
        var mediaType = TakeMediaType(ref replies);
        if (replies.IsError || replies.IsNull) return;
        Tag = Type == "string" ? EntityTag.Of(Type, replies.TakeString(), mediaType) : EntityTag.Of(Type, replies.PeekBytes());
    }

    /// <summary>Replies to read, with the exchange's JSON.</summary>
    public JsonReplies RepliesOf(ReadOnlySpan<byte> bytes) => new(bytes, exchange.Json, base64: false);

    private static ReadOnlySpan<byte> TakeMediaType(ref JsonReplies replies)
    {
        if (!replies.IsNull) return replies.TakeString();
        replies.SkipLine();
        return default;
    }

    private bool BeginTransaction(ref JsonReplies replies, int queued)
    {
        replies.TakeTransaction(queued, out var error);
        if (error.IsEmpty) return true;
        Error = Encoding.UTF8.GetString(error);
        return false;
    }

    private static void Start(RequestList requests, ReadOnlySpan<byte> name)
    {
        requests.Start();
        requests.Add(name);
    }

    private static void StartMediaType(RequestList requests, ReadOnlySpan<byte> key)
    {
        Start(requests, "OBJECT"u8, "MEDIATYPE"u8);
        requests.Add(key);
    }

    private static void Start(RequestList requests, ReadOnlySpan<byte> name, ReadOnlySpan<byte> key)
    {
        Start(requests, name);
        requests.Add(key);
    }
}
