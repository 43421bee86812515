using Memstore.Engine;
using Memstore.Server.PubSub;
using static Memstore.Server.Commands.CommandFlags;
using ValueType = Memstore.Engine.ValueType;

namespace Memstore.Server.Commands;

/// <summary>Commands on keys of any type.</summary>
internal static partial class KeyCommands
{
    private const KeyFlags TakeAway = KeyFlags.ReadWrite | KeyFlags.Access | KeyFlags.Delete;
    private const string Guess = "nondeterministic_output";
    private static readonly string[] Sums = ["request_policy:multi_shard", "response_policy:agg_sum"];

    public static readonly CommandFamily Family = new("generic", AclCategories.Keyspace,
    [
        new("DEL key [key ...]", Write, [Key.Removes(1, last: -1)], Del)
        {
            Summary = "Deletes keys and answers how many were there.",
            Complexity = "O(N) for N keys; the memory of large values is freed afterwards", Since = "1.0.0", Tips = Sums,
        },
        new("UNLINK key [key ...]", Write | Fast, [Key.Removes(1, last: -1)], Del)
        {
            Summary = "Deletes keys and answers how many were there; the same as DEL, which does not wait for memory either.",
            Complexity = "O(N) for N keys", Since = "4.0.0", Tips = Sums,
        },
        new("EXISTS key [key ...]", ReadOnly | Fast | Unheld, [Key.Peeks(1, last: -1)], Exists)
        {
            Summary = "Counts which of the keys are there; one that is named twice counts twice.",
            Complexity = "O(N) for N keys", Since = "1.0.0", Tips = Sums,
        },
        new("TOUCH key [key ...]", ReadOnly | Fast | Unheld, [Key.Peeks(1, last: -1)], Exists)
        {
            Summary = "Counts which of the keys are there.",
            Complexity = "O(N) for N keys", Since = "3.2.1", Tips = Sums,
        },
        new("TYPE key", ReadOnly | Fast | Unheld, [Key.Peeks(1)], Type)
        {
            Summary = "Answers the type of a key's value, or none.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("RENAME key newkey", Write, [Key.Range(TakeAway, 1), Key.Writes(2)], Rename)
        {
            Summary = "Gives a value another key, in place of what that key held.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("RENAMENX key newkey", Write | Fast, [Key.Range(TakeAway, 1), Key.Range(KeyFlags.OverWrite | KeyFlags.Insert, 2)], RenameNx)
        {
            Summary = "Gives a value another key if that key is absent.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("COPY source destination [DB destination-db] [REPLACE]", Write | DenyOom, [Key.Reads(1), Key.Writes(2)], Copy)
        {
            Summary = "Copies a value, with its deadline, to another key or database.",
            Complexity = "O(N) for a small value of N bytes; O(1) for large collections, which share what they have", Since = "6.2.0",
        },
        new("MOVE key db", Write | Fast, [Key.Updates(1)], Move)
        {
            Summary = "Moves a key to another database if that one does not have it.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]", ReadOnly, [Key.Everything(KeyAccess.Read)], Scan)
        {
            Summary = "Goes through the keys of the database in steps; a key that is there all the time is seen at least once.",
            Complexity = "O(N) for COUNT N; O(M) for all steps over M keys", Since = "2.8.0", Tips = [Guess, "request_policy:special"],
        },
        new("KEYS pattern", ReadOnly | Unbounded, [Key.Everything(KeyAccess.Read)], Keys)
        {
            Summary = "Answers all keys that match a pattern; SCAN does it in steps.",
            Complexity = "O(N) for N keys in the database", Since = "1.0.0",
            Categories = AclCategories.Keyspace | AclCategories.Dangerous,
            Tips = ["request_policy:all_shards", "nondeterministic_output_order"],
        },
        new("RANDOMKEY", ReadOnly, [Key.Everything(KeyAccess.Read)], RandomKey)
        {
            Summary = "Answers a random key of the database.",
            Complexity = "O(1)", Since = "1.0.0", Tips = ["request_policy:all_shards", Guess],
        },
        new("OBJECT", None, handler: null)
        {
            Summary = "Leads to commands that look at how a value is kept.",
            Complexity = "Depends on the subcommand", Since = "2.2.3",
        },
        new("OBJECT ENCODING key", ReadOnly | Unheld, [Key.Peeks(2)], ObjectEncoding)
        {
            Summary = "Answers how the value is kept, in the names that Redis has for it.",
            Complexity = "O(1)", Since = "2.2.3", Tips = [Guess],
        },
        new("OBJECT FREQ key", ReadOnly | Unheld, [Key.Peeks(2)], ObjectFreq)
        {
            Summary = "Answers how often a key is used, under an LFU memory policy.",
            Complexity = "O(1)", Since = "4.0.0", Tips = [Guess],
        },
        new("OBJECT HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Lists the subcommands.",
            Complexity = "O(1)", Since = "6.2.0",
        },
        new("OBJECT IDLETIME key", ReadOnly | Unheld, [Key.Peeks(2)], ObjectIdleTime)
        {
            Summary = "Answers how long a key has not been used, in seconds.",
            Complexity = "O(1)", Since = "2.2.3", Tips = [Guess],
        },
        new("OBJECT MEDIATYPE key", ReadOnly | Unheld, [Key.Peeks(2)], ObjectMediaType)
        {
            Summary = "Answers what SET was told that the bytes of a string are, or null.",
            Complexity = "O(1)", Since = "7.0.0",
        },
        new("OBJECT REFCOUNT key", ReadOnly | Unheld, [Key.Peeks(2)], ObjectRefCount)
        {
            Summary = "Answers how many keys share the value.",
            Complexity = "O(1)", Since = "2.2.3", Tips = [Guess],
        },
    ]);

    /// <summary>The name of a type as TYPE answers it.</summary>
    public static ReadOnlySpan<byte> NameOf(ValueType type) => type switch
    {
        ValueType.String => "string"u8,
        ValueType.Hash => "hash"u8,
        ValueType.List => "list"u8,
        ValueType.Set => "set"u8,
        ValueType.SortedSet => "zset"u8,
        ValueType.Stream => "stream"u8,
        _ => "none"u8,
    };

    private static void Del(ref CommandCall call)
    {
        var deleted = 0;
        while (call.Args.Remaining > 0)
        {
            var key = call.Args.Key();
            if (!call.Transaction.Delete(key)) continue;
            call.Notify(KeyEventKinds.Generic, "del", key.Bytes);
            deleted++;
        }
        call.Reply.Integer(deleted);
    }

    private static void Exists(ref CommandCall call)
    {
        var found = 0;
        while (call.Args.Remaining > 0)
        {
            if (call.Look(call.Args.Key(), out _)) found++;
        }
        call.Reply.Integer(found);
    }

    private static void Type(ref CommandCall call) =>
        call.Reply.SimpleString(call.Look(call.Args.Key(), out var entry) ? NameOf(entry.Type) : "none"u8);

    private static void Rename(ref CommandCall call)
    {
        if (TryRename(ref call, onlyIfAbsent: false) is not null) call.Reply.SimpleString("OK"u8);
    }

    private static void RenameNx(ref CommandCall call)
    {
        if (TryRename(ref call, onlyIfAbsent: true) is { } renamed) call.Reply.Integer(renamed ? 1 : 0);
    }

    // Null when an error has been answered.
    private static bool? TryRename(ref CommandCall call, bool onlyIfAbsent)
    {
        var source = call.Args.Key();
        var destination = call.Args.Key();
        var transaction = call.Transaction;
        if (!transaction.Find(source, out _))
        {
            call.Reply.Error(Errors.NoSuchKey);
            return null;
        }
        if (source.Bytes.SequenceEqual(destination.Bytes)) return false;
        if (onlyIfAbsent && transaction.Find(destination, out _)) return false;
        transaction.MoveValue(source, transaction.Database, destination, transaction.Database);
        call.Notify(KeyEventKinds.Generic, "rename_from", source.Bytes);
        call.Notify(KeyEventKinds.Generic, "rename_to", destination.Bytes);
        return true;
    }

    private static void Copy(ref CommandCall call)
    {
        var source = call.Args.Key();
        var destination = call.Args.Key();
        var from = call.Transaction.Database;
        var to = from;
        var replace = false;
        while (call.Args.Remaining > 0 && call.Args.IsValid)
        {
            if (call.Args.Word("REPLACE"u8)) replace = true;
            else if (call.Args.WordWithValue("DB"u8)) to = ReadDatabase(ref call);
            else call.Args.Fail(Errors.Syntax);
        }
        if (from == to && source.Bytes.SequenceEqual(destination.Bytes)) call.Args.Fail(Errors.SameObject);
        if (!call.ArgsValid()) return;

        var isThere = call.Transaction.Find(source, out _);
        call.Looked(source, isThere);
        var copied = isThere && (replace || !IsThere(ref call, destination, to))
            && call.Transaction.CopyValue(source, from, destination, to);
        if (copied) NotifyIn(ref call, to, "copy_to", destination);
        call.Reply.Integer(copied ? 1 : 0);
    }

    private static void Move(ref CommandCall call)
    {
        var key = call.Args.Key();
        var to = ReadDatabase(ref call);
        var from = call.Transaction.Database;
        if (from == to) call.Args.Fail(Errors.SameObject);
        if (!call.ArgsValid()) return;

        var moved = call.Transaction.Find(key, out _) && !IsThere(ref call, key, to)
            && call.Transaction.MoveValue(key, from, key, to);
        if (moved)
        {
            call.Notify(KeyEventKinds.Generic, "move_from", key.Bytes);
            NotifyIn(ref call, to, "move_to", key);
        }
        call.Reply.Integer(moved ? 1 : 0);
    }

    private static int ReadDatabase(ref CommandCall call)
    {
        var database = call.Args.Int32();
        if (database < 0 || database >= call.Server.Store.DatabaseCount) call.Args.Fail(Errors.DatabaseOutOfRange);
        return database;
    }

    private static bool IsThere(ref CommandCall call, in Engine.Key key, int database)
    {
        var transaction = call.Transaction;
        var own = transaction.Database;
        transaction.Database = database;
        var found = transaction.Find(key, out _);
        transaction.Database = own;
        return found;
    }

    private static void NotifyIn(ref CommandCall call, int database, string name, in Engine.Key key) =>
        call.Events?.Add(KeyEventKinds.Generic, name, database, key.Bytes);

    private static void ObjectEncoding(ref CommandCall call)
    {
        var key = call.Args.Key();
        if (Inspect(ref call, key, out var entry)) call.Reply.Bulk(EncodingOf(call.Transaction, key, entry));
        else call.Reply.Null();
    }

    /// <summary>The name that Redis 7.0 gives to the form of a value. Its limits are kept: 44 bytes and an object's head fill its smallest block for strings.</summary>
    internal static ReadOnlySpan<byte> EncodingOf(Transaction transaction, in Engine.Key key, in Entry entry)
    {
        const int EmbeddedMax = 44;
        if (entry.Type == ValueType.Hash) return transaction.FindHash(key, out var hash) is Found.Present && hash.IsPacked ? "listpack"u8 : "hashtable"u8;
        if (entry.IsRaw) return "raw"u8;
        if (Protocol.RespNumber.TryParseInt64(entry.Value, out _)) return "int"u8;
        return entry.Value.Length <= EmbeddedMax ? "embstr"u8 : "raw"u8;
    }

    // No lookup of the keyspace's statistics: REST asks with each GET.
    private static void ObjectMediaType(ref CommandCall call)
    {
        if (call.Transaction.Find(call.Args.Key(), out var entry) && !entry.MediaType.IsEmpty) call.Reply.Bulk(entry.MediaType);
        else call.Reply.Null();
    }

    private static void ObjectFreq(ref CommandCall call)
    {
        if (Inspect(ref call, call.Args.Key(), out _)) call.Reply.Error(Errors.NoFrequency);
        else call.Reply.Null();
    }

    // Uses are not recorded: a read would have to write for that.
    private static void ObjectIdleTime(ref CommandCall call) => AnswerIfThere(ref call, 0);

    // No value is shared here. Redis has one object for each small integer, and clients see that by this number.
    private static void ObjectRefCount(ref CommandCall call)
    {
        const int SharedMax = 9_999;
        if (!Inspect(ref call, call.Args.Key(), out var entry)) call.Reply.Null();
        else if (IsSmallInteger(entry, SharedMax)) call.Reply.Integer(int.MaxValue);
        else call.Reply.Integer(1);
    }

    private static bool IsSmallInteger(in Entry entry, int max) =>
        entry.Type == ValueType.String && !entry.IsRaw && Protocol.RespNumber.TryParseInt64(entry.Value, out var value) && value >= 0 && value <= max;

    private static void AnswerIfThere(ref CommandCall call, long value)
    {
        if (Inspect(ref call, call.Args.Key(), out _)) call.Reply.Integer(value);
        else call.Reply.Null();
    }

    // Counts as a lookup, but nobody is told that a key was missed.
    private static bool Inspect(ref CommandCall call, in Engine.Key key, out Entry entry)
    {
        var found = call.Transaction.Find(key, out entry);
        call.Lookups?.Add(found);
        return found;
    }
}
