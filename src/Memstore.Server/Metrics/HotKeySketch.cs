using System.Runtime.CompilerServices;

namespace Memstore.Server.Metrics;

/// <summary>By what keys are hot.</summary>
internal enum HotKeyMeasure
{
    /// <summary>Commands.</summary>
    Commands,

    /// <summary>Bytes of arguments and replies.</summary>
    Bytes,

    /// <summary>Nanoseconds in commands.</summary>
    Cpu,
}

/// <summary>What a key has cost, by <see cref="HotKeyMeasure"/>.</summary>
[InlineArray(Measures)]
internal struct HotKeyWeights
{
    /// <summary>How many measures there are.</summary>
    public const int Measures = 3;

    private double _first;
}

/// <summary>A key as the sketches know it: its bytes may be cut, its hash is whole.</summary>
/// <param name="Hash">The store's hash of the key, which nobody outside can foresee.</param>
/// <param name="Database">Its database.</param>
/// <param name="Slot">Its slot.</param>
/// <param name="Length">Its length in bytes.</param>
internal readonly record struct HotKeyName(ulong Hash, int Database, int Slot, int Length);

/// <summary>
/// The keys that weigh most in a stream, in bounded memory. Space-Saving (Metwally, Agrawal, El Abbadi 2005) with randomised admission (Ben Basat,
/// Chen, Einziger, Friedman, Kassner 2019, "Randomized Admission Policy for Efficient Top-k, Frequency, and Volume Estimation"): a key that is not
/// kept takes the place of the lightest one with the chance that its weight has against both together. So the many keys that
/// come once do not wash out those that come often, and a miss costs one lookup.
/// </summary>
// Threading: whoever holds the lock of its sampler.
internal sealed class HotKeySketch(HotKeyMeasure measure)
{
    /// <summary>Keys that are kept.</summary>
    public const int Capacity = 128;

    /// <summary>Bytes of a key that are kept.</summary>
    public const int KeySizeMax = 96;

    /// <summary>Bytes that a sketch occupies, about.</summary>
    public static readonly int Size = Capacity * (KeySizeMax + Unsafe.SizeOf<Entry>() + 32);

    // What a key must still weigh to be kept: fading takes what was used once out within a few minutes.
    private static readonly double[] Least = [0.25, 8, 250];

    private readonly Dictionary<HotKeyName, int> _places = new(Capacity);
    private readonly Entry[] _entries = new Entry[Capacity];
    private readonly byte[] _keys = new byte[Capacity * KeySizeMax];
    private readonly int _measure = (int)measure;
    private int _count;
    private int _lightest = -1;

    /// <summary>A key and its weights: that of the sketch's own measure is an estimate, at most the lightest key's too high; the others are what was seen of it.</summary>
    public struct Entry
    {
        /// <summary>Which key.</summary>
        public HotKeyName Name;

        /// <summary>What it weighs.</summary>
        public HotKeyWeights Weights;
    }

    /// <summary>How many keys it has.</summary>
    public int Count => _count;

    /// <summary>A key that it has.</summary>
    public ref readonly Entry this[int index] => ref _entries[index];

    /// <summary>The first bytes of a key that it has.</summary>
    public ReadOnlySpan<byte> KeyAt(int index) => _keys.AsSpan(index * KeySizeMax, Math.Min(KeySizeMax, _entries[index].Name.Length));

    /// <summary>Adds a use of a key.</summary>
    /// <param name="name">Which key.</param>
    /// <param name="key">Its bytes, at least as many as are kept.</param>
    /// <param name="weights">What the use cost.</param>
    /// <param name="chance">A number from 0 to 1, drawn at random.</param>
    public void Add(in HotKeyName name, ReadOnlySpan<byte> key, in HotKeyWeights weights, double chance)
    {
        var weight = weights[_measure];
        if (weight <= 0) return;
        if (_places.TryGetValue(name, out var place))
        {
            for (var i = 0; i < HotKeyWeights.Measures; i++) _entries[place].Weights[i] += weights[i];
            if (place == _lightest) _lightest = -1;
            return;
        }

        var inherited = 0.0;
        if (_count < Capacity)
        {
            place = _count++;
        }
        else
        {
            place = Lightest();
            inherited = _entries[place].Weights[_measure];
            if (chance * (inherited + weight) >= weight) return;
            _places.Remove(_entries[place].Name);
        }

        _places.Add(name, place);
        key[..Math.Min(KeySizeMax, key.Length)].CopyTo(_keys.AsSpan(place * KeySizeMax));
        _entries[place] = new Entry { Name = name, Weights = weights };
        _entries[place].Weights[_measure] += inherited;
        _lightest = -1;
    }

    /// <summary>Lets all weights fade, and forgets keys that weigh next to nothing.</summary>
    /// <param name="kept">The part that is kept, from 0 to 1.</param>
    public void Fade(double kept)
    {
        for (var place = _count - 1; place >= 0; place--)
        {
            for (var i = 0; i < HotKeyWeights.Measures; i++) _entries[place].Weights[i] *= kept;
            if (_entries[place].Weights[_measure] < Least[_measure]) RemoveAt(place);
        }
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        _places.Clear();
        _count = 0;
        _lightest = -1;
    }

    private int Lightest()
    {
        if (_lightest >= 0) return _lightest;
        var lightest = 0;
        for (var i = 1; i < _count; i++)
        {
            if (_entries[i].Weights[_measure] < _entries[lightest].Weights[_measure]) lightest = i;
        }

        return _lightest = lightest;
    }

    private void RemoveAt(int place)
    {
        _places.Remove(_entries[place].Name);
        _lightest = -1;
        if (place == --_count) return;
        _entries[place] = _entries[_count];
        _keys.AsSpan(_count * KeySizeMax, KeySizeMax).CopyTo(_keys.AsSpan(place * KeySizeMax));
        _places[_entries[place].Name] = place;
    }
}
