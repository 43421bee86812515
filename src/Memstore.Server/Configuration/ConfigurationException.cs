namespace Memstore.Server.Configuration;

/// <summary>The configuration cannot be used; the message is one line for the operator.</summary>
internal sealed class ConfigurationException : Exception
{
    /// <summary>Without a message.</summary>
    public ConfigurationException()
    {
    }

    /// <summary>With a message.</summary>
    public ConfigurationException(string message)
        : base(message)
    {
    }

    /// <summary>With a message and a cause.</summary>
    public ConfigurationException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
