using System.Buffers.Text;
using System.Runtime.CompilerServices;
using Memstore.Engine;

namespace Memstore.Storage.Recovery;

/// <summary>
/// Reads the payload of a transaction: effects as RESP commands, exactly as they are written and nothing else (docs/storage.md). What it does
/// not know is an error: half of a transaction must never be applied.
/// </summary>
internal ref struct EffectParser
{
    private readonly EffectBatch _batch;
    private readonly ReadOnlySpan<byte> _bytes;
    private int _position;
    private int _database;

    private EffectParser(EffectBatch batch, int start, int database)
    {
        _batch = batch;
        _bytes = batch.Bytes;
        _position = start;
        _database = database;
    }

    /// <summary>Adds the effects of a transaction to a batch.</summary>
    /// <returns>False if the payload is not what a journal holds.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryParse(EffectBatch batch, int database, ReadOnlySpan<byte> payload)
    {
        var parser = new EffectParser(batch, batch.Copy(payload), database);
        while (parser._position < parser._bytes.Length)
        {
            if (!parser.TryReadEffect()) return false;
        }

        return true;
    }

    // *<count>\r\n, then $<length>\r\n<bytes>\r\n for each argument.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TryReadEffect()
    {
        var first = _batch.FrameCount;
        if (!TryReadNumber((byte)'*', out var count) || count < 1 || count > (_bytes.Length - _position) / 6) return false;
        for (var i = 0; i < count; i++)
        {
            if (!TryReadNumber((byte)'$', out var length) || length > _bytes.Length - _position - 2) return false;
            _batch.Add(new EffectFrame(_position, length));
            _position += length;
            if (_bytes[_position] != '\r' || _bytes[_position + 1] != '\n') return false;
            _position += 2;
        }

        return TryInterpret(first, count);
    }

    private readonly bool TryReadLineEnd(ref int position)
    {
        if (_bytes.Length - position < 2 || _bytes[position] != '\r' || _bytes[position + 1] != '\n') return false;
        position += 2;
        return true;
    }

    private bool TryReadNumber(byte type, out int number)
    {
        number = 0;
        var position = _position;
        if (position >= _bytes.Length || _bytes[position++] != type) return false;
        var digits = position;
        while (position < _bytes.Length && position - digits < 10 && (uint)(_bytes[position] - '0') <= 9)
        {
            var next = (number * 10L) + (_bytes[position++] - '0');
            if (next > Array.MaxLength) return false;
            number = (int)next;
        }

        if (position == digits || !TryReadLineEnd(ref position)) return false;
        _position = position;
        return true;
    }

    private readonly ReadOnlySpan<byte> Argument(int frame)
    {
        var (offset, length) = _batch.FramesFrom(frame)[0];
        return _bytes.Slice(offset, length);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TryInterpret(int first, int count)
    {
        var name = Argument(first);
        if (name.SequenceEqual("SELECT"u8)) return count == 2 && TryDatabase(first + 1, out _database);
        var effect = new Effect { Database = _database, FirstFrame = first + 1, Count = count - 1 };
        var isGood = name.Length switch
        {
            3 when name.SequenceEqual("SET"u8) => TryPut(ref effect),
            3 when name.SequenceEqual("DEL"u8) => Is(ref effect, EffectKind.Delete, count == 2),
            4 when name.SequenceEqual("HSET"u8) => Is(ref effect, EffectKind.SetFields, count >= 4 && count % 2 == 0),
            4 when name.SequenceEqual("HDEL"u8) => Is(ref effect, EffectKind.RemoveFields, count >= 3),
            4 when name.SequenceEqual("COPY"u8) => TryCopy(ref effect),
            6 when name.SequenceEqual("SWAPDB"u8) => TrySwap(ref effect),
            7 when name.SequenceEqual("FLUSHDB"u8) => Is(ref effect, EffectKind.Flush, count == 1),
            7 when name.SequenceEqual("PERSIST"u8) => Is(ref effect, EffectKind.Deadline, count == 2),
            9 when name.SequenceEqual("PEXPIREAT"u8) =>
                Is(ref effect, EffectKind.Deadline, count == 3) && TryDeadline(effect.FirstFrame + 1, out effect.DeadlineUnixMs),
            _ => false,
        };
        if (isGood) _batch.Add(effect);
        return isGood;
    }

    private static bool Is(ref Effect effect, EffectKind kind, bool isGood)
    {
        effect.Kind = kind;
        return isGood;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly bool TryPut(ref Effect effect)
    {
        effect.Kind = EffectKind.Put;
        if (effect.Count < 2) return false;
        var left = effect.Count - 2;
        var next = effect.FirstFrame + 2;
        if (left >= 2 && Argument(next).SequenceEqual("PXAT"u8))
        {
            if (!TryDeadline(next + 1, out effect.DeadlineUnixMs)) return false;
            next += 2;
            left -= 2;
        }

        effect.IsRaw = left == 1 && Argument(next).SequenceEqual("RAW"u8);
        effect.HasMediaType = left == 2 && Argument(next).SequenceEqual("MEDIATYPE"u8) && Argument(next + 1).Length is > 0 and <= Transaction.MediaTypeMax;
        return left == 0 || effect.IsRaw || effect.HasMediaType;
    }

    private readonly bool TryCopy(ref Effect effect)
    {
        effect.Kind = EffectKind.Copy;
        return effect.Count == 5
            && Argument(effect.FirstFrame + 2).SequenceEqual("DB"u8)
            && TryDatabase(effect.FirstFrame + 3, out effect.OtherDatabase)
            && Argument(effect.FirstFrame + 4).SequenceEqual("REPLACE"u8);
    }

    private readonly bool TrySwap(ref Effect effect)
    {
        effect.Kind = EffectKind.Swap;
        return effect.Count == 2
            && TryDatabase(effect.FirstFrame, out effect.Database)
            && TryDatabase(effect.FirstFrame + 1, out effect.OtherDatabase);
    }

    private readonly bool TryDatabase(int frame, out int database)
    {
        var isNumber = TryInteger(frame, out var number) && number is >= 0 and <= ushort.MaxValue;
        database = isNumber ? (int)number : 0;
        return isNumber;
    }

    private readonly bool TryDeadline(int frame, out long deadline) => TryInteger(frame, out deadline) && deadline != 0;

    private readonly bool TryInteger(int frame, out long number)
    {
        var text = Argument(frame);
        return Utf8Parser.TryParse(text, out number, out var used) && used == text.Length;
    }
}
