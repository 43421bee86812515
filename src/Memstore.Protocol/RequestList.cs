using System.Text;

namespace Memstore.Protocol;

/// <summary>
/// Requests that are made in this process and not received: what a REST request asks for, in the shape that
/// <see cref="RequestBatch.Take"/> takes. Not thread-safe; reused after <see cref="Clear"/>.
/// </summary>
public sealed class RequestList : IDisposable
{
    private const int BytesKept = 64 * 1024;

    private byte[] _bytes = [];
    private int _length;
    private readonly List<ArgumentFrame> _frames = [];
    private readonly List<int> _firstFrame = [0];

    /// <summary>How many requests there are, the one that is being made included.</summary>
    public int Count => _firstFrame.Count - 1;

    /// <summary>How many arguments all requests have, their names included.</summary>
    public int ArgumentCount => _frames.Count;

    /// <summary>Bytes of all arguments.</summary>
    public int Size => _length;

    /// <summary>The arguments of all requests in order.</summary>
    internal List<ArgumentFrame> Frames => _frames;

    /// <summary>Where the frames of each request begin; one more at the end.</summary>
    internal List<int> FirstFrame => _firstFrame;

    /// <summary>What the frames point into.</summary>
    internal byte[] Bytes => _bytes;

    /// <summary>Begins a request: what is added next is its name.</summary>
    public void Start() => _firstFrame.Add(_frames.Count);

    /// <summary>Adds an argument to the request that was begun last.</summary>
    /// <exception cref="ArgumentException">All arguments together are longer than an array can be.</exception>
    public void Add(ReadOnlySpan<byte> argument)
    {
        argument.CopyTo(Reserve(argument.Length));
        Commit(argument.Length);
    }

    /// <summary>Adds an argument in UTF-8.</summary>
    /// <exception cref="ArgumentException">All arguments together are longer than an array can be.</exception>
    public void Add(ReadOnlySpan<char> argument) =>
        Commit(Encoding.UTF8.GetBytes(argument, Reserve(Encoding.UTF8.GetMaxByteCount(argument.Length))));

    /// <summary>Room for an argument of at most so many bytes; <see cref="Commit"/> adds it.</summary>
    public Span<byte> Reserve(int length)
    {
        if (_bytes.Length - _length < length) Grow(length);
        return _bytes.AsSpan(_length);
    }

    /// <summary>Adds the bytes that were written to what <see cref="Reserve"/> gave.</summary>
    public void Commit(int length)
    {
        _frames.Add(new ArgumentFrame(_length, length));
        _firstFrame[^1] = _frames.Count;
        _length += length;
    }

    /// <summary>A request by its place, for whoever looks before it runs. Good until the list changes.</summary>
    public Request this[int index]
    {
        get
        {
            var first = _firstFrame[index];
            return new Request(_bytes, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_frames)[first.._firstFrame[index + 1]]);
        }
    }

    /// <summary>Forgets all requests.</summary>
    public void Clear()
    {
        _frames.Clear();
        _firstFrame.Clear();
        _firstFrame.Add(0);
        _length = 0;
        if (_bytes.Length <= BytesKept) return;
        Arrays<byte>.Return(_bytes);
        _bytes = [];
    }

    /// <summary>Forgets all requests and gives the memory back.</summary>
    public void Dispose()
    {
        Clear();
        Arrays<byte>.Return(_bytes);
        _bytes = [];
    }

    private void Grow(int length)
    {
        var wanted = (long)_length + length;
        if (wanted > Array.MaxLength) throw new ArgumentException("All arguments together are longer than 2 GB.", nameof(length));
        var grown = Arrays<byte>.Rent((int)Math.Min(Array.MaxLength, Math.Max(wanted, _bytes.Length * 2L)));
        _bytes.AsSpan(0, _length).CopyTo(grown);
        Arrays<byte>.Return(_bytes);
        _bytes = grown;
    }
}
