using Memstore.Engine;
using Memstore.Engine.Values;
using Memstore.Protocol;
using Memstore.Server.Metrics;
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

    /// <summary>Counts hits and misses of the keyspace; null where nobody counts.</summary>
    public LookupCounter? Lookups;

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
        if ((Command.Flags & CommandFlags.ReadOnly) != 0) Looked(key, found != Found.Absent);
        if (found is not Found.WrongType) return true;
        Reply.Error(Errors.WrongType);
        return false;
    }

    /// <summary>Looks a key up. For a command that only reads it counts, see <see cref="Looked"/>.</summary>
    public readonly bool Look(in Engine.Key key, out Entry entry)
    {
        var found = Transaction.Find(key, out entry);
        if ((Command.Flags & CommandFlags.ReadOnly) != 0) Looked(key, found);
        return found;
    }

    /// <summary>
    /// A key was looked up for its value: counts it as a hit or a miss of the keyspace, and tells those who want to know that it is not there. Commands that write call
    /// it where they also read; as in Redis a lookup only to write counts for nothing.
    /// </summary>
    public readonly void Looked(in Engine.Key key, bool found)
    {
        Lookups?.Add(found);
        if (!found) Notify(KeyEventKinds.KeyMiss, "keymiss", key.Bytes);
    }

    /// <summary>Tells those who listen to keyspace events what happened to a key.</summary>
    /// <param name="kind">The class that a client subscribes to.</param>
    /// <param name="name">The event's name.</param>
    /// <param name="key">The key, of the transaction's database.</param>
    public readonly void Notify(KeyEventKinds kind, string name, ReadOnlySpan<byte> key) =>
        Events?.Add(kind, name, Transaction.Database, key);
}
