using Memstore.Engine.Values;

namespace Memstore.Storage.Recovery;

/// <summary>
/// The effects of some transactions, copied and parsed once, to be applied by several threads. Filled by one thread, then only read until
/// all have let it go.
/// </summary>
internal sealed class EffectBatch
{
    private const int FirstBytes = 64 * 1024;
    private const int BytesKept = 4 << 20;

    private byte[] _bytes = new byte[FirstBytes];
    private EffectFrame[] _frames = new EffectFrame[4_096];
    private Effect[] _effects = new Effect[1_024];

    /// <summary>Bytes in it.</summary>
    public int ByteCount { get; private set; }

    /// <summary>Threads that have not let it go.</summary>
    public int Users;

    /// <summary>The effects in order.</summary>
    public ReadOnlySpan<Effect> Effects => _effects.AsSpan(0, EffectCount);

    /// <summary>How many effects there are.</summary>
    public int EffectCount { get; private set; }

    /// <summary>One of them, to be routed.</summary>
    public ref Effect this[int index] => ref _effects[index];

    /// <summary>How many frames there are.</summary>
    internal int FrameCount { get; private set; }

    /// <summary>An argument of an effect, from 0, the command's name left out.</summary>
    public ReadOnlySpan<byte> Argument(in Effect effect, int index)
    {
        var frame = _frames[effect.FirstFrame + index];
        return _bytes.AsSpan(frame.Offset, frame.Length);
    }

    /// <summary>The arguments after the key as fields with values.</summary>
    public EffectFields FieldsWithValues(in Effect effect) =>
        new(_bytes, _frames.AsSpan(effect.FirstFrame + 1, effect.Count - 1), 2);

    /// <summary>The arguments after the key as fields.</summary>
    public EffectFields Fields(in Effect effect) => new(_bytes, _frames.AsSpan(effect.FirstFrame + 1, effect.Count - 1), 1);

    /// <summary>Makes it empty.</summary>
    public void Clear()
    {
        // What one long transaction needed is not kept for the next.
        if (_bytes.Length > BytesKept) _bytes = new byte[FirstBytes];
        ByteCount = 0;
        EffectCount = 0;
        FrameCount = 0;
    }

    /// <summary>Copies a payload; answers where it is now.</summary>
    internal int Copy(ReadOnlySpan<byte> payload)
    {
        var at = ByteCount;
        if (_bytes.Length - at < payload.Length)
            Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(2L * _bytes.Length, (long)at + payload.Length)));
        payload.CopyTo(_bytes.AsSpan(at));
        ByteCount += payload.Length;
        return at;
    }

    /// <summary>Adds an argument.</summary>
    internal void Add(EffectFrame frame)
    {
        if (FrameCount == _frames.Length) Array.Resize(ref _frames, 2 * FrameCount);
        _frames[FrameCount++] = frame;
    }

    /// <summary>Adds an effect.</summary>
    internal void Add(in Effect effect)
    {
        if (EffectCount == _effects.Length) Array.Resize(ref _effects, 2 * EffectCount);
        _effects[EffectCount++] = effect;
    }

    /// <summary>All bytes, for the parser.</summary>
    internal ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, ByteCount);

    /// <summary>The frames from one on, for the parser.</summary>
    internal ReadOnlySpan<EffectFrame> FramesFrom(int first) => _frames.AsSpan(first, FrameCount - first);
}

/// <summary>Fields of one effect, as the engine takes them.</summary>
internal readonly ref struct EffectFields(ReadOnlySpan<byte> bytes, ReadOnlySpan<EffectFrame> frames, int step) : IFieldValues
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly ReadOnlySpan<EffectFrame> _frames = frames;

    /// <inheritdoc/>
    public int Count => _frames.Length / step;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Field(int index) => At(index * step);

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Value(int index) => At((index * step) + 1);

    private ReadOnlySpan<byte> At(int index) => _bytes.Slice(_frames[index].Offset, _frames[index].Length);
}
