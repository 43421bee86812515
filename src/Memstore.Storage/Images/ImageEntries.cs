using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Memstore.Engine;
using Memstore.Engine.Values;

namespace Memstore.Storage.Images;

/// <summary>Walks over the entries of a block. Nothing is trusted: what makes no sense is <see cref="IsMalformed"/>.</summary>
internal ref struct ImageEntries
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly int _entries;
    private int[] _frames;
    private int _position;
    private int _seen;
    private int _fields;

    /// <summary>Starts before the first entry.</summary>
    /// <param name="block">The block.</param>
    /// <param name="frames">Room for the places of fields; grown when needed, so that the caller may use it again.</param>
    public ImageEntries(ImageBlock block, int[] frames)
    {
        _bytes = block.Payload;
        _entries = block.Entries;
        _frames = frames;
    }

    /// <summary>The entry's key.</summary>
    public ReadOnlySpan<byte> Key { get; private set; }

    /// <summary>When it expires, in milliseconds of Unix time; 0 if it does not.</summary>
    public long DeadlineUnixMs { get; private set; }

    /// <summary>Whether it is a hash, or a part of one.</summary>
    public bool IsHash { get; private set; }

    /// <summary>Whether it is a string that was built in place.</summary>
    public bool IsRaw { get; private set; }

    /// <summary>The media type of a string; empty if it has none.</summary>
    public ReadOnlySpan<byte> MediaType { get; private set; }

    /// <summary>Whether an earlier entry began the same hash.</summary>
    public bool IsContinuation { get; private set; }

    /// <summary>The bytes of a string.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>The fields of a hash.</summary>
    public readonly ImageFields Fields => new(_bytes, _frames, _fields);

    /// <summary>Room for the places of fields.</summary>
    public readonly int[] Frames => _frames;

    /// <summary>Where in the payload the walk is.</summary>
    public readonly int Position => _position;

    /// <summary>The walk ended at bytes that are no entry.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>Goes to the next entry; false at the end and at bytes that are none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool MoveNext()
    {
        if (_seen == _entries)
        {
            IsMalformed = _position != _bytes.Length;
            return false;
        }

        _seen++;
        IsMalformed = !TryReadEntry();
        return !IsMalformed;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TryReadEntry()
    {
        if (_position >= _bytes.Length) return false;
        var type = _bytes[_position++];
        if ((type & ~ImageFormat.FlagsKnown) != 0) return false;
        IsHash = (type & ImageFormat.TypeMask) == ImageFormat.HashType;
        IsRaw = (type & ImageFormat.TypeMask) == ImageFormat.RawStringType;
        IsContinuation = (type & ImageFormat.ContinuationFlag) != 0;
        if (!TryReadBytes(out var key)) return false;
        Key = key;
        if (!TryReadDeadline((type & ImageFormat.DeadlineFlag) != 0)) return false;
        if (IsHash) return TryReadFields();
        if ((type & ImageFormat.TypeMask) is not (ImageFormat.StringType or ImageFormat.RawStringType or ImageFormat.TypedStringType) || IsContinuation) return false;
        if (!TryReadMediaType((type & ImageFormat.TypeMask) == ImageFormat.TypedStringType)) return false;
        if (!TryReadBytes(out var value)) return false;
        Value = value;
        return true;
    }

    private bool TryReadMediaType(bool isThere)
    {
        MediaType = default;
        if (!isThere) return true;
        if (!TryReadBytes(out var mediaType) || mediaType.Length is 0 or > Transaction.MediaTypeMax) return false;
        MediaType = mediaType;
        return true;
    }

    private bool TryReadDeadline(bool isThere)
    {
        DeadlineUnixMs = 0;
        if (!isThere) return true;
        if (_bytes.Length - _position < ImageFormat.DeadlineSize) return false;
        var deadline = _bytes.Slice(_position, ImageFormat.DeadlineSize);
        DeadlineUnixMs = BinaryPrimitives.ReadUInt32LittleEndian(deadline) | ((long)BinaryPrimitives.ReadUInt16LittleEndian(deadline[4..]) << 32);
        _position += ImageFormat.DeadlineSize;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TryReadFields()
    {
        if (_bytes.Length - _position < sizeof(uint)) return false;
        var count = BinaryPrimitives.ReadUInt32LittleEndian(_bytes[_position..]);
        _position += sizeof(uint);
        // A field takes two bytes at least, so that no number makes us take room that the file does not have.
        if (count == 0 || count > (uint)(_bytes.Length - _position) / 2) return false;
        _fields = (int)count;
        if (_frames.Length < _fields * 4) _frames = new int[_fields * 4];
        for (var i = 0; i < _fields * 4; i += 2)
        {
            if (!Varint.TryRead(_bytes, ref _position, out var length) || length > _bytes.Length - _position) return false;
            _frames[i] = _position;
            _frames[i + 1] = length;
            _position += length;
        }

        return true;
    }

    private bool TryReadBytes(out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (!Varint.TryRead(_bytes, ref _position, out var length) || length > _bytes.Length - _position) return false;
        bytes = _bytes.Slice(_position, length);
        _position += length;
        return true;
    }
}

/// <summary>The fields of one entry, as the engine takes them.</summary>
internal readonly ref struct ImageFields(ReadOnlySpan<byte> bytes, int[] frames, int count) : IFieldValues
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <inheritdoc/>
    public int Count => count;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Field(int index) => _bytes.Slice(frames[4 * index], frames[(4 * index) + 1]);

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Value(int index) => _bytes.Slice(frames[(4 * index) + 2], frames[(4 * index) + 3]);
}
