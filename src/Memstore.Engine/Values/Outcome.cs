namespace Memstore.Engine.Values;

/// <summary>How an operation on a value ended, when it can end in more than one way.</summary>
public enum Outcome : byte
{
    /// <summary>As asked.</summary>
    Done,

    /// <summary>The value that was to be added to is not an integer of 64 bits written as Redis writes it.</summary>
    NotAnInteger,

    /// <summary>The sum does not fit into 64 bits.</summary>
    Overflow,
}
