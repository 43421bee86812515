using System.Buffers;

namespace Memstore.Protocol.Tests;

/// <summary>Byte sequences in several segments, as pipes give them.</summary>
internal sealed class Segments : ReadOnlySequenceSegment<byte>
{
    private Segments(ReadOnlyMemory<byte> memory, long runningIndex)
    {
        Memory = memory;
        RunningIndex = runningIndex;
    }

    /// <summary>One sequence out of pieces; each piece is an array of its own.</summary>
    public static ReadOnlySequence<byte> Of(params IEnumerable<byte[]> pieces)
    {
        Segments? first = null;
        Segments? last = null;
        foreach (var piece in pieces)
        {
            var next = new Segments(piece, last is null ? 0 : last.RunningIndex + last.Memory.Length);
            if (last is null) first = next;
            else last.Next = next;
            last = next;
        }
        return first is null ? default : new ReadOnlySequence<byte>(first, 0, last!, last!.Memory.Length);
    }

    /// <summary>Bytes cut into pieces of one size.</summary>
    public static ReadOnlySequence<byte> Cut(byte[] bytes, int size) => Of(bytes.Chunk(size));

    /// <summary>Bytes cut at one place.</summary>
    public static ReadOnlySequence<byte> CutAt(byte[] bytes, int place) => Of(bytes[..place], bytes[place..]);
}
