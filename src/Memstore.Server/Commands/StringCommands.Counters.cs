using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.PubSub;
using ValueType = Memstore.Engine.ValueType;

namespace Memstore.Server.Commands;

// Strings as numbers, and parts of strings.
internal static partial class StringCommands
{
    private static void Incr(ref CommandCall call) => AddInteger(ref call, call.Args.Key(), 1);

    private static void Decr(ref CommandCall call) => AddInteger(ref call, call.Args.Key(), -1);

    private static void IncrBy(ref CommandCall call)
    {
        var key = call.Args.Key();
        var increment = call.Args.Int64();
        if (call.ArgsValid()) AddInteger(ref call, key, increment);
    }

    private static void DecrBy(ref CommandCall call)
    {
        var key = call.Args.Key();
        var decrement = call.Args.Int64();
        if (decrement == long.MinValue) call.Args.Fail(Errors.DecrementOverflow);
        if (call.ArgsValid()) AddInteger(ref call, key, -decrement);
    }

    private static void AddInteger(ref CommandCall call, in Engine.Key key, long increment)
    {
        var lookup = call.Find(key, ValueType.String, out var entry);
        if (lookup is Found.WrongType) return;
        var value = 0L;
        if (lookup is Found.Present && !RespNumber.TryParseInt64(entry.Value, out value))
        {
            call.Reply.Error(Errors.NotInteger);
            return;
        }
        var sum = unchecked(value + increment);
        if (((value ^ sum) & (increment ^ sum)) < 0)
        {
            call.Reply.Error(Errors.Overflow);
            return;
        }
        Span<byte> text = stackalloc byte[RespNumber.Int64TextMax];
        var length = RespNumber.FormatInt64(sum, text);
        var deadline = lookup is Found.Present ? entry.DeadlineUnixMs : 0;
        call.Transaction.PutString(key, text[..length], deadline);
        call.Notify(KeyEventKinds.String, "incrby", key.Bytes);
        call.Reply.Integer(sum);
    }

    private static void IncrByFloat(ref CommandCall call)
    {
        var key = call.Args.Key();
        var lookup = call.Find(key, ValueType.String, out var entry);
        if (lookup is Found.WrongType) return;
        var value = ExtendedFloat.FromInt64(0);
        if ((lookup is Found.Present && !ExtendedFloat.TryParse(entry.Value, out value))
            || !ExtendedFloat.TryParse(call.Args.Bytes(), out var increment))
        {
            call.Reply.Error(Errors.NotFloat);
            return;
        }
        var sum = ExtendedFloat.Add(value, increment);
        if (!sum.IsFinite)
        {
            call.Reply.Error(Errors.NotFinite);
            return;
        }
        Span<byte> text = stackalloc byte[ExtendedFloat.TextMax];
        text = text[..sum.Format(text)];
        call.Transaction.PutString(key, text, lookup is Found.Present ? entry.DeadlineUnixMs : 0);
        call.Notify(KeyEventKinds.String, "incrbyfloat", key.Bytes);
        call.Reply.Bulk(text);
    }

    private static void Append(ref CommandCall call)
    {
        var key = call.Args.Key();
        var tail = call.Args.Bytes();
        var lookup = call.Find(key, ValueType.String, out var entry);
        if (lookup is Found.WrongType) return;
        if (lookup is Found.Absent)
        {
            call.Transaction.PutString(key, tail);
            call.Notify(KeyEventKinds.String, "append", key.Bytes);
            call.Reply.Integer(tail.Length);
            return;
        }
        var oldLength = entry.Value.Length;
        if (!LengthAllowed(ref call, oldLength, tail.Length)) return;
        var value = Rebuild(call, key, entry, oldLength + tail.Length);
        tail.CopyTo(value[oldLength..]);
        call.Notify(KeyEventKinds.String, "append", key.Bytes);
        call.Reply.Integer(value.Length);
    }

    private static void StrLen(ref CommandCall call)
    {
        var lookup = call.Find(call.Args.Key(), ValueType.String, out var entry);
        if (lookup is not Found.WrongType) call.Reply.Integer(lookup is Found.Present ? entry.Value.Length : 0);
    }

    private static void GetRange(ref CommandCall call)
    {
        var key = call.Args.Key();
        var start = call.Args.Int64();
        var end = call.Args.Int64();
        if (!call.ArgsValid()) return;
        var lookup = call.Find(key, ValueType.String, out var entry);
        if (lookup is Found.WrongType) return;
        call.Reply.Bulk(lookup is Found.Present ? Slice(entry.Value, start, end) : default);
    }

    /// <summary>From start to end, both included and both from the end if negative; empty if they are the wrong way round.</summary>
    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> value, long start, long end)
    {
        if (start < 0 && end < 0 && start > end) return default;
        if (start < 0) start = Math.Max(0, start + value.Length);
        if (end < 0) end = Math.Max(0, end + value.Length);
        end = Math.Min(end, value.Length - 1);
        return start > end ? default : value[(int)start..(int)(end + 1)];
    }

    private static void SetRange(ref CommandCall call)
    {
        var key = call.Args.Key();
        var offset = call.Args.Int64();
        if (offset < 0) call.Args.Fail(Errors.OffsetOutOfRange);
        var part = call.Args.Bytes();
        if (!call.ArgsValid()) return;
        var lookup = call.Find(key, ValueType.String, out var entry);
        if (lookup is Found.WrongType) return;
        var oldLength = lookup is Found.Present ? entry.Value.Length : 0;
        if (part.IsEmpty)
        {
            call.Reply.Integer(oldLength);
            return;
        }
        if (!LengthAllowed(ref call, offset, part.Length)) return;
        var length = Math.Max(oldLength, (int)offset + part.Length);
        var value = lookup is Found.Present
            ? Rebuild(call, key, entry, length)
            : call.Transaction.PutStringInPlace(key, length, raw: true);
        if (offset > oldLength) value[oldLength..(int)offset].Clear();
        part.CopyTo(value[(int)offset..]);
        call.Notify(KeyEventKinds.String, "setrange", key.Bytes);
        call.Reply.Integer(length);
    }

    /// <summary>A string of another length that begins with what the old one had; the rest is for the caller to fill.</summary>
    private static Span<byte> Rebuild(in CommandCall call, in Engine.Key key, in Entry entry, int length)
    {
        var old = entry.Value;
        var value = call.Transaction.PutStringInPlace(key, length, entry.DeadlineUnixMs, raw: true);
        old.CopyTo(value);
        return value;
    }

    private static bool LengthAllowed(ref CommandCall call, long length, long more)
    {
        if ((ulong)length + (ulong)more <= (ulong)call.Server.BulkSizeMax) return true;
        call.Reply.Error(Errors.StringTooLong);
        return false;
    }
}
