using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.PubSub;
using Memstore.Server.Sessions;
using ValueType = Memstore.Engine.ValueType;

namespace Memstore.Server.Commands;

/// <summary>How a lookup ended.</summary>
internal enum Lookup
{
    /// <summary>There is no such key.</summary>
    Absent,

    /// <summary>It is there and has the type that was asked for.</summary>
    Found,

    /// <summary>It has another type, and WRONGTYPE has been answered: return.</summary>
    WrongType,
}

/// <summary>One run of a command: all that a handler may see and do. Lives on the stack.</summary>
internal ref struct CommandCall
{
    /// <summary>The row.</summary>
    public required Command Command;

    /// <summary>The client.</summary>
    public required Session Session;

    /// <summary>What sessions share.</summary>
    public required ServerState Server;

    /// <summary>The moment of the data that it runs on; null for a command that touches none.</summary>
    public required Transaction Transaction;

    /// <summary>The arguments.</summary>
    public required ArgReader Args;

    /// <summary>Where the reply goes. It leaves when the transaction has committed.</summary>
    public required ReplyWriter Reply;

    /// <summary>Where keyspace events go, to be published after the commit; null while nobody wants any.</summary>
    public KeyEventBuffer? Events;

    /// <summary>Whether all arguments could be read; answers the first error if not.</summary>
    public readonly bool ArgsValid()
    {
        if (Args.IsValid) return true;
        Reply.Error(Args.Error);
        return false;
    }

    /// <summary>Looks a key up that should have a type; answers WRONGTYPE if it has another.</summary>
    public readonly Lookup Find(in Engine.Key key, ValueType type, out Entry entry)
    {
        if (!Transaction.Find(key, out entry)) return Lookup.Absent;
        if (entry.Type == type) return Lookup.Found;
        Reply.Error(Errors.WrongType);
        return Lookup.WrongType;
    }

    /// <summary>Tells those who listen to keyspace events what happened to a key.</summary>
    /// <param name="kind">The class that a client subscribes to.</param>
    /// <param name="name">The event's name.</param>
    /// <param name="key">The key, of the transaction's database.</param>
    public readonly void Notify(KeyEventKinds kind, string name, ReadOnlySpan<byte> key) =>
        Events?.Add(kind, name, Transaction.Database, key);
}
