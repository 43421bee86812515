using System.Runtime.InteropServices;

namespace Memstore.Engine.Memory;

/// <summary>Where a run of pages stands; only the first page of a run has another state than <see cref="None"/>.</summary>
internal enum PageState : byte
{
    /// <summary>Free, or inside a run.</summary>
    None = 0,

    /// <summary>Its heap allocates from it.</summary>
    Current = 1,

    /// <summary>In its heap's queue of pages with free blocks.</summary>
    Queued = 2,

    /// <summary>Without enough free blocks to be worth a visit; in no list.</summary>
    Full = 3,

    /// <summary>Marked for evacuation and taken out of the queue.</summary>
    Leaving = 4,

    /// <summary>One block fills the run; it belongs to no heap.</summary>
    Direct = 5,
}

/// <summary>What is known of a page of 16 KiB, or of the run of pages that it starts. Kept apart from the pages themselves.</summary>
// Threading: Remote and NoticeNext are for every thread (RemoteFrees), Evacuating is written under the run pool's lock; everything
// else belongs to the renter of the owning heap. BlockSize, Kind, Class and HeadDistance stay fixed while a block of the run is live.
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal unsafe struct PageInfo
{
    /// <summary>An owner that is no heap: the run is one block.</summary>
    public const ushort NoOwner = ushort.MaxValue;

    /// <summary>A <see cref="Trigger"/> that never fires.</summary>
    public const ushort Never = ushort.MaxValue;

    /// <summary>First free block that was used before; blocks link through their first 8 bytes.</summary>
    [FieldOffset(0)] public byte* LocalFree;

    /// <summary>Offset in the run of the first block that was never handed out.</summary>
    [FieldOffset(8)] public uint BumpNext;

    /// <summary>Offset in the run after its last block.</summary>
    [FieldOffset(12)] public uint BumpEnd;

    /// <summary>Bytes of each block.</summary>
    [FieldOffset(16)] public uint BlockSize;

    /// <summary>Blocks handed out and not yet taken back; those on <see cref="Remote"/> still count.</summary>
    [FieldOffset(20)] public ushort Used;

    /// <summary>When <see cref="Used"/> falls to this, the page changes its list or goes back.</summary>
    [FieldOffset(22)] public ushort Trigger;

    /// <summary>Index of the owning heap.</summary>
    [FieldOffset(24)] public ushort Owner;

    [FieldOffset(26)] public MemoryKind Kind;

    /// <summary>Size class, or <see cref="SizeClasses.Direct"/>.</summary>
    [FieldOffset(27)] public byte Class;

    /// <summary>Blocks in the run.</summary>
    [FieldOffset(28)] public ushort Capacity;

    [FieldOffset(30)] public PageState State;

    /// <summary>Pages back to the first page of the run.</summary>
    [FieldOffset(31)] public byte HeadDistance;

    /// <summary>Blocks freed by other heaps: first block, count and notice flag in one word (<see cref="RemoteFrees"/>).</summary>
    [FieldOffset(32)] public long Remote;

    /// <summary>Neighbours in the heap's list.</summary>
    [FieldOffset(40)] public uint Next;

    [FieldOffset(44)] public uint Previous;

    /// <summary>Next page in a heap's list of notices.</summary>
    [FieldOffset(48)] public uint NoticeNext;

    /// <summary>Pages in the run.</summary>
    [FieldOffset(52)] public uint RunPages;

    /// <summary>Free blocks from which on a full page is worth a visit.</summary>
    [FieldOffset(56)] public ushort WorthIt;

    /// <summary>Blocks on <see cref="Remote"/> from which on the owner is told; the last live block's free always tells it.</summary>
    [FieldOffset(60)] public ushort NotifyAt;

    /// <summary>Not 0: blocks should move elsewhere, nothing is allocated here. Set in every page of the run.</summary>
    [FieldOffset(58)] public byte Evacuating;
}
