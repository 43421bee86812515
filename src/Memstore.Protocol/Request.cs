namespace Memstore.Protocol;

/// <summary>Where one argument lies in <see cref="RequestBatch.Bytes"/>.</summary>
/// <param name="Offset">Its first byte.</param>
/// <param name="Length">Its length in bytes.</param>
public readonly record struct ArgumentFrame(int Offset, int Length);

/// <summary>
/// One request of a <see cref="RequestBatch"/>: the command's name and its arguments. A view, good until the batch reads again or
/// the buffer it read from is released.
/// </summary>
public readonly ref struct Request
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly ReadOnlySpan<ArgumentFrame> _frames;

    /// <summary>A view of arguments that were copied out of a batch.</summary>
    /// <param name="bytes">What the frames point into.</param>
    /// <param name="frames">The arguments, the command's name first.</param>
    public Request(ReadOnlySpan<byte> bytes, ReadOnlySpan<ArgumentFrame> frames)
    {
        _bytes = bytes;
        _frames = frames;
    }

    /// <summary>How many arguments there are, the command's name included; at least 1.</summary>
    public int ArgumentCount => _frames.Length;

    /// <summary>Where the arguments lie in <see cref="RequestBatch.Bytes"/>.</summary>
    public ReadOnlySpan<ArgumentFrame> Frames => _frames;

    /// <summary>The bytes of an argument; 0 is the command's name.</summary>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            var frame = _frames[index];
            return _bytes.Slice(frame.Offset, frame.Length);
        }
    }

    /// <summary>The request that is an argument and those after it, as COMMAND GETKEYS takes one.</summary>
    public Request Slice(int first) => new(_bytes, _frames[first..]);
}
