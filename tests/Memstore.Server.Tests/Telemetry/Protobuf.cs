using System.Buffers.Binary;
using System.Text;

namespace Memstore.Server.Tests.Telemetry;

/// <summary>The fields of a protobuf message, in their order: enough to read what an exporter sends without its schema.</summary>
internal readonly struct Protobuf(ReadOnlyMemory<byte> bytes)
{
    /// <summary>The messages, strings or bytes with a field's number.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> All(int field) => Fields().Where(each => each.Number == field).Select(static each => each.Bytes);

    /// <summary>The messages with a field's number.</summary>
    public IEnumerable<Protobuf> Messages(int field) => All(field).Select(static each => new Protobuf(each));

    /// <summary>The first string with a field's number; empty if there is none.</summary>
    public string Text(int field) => Encoding.UTF8.GetString(All(field).FirstOrDefault().Span);

    /// <summary>The first number with a field's number; null if there is none.</summary>
    public ulong? Number(int field) => Fields().Where(each => each.Number == field).Select(static each => (ulong?)each.Value).FirstOrDefault();

    private List<(int Number, ulong Value, ReadOnlyMemory<byte> Bytes)> Fields()
    {
        var fields = new List<(int, ulong, ReadOnlyMemory<byte>)>();
        for (var rest = bytes; !rest.IsEmpty;)
        {
            var tag = Varint(ref rest);
            var number = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    fields.Add((number, Varint(ref rest), default));
                    break;
                case 1:
                    fields.Add((number, BinaryPrimitives.ReadUInt64LittleEndian(rest.Span), default));
                    rest = rest[8..];
                    break;
                case 2:
                    var length = (int)Varint(ref rest);
                    fields.Add((number, 0, rest[..length]));
                    rest = rest[length..];
                    break;
                case 5:
                    fields.Add((number, BinaryPrimitives.ReadUInt32LittleEndian(rest.Span), default));
                    rest = rest[4..];
                    break;
                default:
                    throw new FormatException($"There is no wire type {tag & 7}.");
            }
        }

        return fields;
    }

    private static ulong Varint(ref ReadOnlyMemory<byte> rest)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var one = rest.Span[0];
            rest = rest[1..];
            value |= (ulong)(one & 127) << shift;
            if (one < 128) return value;
        }
    }
}
