namespace Memstore.Server.CommandLine.Bench;

/// <summary>Bytes on their way to a socket.</summary>
internal sealed class SendBuffer
{
    private byte[] _bytes = new byte[4_096];
    private int _start;
    private int _end;

    public ReadOnlySpan<byte> Waiting => _bytes.AsSpan(_start, _end - _start);

    /// <summary>The same, for calls that end later.</summary>
    public ReadOnlyMemory<byte> WaitingMemory => _bytes.AsMemory(_start, _end - _start);

    public Span<byte> Reserve(int size)
    {
        if (_end + size > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _end + size));
        _end += size;
        return _bytes.AsSpan(_end - size, size);
    }

    public void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Reserve(bytes.Length));

    public void Sent(int size)
    {
        _start += size;
        if (_start == _end) _start = _end = 0;
    }
}
