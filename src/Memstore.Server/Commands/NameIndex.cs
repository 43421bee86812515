using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;

namespace Memstore.Server.Commands;

/// <summary>
/// Finds a command by the bytes of its name, in any case, without allocating. Immutable.
/// </summary>
/// <remarks>
/// The first and the last eight bytes of a name are read as numbers (overlapping in a short one) and made upper case with one mask each,
/// so most names compare in two steps. Open addressing at a quarter full makes the second probe rare.
/// </remarks>
internal sealed class NameIndex
{
    private const ulong UpperCase = 0xDFDF_DFDF_DFDF_DFDF;

    private readonly Place[] _places;
    private readonly int _shift;

    /// <summary>Makes the index.</summary>
    /// <exception cref="ArgumentException">Two commands have the same name.</exception>
    public NameIndex(IEnumerable<(string Name, Command Command)> commands)
    {
        var rows = commands.ToArray();
        var bits = Math.Max(4, (int)Math.Ceiling(Math.Log2(rows.Length * 4 + 1)));
        _places = new Place[1 << bits];
        _shift = 64 - bits;
        foreach (var (name, command) in rows) Add(name, command);
    }

    /// <summary>The command with this name in any case, or null.</summary>
    public Command? Find(ReadOnlySpan<byte> name)
    {
        Read(name, out var head, out var tail);
        for (var i = StartOf(head, tail, name.Length); ; i = (i + 1) & (_places.Length - 1))
        {
            ref readonly var place = ref _places[i];
            if (place.Command is null) return null;
            if ((head & place.HeadMask) != place.Head || (tail & place.TailMask) != place.Tail || place.Name.Length != name.Length) continue;
            if (name.Length <= 16 || Ascii.EqualsIgnoreCase(name, place.Name)) return place.Command;
        }
    }

    private void Add(string name, Command command)
    {
        var bytes = Encoding.ASCII.GetBytes(name.ToUpperInvariant());
        if (Find(bytes) is not null) throw new ArgumentException($"Two commands have the name {name}.", nameof(name));

        // Only letters may differ in case: '-' and '\r' differ in that bit too.
        var masks = bytes.Select(value => char.IsAsciiLetter((char)value) ? (byte)0xDF : (byte)0xFF).ToArray();
        Read(bytes, out var head, out var tail);
        Read(masks, out var headMask, out var tailMask);
        var i = StartOf(head, tail, bytes.Length);
        while (_places[i].Command is not null) i = (i + 1) & (_places.Length - 1);
        _places[i] = new Place(head, headMask, tail, tailMask, bytes, command);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Read(ReadOnlySpan<byte> name, out ulong head, out ulong tail)
    {
        tail = 0;
        if (name.Length >= 8)
        {
            head = BinaryPrimitives.ReadUInt64LittleEndian(name);
            tail = BinaryPrimitives.ReadUInt64LittleEndian(name[^8..]);
        }
        else if (name.Length >= 4)
        {
            head = BinaryPrimitives.ReadUInt32LittleEndian(name) | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(name[^4..]) << 32);
        }
        else
        {
            head = name.Length == 0 ? 0 : name[0] | ((ulong)name[name.Length >> 1] << 8) | ((ulong)name[^1] << 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int StartOf(ulong head, ulong tail, int length) =>
        (int)((((head & UpperCase) ^ BitOperations.RotateLeft(tail & UpperCase, 29) ^ (ulong)length) * 0x9E37_79B9_7F4A_7C15) >> _shift);

    private readonly record struct Place(ulong Head, ulong HeadMask, ulong Tail, ulong TailMask, byte[] Name, Command? Command);
}
