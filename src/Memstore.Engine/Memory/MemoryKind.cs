namespace Memstore.Engine.Memory;

/// <summary>What a block is for. Kinds never share a page, so that pages of records can be emptied by moving records.</summary>
internal enum MemoryKind : byte
{
    /// <summary>A record: immutable once published, so it may be moved.</summary>
    Record = 0,

    /// <summary>Buckets and directories of an index; blocks are multiples of 64 bytes and 64-byte aligned.</summary>
    Table = 1,

    /// <summary>A node of a big collection's tree.</summary>
    Node = 2,

    /// <summary>Everything else.</summary>
    Other = 3,
}
