using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Memstore.Engine.Memory;

/// <summary>An entry on its way into a leaf: with its bytes, or with the block that holds them.</summary>
internal readonly unsafe ref struct TreeCell
{
    public readonly uint Order;
    public readonly ReadOnlySpan<byte> Field;
    private readonly ReadOnlySpan<byte> _value;
    private readonly TreeBlock* _block;

    public TreeCell(uint order, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, TreeBlock* block)
    {
        Order = order;
        Field = field;
        _value = value;
        _block = block;
    }

    /// <summary>Bytes in the leaf beside the slot.</summary>
    public int Size => _block is null ? Field.Length + _value.Length : sizeof(TreeBlock*);

    public ulong SlotAt(int at)
    {
        var bits = _block is null ? ((uint)Field.Length << 8) | (uint)_value.Length : TreeLeaf.InBlock;
        return ((ulong)Order << 32) | ((uint)at << 16) | bits;
    }

    public void WriteTo(byte* destination)
    {
        if (_block is not null)
        {
            *(TreeBlock**)destination = _block;
            return;
        }

        Field.CopyTo(new Span<byte>(destination, Field.Length));
        _value.CopyTo(new Span<byte>(destination + Field.Length, _value.Length));
    }
}

/// <summary>Leaves for entries of field and value, ordered by 32 bits of the field's hash and then by the field's bytes.</summary>
// After the head come slots of 8 bytes in the order of the entries, growing up; from the end come cells (field and value
// without gap, or the address of a block) in the order of arrival, growing down. A slot is
//
//   bits 63-32  hash      bit 31  in a block      bits 30-16  where the cell starts
//   bits 15-8   length of the field               bits 7-0    length of the value
//
// so slots are searched without looking at cells. 8 + 8 bytes take 24 here; full at about 69 % as B-trees are, that is 35.
// Leaves of 2 KiB were slower, 320 ns instead of 260 for a field of a million; of 8 KiB they would cost a snapshot's writers more,
// who copy a leaf at its first change.
internal static unsafe class TreeLeaf
{
    public const int Size = 4096;
    public const int Capacity = Size - TreeNode.HeadSize;
    public const int SlotSize = sizeof(ulong);

    /// <summary>A leaf with fewer bytes in use looks for a neighbour to join or share with.</summary>
    public const int Sparse = Capacity / 4;

    /// <summary>Two leaves that use no more together become one; less than all, so that the next insertion does not split it.</summary>
    public const int JoinedMax = Capacity * 7 / 8;

    /// <summary>Longest field or value that lies in a leaf.</summary>
    public const int InlineMax = 255;

    public const uint InBlock = 1u << 31;

    public static int Used(TreeNode* leaf) => (leaf->Count * SlotSize) + leaf->Live;

    public static ulong* Slots(TreeNode* leaf) => (ulong*)((byte*)leaf + TreeNode.HeadSize);

    public static uint OrderOf(ulong slot) => (uint)(slot >> 32);

    public static int CellSize(ulong slot)
        => (slot & InBlock) != 0 ? sizeof(TreeBlock*) : (int)((slot >> 8) & 255) + (int)(slot & 255);

    public static byte* CellOf(TreeNode* leaf, ulong slot) => (byte*)leaf + ((slot >> 16) & 0x7FFF);

    /// <summary>The block of the entry in a slot, or null if it lies in the leaf.</summary>
    public static TreeBlock* BlockOf(TreeNode* leaf, ulong slot) => (slot & InBlock) != 0 ? *(TreeBlock**)CellOf(leaf, slot) : null;

    public static ReadOnlySpan<byte> FieldOf(TreeNode* leaf, ulong slot)
    {
        var block = BlockOf(leaf, slot);
        return block is null
            ? new ReadOnlySpan<byte>(CellOf(leaf, slot), (int)((slot >> 8) & 255))
            : new ReadOnlySpan<byte>(block + 1, block->FieldLength);
    }

    public static ReadOnlySpan<byte> ValueOf(TreeNode* leaf, ulong slot)
    {
        var block = BlockOf(leaf, slot);
        return block is null
            ? new ReadOnlySpan<byte>(CellOf(leaf, slot) + ((slot >> 8) & 255), (int)(slot & 255))
            : new ReadOnlySpan<byte>((byte*)(block + 1) + block->FieldLength, block->ValueLength);
    }

    /// <summary>The first slot whose hash is not below the given one.</summary>
    public static int FindOrder(TreeNode* leaf, uint order)
        => OrderedWords.LowerBound(Slots(leaf), 0, leaf->Count, (ulong)order << 32, 32);

    /// <summary>Where a field is or would be.</summary>
    public static int Find(TreeNode* leaf, uint order, ReadOnlySpan<byte> field, out bool found)
    {
        var slots = Slots(leaf);
        var index = FindOrder(leaf, order);
        for (; index < leaf->Count && OrderOf(slots[index]) == order; index++)
        {
            var compared = FieldOf(leaf, slots[index]).SequenceCompareTo(field);
            if (compared < 0) continue;

            found = compared == 0;
            return index;
        }

        found = false;
        return index;
    }

    /// <summary>Whether the entry at an index comes after the given field.</summary>
    public static bool IsAfter(TreeNode* leaf, int index, uint order, ReadOnlySpan<byte> field)
    {
        var slot = Slots(leaf)[index];
        return OrderOf(slot) != order ? OrderOf(slot) > order : FieldOf(leaf, slot).SequenceCompareTo(field) > 0;
    }

    /// <summary>Puts an entry before the one at an index. There must be room.</summary>
    public static void Insert(TreeNode* leaf, int index, scoped in TreeCell cell)
    {
        MakeRoom(leaf, SlotSize + cell.Size);
        var slots = Slots(leaf);
        new Span<ulong>(slots + index, leaf->Count - index).CopyTo(new Span<ulong>(slots + index + 1, leaf->Count - index));
        leaf->Count++;
        Put(leaf, index, cell);
    }

    /// <summary>Puts an entry with the same field in the place of another. There must be room.</summary>
    public static void Replace(TreeNode* leaf, int index, scoped in TreeCell cell)
    {
        ref var slot = ref Slots(leaf)[index];
        var oldSize = CellSize(slot);
        if (cell.Size <= oldSize)
        {
            var at = CellOf(leaf, slot);
            cell.WriteTo(at);
            slot = cell.SlotAt((int)(at - (byte*)leaf));
            leaf->Live -= (ushort)(oldSize - cell.Size);
            return;
        }

        // The old cell is given up first: its room may be needed.
        slot = (ulong)cell.Order << 32;
        leaf->Live -= (ushort)oldSize;
        MakeRoom(leaf, cell.Size);
        Put(leaf, index, cell);
    }

    public static void RemoveAt(TreeNode* leaf, int index)
    {
        var slots = Slots(leaf);
        leaf->Live -= (ushort)CellSize(slots[index]);
        leaf->Count--;
        new Span<ulong>(slots + index + 1, leaf->Count - index).CopyTo(new Span<ulong>(slots + index, leaf->Count - index));
    }

    /// <summary>Appends entries of another leaf, all of them after its own. There must be room without clearing up.</summary>
    public static void Append(TreeNode* leaf, TreeNode* source, int from, int to)
    {
        var slots = Slots(leaf);
        for (var i = from; i < to; i++)
        {
            var slot = Slots(source)[i];
            var size = CellSize(slot);
            leaf->Low -= (ushort)size;
            leaf->Live += (ushort)size;
            Unsafe.CopyBlockUnaligned((byte*)leaf + leaf->Low, CellOf(source, slot), (uint)size);
            slots[leaf->Count++] = (slot & ~0x7FFF_0000UL) | ((ulong)leaf->Low << 16);
        }

        Debug.Assert(TreeNode.HeadSize + (leaf->Count * SlotSize) <= leaf->Low);
    }

    /// <summary>Keeps the first entries only.</summary>
    public static void Truncate(TreeNode* leaf, int count)
    {
        for (var i = count; i < leaf->Count; i++) leaf->Live -= (ushort)CellSize(Slots(leaf)[i]);
        leaf->Count = (ushort)count;
    }

    /// <summary>How many of the first entries use about the given number of bytes; at least one, and never all.</summary>
    public static int CountWithin(TreeNode* leaf, int bytes)
    {
        var index = 0;
        for (; index < leaf->Count - 1; index++)
        {
            var size = SlotSize + CellSize(Slots(leaf)[index]);
            if (bytes < size / 2) break;

            bytes -= size;
        }

        return int.Max(index, 1);
    }

    /// <summary>Moves all cells together, so that the room in a leaf is in one piece.</summary>
    [SkipLocalsInit]
    public static void Tidy(TreeNode* leaf)
    {
        var copy = stackalloc byte[Size];
        Buffer.MemoryCopy(leaf, copy, Size, Size);
        var count = leaf->Count;
        Clear(leaf);
        Append(leaf, (TreeNode*)copy, 0, count);
    }

    public static void Clear(TreeNode* leaf)
    {
        leaf->Count = 0;
        leaf->Live = 0;
        leaf->Low = Size;
    }

    private static void MakeRoom(TreeNode* leaf, int bytes)
    {
        Debug.Assert(Used(leaf) + bytes <= Capacity);
        if (leaf->Low - TreeNode.HeadSize - (leaf->Count * SlotSize) < bytes) Tidy(leaf);
    }

    private static void Put(TreeNode* leaf, int index, scoped in TreeCell cell)
    {
        leaf->Low -= (ushort)cell.Size;
        leaf->Live += (ushort)cell.Size;
        cell.WriteTo((byte*)leaf + leaf->Low);
        Slots(leaf)[index] = cell.SlotAt(leaf->Low);
    }
}
