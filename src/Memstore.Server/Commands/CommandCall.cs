using Memstore.Engine;
using Memstore.Engine.Values;
using Memstore.Protocol;
using Memstore.Server.PubSub;
using Memstore.Server.Sessions;
using ValueType = Memstore.Engine.ValueType;

namespace Memstore.Server.Commands;

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
    public readonly Found Find(in Engine.Key key, ValueType type, out Entry entry)
    {
        if (!Look(key, out entry)) return Found.Absent;
        if (entry.Type == type) return Found.Present;
        Reply.Error(Errors.WrongType);
        return Found.WrongType;
    }

    /// <summary>Looks a hash up; an absent key reads as a hash without fields. False if WRONGTYPE has been answered.</summary>
    public readonly bool TryFindHash(in Engine.Key key, out HashValue hash)
    {
        var found = Transaction.FindHash(key, out hash);
        if (found == Found.Absent && (Command.Flags & CommandFlags.ReadOnly) != 0) Missed(key);
        if (found is not Found.WrongType) return true;
        Reply.Error(Errors.WrongType);
        return false;
    }

    /// <summary>Looks a key up. A command that only reads tells those who want to know that the key is not there.</summary>
    public readonly bool Look(in Engine.Key key, out Entry entry)
    {
        if (Transaction.Find(key, out entry)) return true;
        if ((Command.Flags & CommandFlags.ReadOnly) != 0) Missed(key);
        return false;
    }

    /// <summary>A key that was to be read is not there. For commands that write, too; those that read say it by <see cref="Look"/>.</summary>
    public readonly void Missed(in Engine.Key key) => Notify(KeyEventKinds.KeyMiss, "keymiss", key.Bytes);

    /// <summary>Tells those who listen to keyspace events what happened to a key.</summary>
    /// <param name="kind">The class that a client subscribes to.</param>
    /// <param name="name">The event's name.</param>
    /// <param name="key">The key, of the transaction's database.</param>
    public readonly void Notify(KeyEventKinds kind, string name, ReadOnlySpan<byte> key) =>
        Events?.Add(kind, name, Transaction.Database, key);
}
