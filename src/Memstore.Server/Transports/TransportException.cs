namespace Memstore.Server.Transports;

/// <summary>The transport could not start; the message is one line that says what is wrong and how to mend it.</summary>
public class TransportException : Exception
{
    /// <summary>Creates it with the line to show to the operator.</summary>
    public TransportException(string message) : base(message)
    {
    }

    /// <summary>Creates it with the line to show to the operator and the cause.</summary>
    public TransportException(string message, Exception cause) : base(message, cause)
    {
    }
}
