using System.Globalization;
using Memstore.Protocol;

namespace Memstore.Server.Commands;

/// <summary>What SCAN and its kin are given: a cursor, a pattern, how much to look at, and a type.</summary>
internal ref struct ScanOptions
{
    /// <summary>How many keys or elements a step looks at if it is not told.</summary>
    private const int CountDefault = 10;

    /// <summary>Where the last step ended; 0 to start.</summary>
    public ulong Cursor { get; private set; }

    /// <summary>Only what matches; only if <see cref="HasPattern"/>.</summary>
    public ReadOnlySpan<byte> Pattern { get; private set; }

    /// <summary>Whether there is a pattern that not everything matches.</summary>
    public bool HasPattern { get; private set; }

    /// <summary>About how much to look at.</summary>
    public int Count { get; private set; }

    /// <summary>Only keys of the type with this name; only if <see cref="HasType"/>.</summary>
    public ReadOnlySpan<byte> Type { get; private set; }

    /// <summary>Whether only one type is asked for.</summary>
    public bool HasType { get; private set; }

    /// <summary>Reads cursor and options; errors stick to the call's reader.</summary>
    public static ScanOptions Read(ref CommandCall call, bool withType)
    {
        var options = ReadCursor(ref call.Args);
        options.ReadOptions(ref call.Args, withType);
        return options;
    }

    /// <summary>Reads the cursor only.</summary>
    public static ScanOptions ReadCursor(scoped ref ArgReader args)
    {
        if (!TryParseCursor(args.Bytes(), out var cursor)) args.Fail(Errors.InvalidCursor);
        return new ScanOptions { Count = CountDefault, Cursor = cursor };
    }

    /// <summary>Reads the options after the cursor.</summary>
    public void ReadOptions(ref ArgReader args, bool withType)
    {
        while (args.Remaining > 0 && args.IsValid)
        {
            if (args.WordWithValue("COUNT"u8))
            {
                Count = (int)Math.Min(args.Int64(1, long.MaxValue, Errors.Syntax), int.MaxValue);
            }
            else if (args.WordWithValue("MATCH"u8))
            {
                Pattern = args.Bytes();
                HasPattern = !Pattern.SequenceEqual("*"u8);
            }
            else if (withType && args.WordWithValue("TYPE"u8))
            {
                Type = args.Bytes();
                HasType = true;
            }
            else
            {
                args.Fail(Errors.Syntax);
            }
        }
    }

    /// <summary>Answers a step: the next cursor and what was found.</summary>
    /// <param name="call">The call.</param>
    /// <param name="cursor">The next cursor; 0 at the end.</param>
    /// <param name="count">How many elements were found.</param>
    /// <param name="found">The elements, as bulk strings.</param>
    public static void Answer(ref CommandCall call, ulong cursor, int count, ReplyWriter found)
    {
        Span<byte> text = stackalloc byte[20];
        cursor.TryFormat(text, out var length, provider: CultureInfo.InvariantCulture);
        call.Reply.ArrayHeader(2);
        call.Reply.Bulk(text[..length]);
        call.Reply.ArrayHeader(count);
        call.Reply.Raw(found.WrittenSpan);
    }

    /// <summary>
    /// As C's strtoul reads it for Redis: a sign is allowed and a minus wraps around, blanks in front are not, nothing reads as 0.
    /// </summary>
    private static bool TryParseCursor(ReadOnlySpan<byte> text, out ulong cursor)
    {
        cursor = 0;
        if (text.IsEmpty) return true;
        var negative = text[0] == '-';
        if (negative || text[0] == '+') text = text[1..];
        if (text.IsEmpty || text.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0) return false;
        if (!ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out cursor)) return false;
        if (negative) cursor = 0 - cursor;
        return true;
    }
}
