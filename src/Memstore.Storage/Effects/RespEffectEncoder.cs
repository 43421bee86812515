using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Memstore.Engine;
using Memstore.Engine.Journaling;
using Memstore.Engine.Values;
using Memstore.Protocol;

namespace Memstore.Storage.Effects;

/// <summary>
/// Effects as RESP commands (docs/storage.md): the bytes that a journal keeps, and that whoever follows it can run. Only absolute statements:
/// a deadline is a moment, a counter is its value.
/// </summary>
public sealed class RespEffectEncoder : IEffectEncoder
{
    // $<length>\r\n and \r\n around an argument, with a length of up to ten digits.
    private const int ArgumentOverhead = 15;

    // *<count>\r\n.
    private const int CommandOverhead = 13;
    private const int NumberMax = 20;

    // \r\n, on a little-endian processor.
    private const ushort LineEnd = 0x0A0D;

    private static ReadOnlySpan<byte> PlainSetStart => "*3\r\n$3\r\nSET\r\n$"u8;

    /// <inheritdoc/>
    public void Select(IBufferWriter<byte> output, int database)
    {
        var command = new CommandSpan(output, 2, 6 + NumberMax);
        command.Add("SELECT"u8);
        command.Add(database);
        command.End();
    }

    /// <inheritdoc/>
    public void Put(IBufferWriter<byte> output, in Key key, in Entry entry)
    {
        var value = entry.Value;
        var deadline = entry.DeadlineUnixMs;
        var isRaw = entry.IsRaw;
        var mediaType = entry.MediaType;
        if (deadline == 0 && !isRaw && mediaType.IsEmpty)
        {
            PutPlain(output, key.Bytes, value);
            return;
        }

        // What is built in place has no media type.
        var count = 3 + (deadline != 0 ? 2 : 0) + (isRaw ? 1 : 0) + (mediaType.IsEmpty ? 0 : 2);
        var command = new CommandSpan(output, count, 3L + key.Bytes.Length + value.Length + 4 + NumberMax + 3 + 9 + mediaType.Length);
        command.Add("SET"u8);
        command.Add(key.Bytes);
        command.Add(value);
        if (deadline != 0)
        {
            command.Add("PXAT"u8);
            command.Add(deadline);
        }

        if (isRaw) command.Add("RAW"u8);
        if (!mediaType.IsEmpty)
        {
            command.Add("MEDIATYPE"u8);
            command.Add(mediaType);
        }

        command.End();
    }

    /// <inheritdoc/>
    public void Delete(IBufferWriter<byte> output, in Key key)
    {
        var command = new CommandSpan(output, 2, 3L + key.Bytes.Length);
        command.Add("DEL"u8);
        command.Add(key.Bytes);
        command.End();
    }

    /// <inheritdoc/>
    public void Deadline(IBufferWriter<byte> output, in Key key, long deadlineUnixMs)
    {
        var command = new CommandSpan(output, deadlineUnixMs == 0 ? 2 : 3, 9L + key.Bytes.Length + NumberMax);
        command.Add(deadlineUnixMs == 0 ? "PERSIST"u8 : "PEXPIREAT"u8);
        command.Add(key.Bytes);
        if (deadlineUnixMs != 0) command.Add(deadlineUnixMs);
        command.End();
    }

    /// <inheritdoc/>
    public void SetFields<TPairs>(IBufferWriter<byte> output, in Key key, scoped TPairs pairs)
        where TPairs : IFieldValues, allows ref struct
    {
        var size = 4L + key.Bytes.Length;
        for (var i = 0; i < pairs.Count; i++) size += pairs.Field(i).Length + pairs.Value(i).Length;
        var command = new CommandSpan(output, 2 + (2 * pairs.Count), size);
        command.Add("HSET"u8);
        command.Add(key.Bytes);
        for (var i = 0; i < pairs.Count; i++)
        {
            command.Add(pairs.Field(i));
            command.Add(pairs.Value(i));
        }

        command.End();
    }

    /// <inheritdoc/>
    public void RemoveFields<TFields>(IBufferWriter<byte> output, in Key key, scoped TFields fields)
        where TFields : IFields, allows ref struct
    {
        var size = 4L + key.Bytes.Length;
        for (var i = 0; i < fields.Count; i++) size += fields.Field(i).Length;
        var command = new CommandSpan(output, 2 + fields.Count, size);
        command.Add("HDEL"u8);
        command.Add(key.Bytes);
        for (var i = 0; i < fields.Count; i++) command.Add(fields.Field(i));
        command.End();
    }

    /// <inheritdoc/>
    public void Copy(IBufferWriter<byte> output, in Key source, int destinationDatabase, in Key destination)
    {
        var command = new CommandSpan(output, 6, 4L + source.Bytes.Length + destination.Bytes.Length + 2 + NumberMax + 7);
        command.Add("COPY"u8);
        command.Add(source.Bytes);
        command.Add(destination.Bytes);
        command.Add("DB"u8);
        command.Add(destinationDatabase);
        command.Add("REPLACE"u8);
        command.End();
    }

    /// <inheritdoc/>
    public void Flush(IBufferWriter<byte> output)
    {
        var command = new CommandSpan(output, 1, 7);
        command.Add("FLUSHDB"u8);
        command.End();
    }

    /// <inheritdoc/>
    public void Swap(IBufferWriter<byte> output, int first, int second)
    {
        var command = new CommandSpan(output, 3, 6 + (2 * NumberMax));
        command.Add("SWAPDB"u8);
        command.Add(first);
        command.Add(second);
        command.End();
    }

    // SET key value, which is most of a journal, without a check for each byte.
    private static void PutPlain(IBufferWriter<byte> output, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var room = output.GetSpan(checked(PlainSetStart.Length + (2 * ArgumentOverhead) + key.Length + value.Length));
        PlainSetStart.CopyTo(room);
        var length = PlainSetStart.Length;
        length += WriteBulk(room[length..], key);
        room[length++] = (byte)'$';
        length += WriteBulk(room[length..], value);
        output.Advance(length);
    }

    // An argument after its $. The room is enough for one of ten digits.
    private static int WriteBulk(Span<byte> room, ReadOnlySpan<byte> argument)
    {
        ref var first = ref MemoryMarshal.GetReference(room);
        var length = argument.Length;
        var at = 1;
        if (length < 10) first = (byte)('0' + length);
        else if (length < 100) Unsafe.WriteUnaligned(ref first, (ushort)(0x3030 + (length / 10) + ((length % 10) << 8)));
        if (length >= 10) at = length < 100 ? 2 : RespNumber.FormatInt64(length, room);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref first, at), LineEnd);
        at += sizeof(ushort);
        argument.CopyTo(room[at..]);
        at += length;
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref first, at), LineEnd);
        return at + sizeof(ushort);
    }

    /// <summary>One command, written into room that is enough for all of it.</summary>
    private ref struct CommandSpan
    {
        private readonly IBufferWriter<byte> _output;
        private readonly Span<byte> _span;
        private int _length;

        public CommandSpan(IBufferWriter<byte> output, int count, long size)
        {
            _output = output;
            _span = output.GetSpan(checked((int)(size + CommandOverhead + ((long)count * ArgumentOverhead))));
            Header((byte)'*', count);
        }

        public void Add(scoped ReadOnlySpan<byte> argument)
        {
            Header((byte)'$', argument.Length);
            argument.CopyTo(_span[_length..]);
            _length += argument.Length;
            EndLine();
        }

        public void Add(long number)
        {
            Span<byte> digits = stackalloc byte[NumberMax];
            Add(digits[..RespNumber.FormatInt64(number, digits)]);
        }

        public readonly void End() => _output.Advance(_length);

        private void Header(byte type, int number)
        {
            _span[_length++] = type;
            if (number < 10) _span[_length++] = (byte)('0' + number);
            else if (number < 100)
            {
                _span[_length++] = (byte)('0' + (number / 10));
                _span[_length++] = (byte)('0' + (number % 10));
            }
            else
            {
                _length += RespNumber.FormatInt64(number, _span[_length..]);
            }

            EndLine();
        }

        private void EndLine()
        {
            _span[_length++] = (byte)'\r';
            _span[_length++] = (byte)'\n';
        }
    }
}
