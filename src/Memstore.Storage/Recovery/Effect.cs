namespace Memstore.Storage.Recovery;

/// <summary>What an effect does.</summary>
internal enum EffectKind : byte
{
    /// <summary>SET key value [PXAT deadline] [RAW | MEDIATYPE type].</summary>
    Put,

    /// <summary>DEL key.</summary>
    Delete,

    /// <summary>PEXPIREAT key deadline; PERSIST key.</summary>
    Deadline,

    /// <summary>HSET key field value [field value ...].</summary>
    SetFields,

    /// <summary>HDEL key field [field ...].</summary>
    RemoveFields,

    /// <summary>COPY source destination DB database REPLACE.</summary>
    Copy,

    /// <summary>FLUSHDB.</summary>
    Flush,

    /// <summary>SWAPDB first second.</summary>
    Swap,
}

/// <summary>One effect of a batch; its arguments are frames of the batch.</summary>
internal struct Effect
{
    /// <summary>The <see cref="Part"/> of an effect that concerns several parts.</summary>
    public const int Everybody = -1;

    /// <summary>What it does.</summary>
    public EffectKind Kind;

    /// <summary>Whether a string was built in place.</summary>
    public bool IsRaw;

    /// <summary>Whether a string has a media type, which is the last of the arguments.</summary>
    public bool HasMediaType;

    /// <summary>The database that it concerns; of a swap the first.</summary>
    public int Database;

    /// <summary>Of a copy the destination's database, of a swap the second.</summary>
    public int OtherDatabase;

    /// <summary>Where its arguments begin among the batch's frames.</summary>
    public int FirstFrame;

    /// <summary>Number of arguments after the command's name, options included.</summary>
    public int Count;

    /// <summary>Which of the threads that apply effects it belongs to, or <see cref="Everybody"/>.</summary>
    public int Part;

    /// <summary>The deadline in milliseconds of Unix time; 0 for none.</summary>
    public long DeadlineUnixMs;
}

/// <summary>Where an argument is in the batch's bytes.</summary>
internal readonly record struct EffectFrame(int Offset, int Length);
