using System.Buffers;
using System.Diagnostics;

namespace Memstore.Server.Http;

/// <summary>
/// What a request is answered, in pieces: a long answer is written without copies of what is there already, and is given back piece by piece as it is
/// sent. One user at a time.
/// </summary>
internal sealed class AnswerBuffer : IBufferWriter<byte>
{
    private const int FirstSize = 1024;
    private const int SizeMax = 1024 * 1024;

    /// <summary>A first piece that has grown beyond this is not kept, in bytes.</summary>
    private const int Kept = 256 * 1024;

    // Those that are full, each with what was written of it; then the one that is written.
    private readonly Queue<ReadOnlyMemory<byte>> _full = new();
    private byte[] _current = new byte[FirstSize];
    private int _used;

    /// <summary>Bytes that were written.</summary>
    public long Length { get; private set; }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        Debug.Assert(count <= _current.Length - _used, "No more was given.");
        _used += count;
        Length += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_current.Length - _used < Math.Max(1, sizeHint)) Grow(sizeHint);
        return _current.AsMemory(_used);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <summary>The next piece, which is the caller's then; false if there is none. Nothing is written after the first.</summary>
    public bool TryTake(out ReadOnlyMemory<byte> piece)
    {
        if (_full.TryDequeue(out piece)) return true;
        piece = _current.AsMemory(0, _used);
        _used = 0;
        return piece.Length > 0;
    }

    /// <summary>Is empty again.</summary>
    public void Clear()
    {
        _full.Clear();
        _used = 0;
        Length = 0;
        if (_current.Length > Kept) _current = new byte[FirstSize];
    }

    private void Grow(int sizeHint)
    {
        if (_used > 0) _full.Enqueue(_current.AsMemory(0, _used));
        _current = new byte[Math.Max(sizeHint, Math.Min(SizeMax, _current.Length * 2))];
        _used = 0;
    }
}
