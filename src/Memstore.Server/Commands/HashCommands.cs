using Memstore.Engine;
using Memstore.Engine.Values;
using Memstore.Protocol;
using Memstore.Server.PubSub;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>Commands on hashes: maps from field to value, held under one key.</summary>
internal static partial class HashCommands
{
    private const string Shuffled = "nondeterministic_output_order";
    private const string Guess = "nondeterministic_output";

    public static readonly CommandFamily Family = new("hash", AclCategories.Hash,
    [
        new("HSET key field value [field value ...]", Write | DenyOom | Fast, [Key.Range(KeyFlags.ReadWrite | KeyFlags.Update, 1)], HSet)
        {
            Summary = "Sets fields of a hash and answers how many of them are new.",
            Complexity = "O(N) for N fields", Since = "2.0.0",
        },
        new("HSETNX key field value", Write | DenyOom | Fast, [Key.Range(KeyFlags.ReadWrite | KeyFlags.Insert, 1)], HSetNx)
        {
            Summary = "Sets a field of a hash if the hash does not have it.",
            Complexity = "O(1)", Since = "2.0.0",
        },
        new("HMSET key field value [field value ...]", Write | DenyOom | Fast, [Key.Range(KeyFlags.ReadWrite | KeyFlags.Update, 1)], HMSet)
        {
            Summary = "Sets fields of a hash.",
            Complexity = "O(N) for N fields", Since = "2.0.0", Deprecated = ("4.0.0", "`HSET`"),
        },
        new("HGET key field", ReadOnly | Fast | Unheld, [Key.Reads(1)], HGet)
        {
            Summary = "Answers the value of a field.",
            Complexity = "O(1)", Since = "2.0.0",
        },
        new("HMGET key field [field ...]", ReadOnly | Fast | Unheld, [Key.Reads(1)], HMGet)
        {
            Summary = "Answers the values of several fields.",
            Complexity = "O(N) for N fields", Since = "2.0.0",
        },
        new("HGETALL key", ReadOnly | Unheld, [Key.Reads(1)], HGetAll)
        {
            Summary = "Answers all fields of a hash with their values.",
            Complexity = "O(N) for a hash of N fields", Since = "2.0.0", Tips = [Shuffled],
        },
        new("HKEYS key", ReadOnly | Unheld, [Key.Reads(1)], HKeys)
        {
            Summary = "Answers all fields of a hash.",
            Complexity = "O(N) for a hash of N fields", Since = "2.0.0", Tips = [Shuffled],
        },
        new("HVALS key", ReadOnly | Unheld, [Key.Reads(1)], HVals)
        {
            Summary = "Answers the values of all fields of a hash.",
            Complexity = "O(N) for a hash of N fields", Since = "2.0.0", Tips = [Shuffled],
        },
        new("HDEL key field [field ...]", Write | Fast, [Key.Range(KeyFlags.ReadWrite | KeyFlags.Delete, 1)], HDel)
        {
            Summary = "Removes fields from a hash and answers how many were there; a hash without fields is no key any more.",
            Complexity = "O(N) for N fields", Since = "2.0.0",
        },
        new("HLEN key", ReadOnly | Fast | Unheld, [Key.Peeks(1)], HLen)
        {
            Summary = "Counts the fields of a hash.",
            Complexity = "O(1)", Since = "2.0.0",
        },
        new("HEXISTS key field", ReadOnly | Fast | Unheld, [Key.Peeks(1)], HExists)
        {
            Summary = "Tells whether a hash has a field.",
            Complexity = "O(1)", Since = "2.0.0",
        },
        new("HSTRLEN key field", ReadOnly | Fast | Unheld, [Key.Peeks(1)], HStrLen)
        {
            Summary = "Answers how many bytes the value of a field has.",
            Complexity = "O(1)", Since = "3.2.0",
        },
        new("HINCRBY key field increment", Write | DenyOom | Fast, [Key.Updates(1)], HIncrBy)
        {
            Summary = "Adds to the integer in a field; a missing field counts as 0.",
            Complexity = "O(1)", Since = "2.0.0",
        },
        new("HINCRBYFLOAT key field float", Write | DenyOom | Fast, [Key.Updates(1)], HIncrByFloat)
        {
            Summary = "Adds to the number in a field; a missing field counts as 0.",
            Complexity = "O(1)", Since = "2.6.0",
        },
        new("HRANDFIELD key [count [WITHVALUES]]", ReadOnly | Unheld, [Key.Reads(1)], HRandField)
        {
            Summary = "Answers random fields of a hash: distinct ones, or any if the count is negative.",
            Complexity = "O(N) for N fields answered", Since = "6.2.0", Tips = [Guess],
        },
        new("HSCAN key cursor [MATCH pattern] [COUNT count]", ReadOnly | Unheld, [Key.Reads(1)], HScan)
        {
            Summary = "Goes through the fields of a hash in steps; a field that is there all the time is seen at least once.",
            Complexity = "O(N) for COUNT N; O(M) for all steps over M fields", Since = "2.8.0", Tips = [Guess],
        },
    ]);

    private static void HSet(ref CommandCall call)
    {
        if (TrySetFields(ref call) is { } created) call.Reply.Integer(created);
    }

    private static void HMSet(ref CommandCall call)
    {
        if (TrySetFields(ref call) is not null) call.Reply.SimpleString("OK"u8);
    }

    // How many fields are new; null when an error has been answered.
    private static long? TrySetFields(ref CommandCall call)
    {
        var key = call.Args.Key();
        if (call.Args.Remaining % 2 != 0)
        {
            call.Reply.Error(Errors.WrongArity(call.Command));
            return null;
        }
        if (!call.TryFindHash(key, out _)) return null;
        var created = call.Transaction.SetFields(key, call.Args.Fields(step: 2));
        call.Notify(KeyEventKinds.Hash, "hset", key.Bytes);
        return created;
    }

    private static void HSetNx(ref CommandCall call)
    {
        var key = call.Args.Key();
        if (!call.TryFindHash(key, out var hash)) return;
        var absent = !hash.Contains(call.Args.Peek());
        if (absent)
        {
            call.Transaction.SetFields(key, call.Args.Fields(step: 2));
            call.Notify(KeyEventKinds.Hash, "hset", key.Bytes);
        }
        call.Reply.Integer(absent ? 1 : 0);
    }

    private static void HGet(ref CommandCall call)
    {
        if (!call.TryFindHash(call.Args.Key(), out var hash)) return;
        if (hash.TryGet(call.Args.Bytes(), out var value)) call.Reply.Bulk(value);
        else call.Reply.Null();
    }

    private static void HMGet(ref CommandCall call)
    {
        if (!call.TryFindHash(call.Args.Key(), out var hash)) return;
        call.Reply.ArrayHeader(call.Args.Remaining);
        while (call.Args.Remaining > 0)
        {
            if (hash.TryGet(call.Args.Bytes(), out var value)) call.Reply.Bulk(value);
            else call.Reply.Null();
        }
    }

    private static void HGetAll(ref CommandCall call)
    {
        if (!call.TryFindHash(call.Args.Key(), out var hash)) return;
        call.Transaction.ExpectWork(hash.Count);
        call.Reply.MapHeader((int)hash.Count);
        foreach (var pair in hash)
        {
            call.Reply.Bulk(pair.Field);
            call.Reply.Bulk(pair.Value);
        }
    }

    private static void HKeys(ref CommandCall call)
    {
        if (!call.TryFindHash(call.Args.Key(), out var hash)) return;
        call.Transaction.ExpectWork(hash.Count);
        call.Reply.ArrayHeader((int)hash.Count);
        foreach (var pair in hash) call.Reply.Bulk(pair.Field);
    }

    private static void HVals(ref CommandCall call)
    {
        if (!call.TryFindHash(call.Args.Key(), out var hash)) return;
        call.Transaction.ExpectWork(hash.Count);
        call.Reply.ArrayHeader((int)hash.Count);
        foreach (var pair in hash) call.Reply.Bulk(pair.Value);
    }

    private static void HDel(ref CommandCall call)
    {
        var key = call.Args.Key();
        if (!call.TryFindHash(key, out var hash)) return;
        var before = hash.Count;
        var removed = before == 0 ? 0 : call.Transaction.RemoveFields(key, call.Args.Fields(step: 1));
        if (removed > 0) call.Notify(KeyEventKinds.Hash, "hdel", key.Bytes);
        if (removed > 0 && removed == before) call.Notify(KeyEventKinds.Generic, "del", key.Bytes);
        call.Reply.Integer(removed);
    }

    private static void HLen(ref CommandCall call)
    {
        if (call.TryFindHash(call.Args.Key(), out var hash)) call.Reply.Integer(hash.Count);
    }

    private static void HExists(ref CommandCall call)
    {
        if (call.TryFindHash(call.Args.Key(), out var hash)) call.Reply.Integer(hash.Contains(call.Args.Bytes()) ? 1 : 0);
    }

    private static void HStrLen(ref CommandCall call)
    {
        if (!call.TryFindHash(call.Args.Key(), out var hash)) return;
        call.Reply.Integer(hash.TryGet(call.Args.Bytes(), out var value) ? value.Length : 0);
    }

    private static void HIncrBy(ref CommandCall call)
    {
        var key = call.Args.Key();
        var field = call.Args.Bytes();
        var increment = call.Args.Int64();
        if (!call.ArgsValid() || !call.TryFindHash(key, out var hash)) return;

        var outcome = hash.Increment(field, increment, out var sum);
        if (outcome is not Outcome.Done)
        {
            call.Reply.Error(outcome is Outcome.Overflow ? Errors.Overflow : Errors.HashNotInteger);
            return;
        }
        Span<byte> text = stackalloc byte[RespNumber.Int64TextMax];
        call.Transaction.SetFields(key, new FieldValue(field, text[..RespNumber.FormatInt64(sum, text)]));
        call.Notify(KeyEventKinds.Hash, "hincrby", key.Bytes);
        call.Reply.Integer(sum);
    }

    private static void HIncrByFloat(ref CommandCall call)
    {
        var key = call.Args.Key();
        var field = call.Args.Bytes();
        if (!ExtendedFloat.TryParse(call.Args.Bytes(), out var increment)) call.Args.Fail(Errors.NotFloat);
        else if (!increment.IsFinite) call.Args.Fail(Errors.IncrementNotFinite);
        if (!call.ArgsValid() || !call.TryFindHash(key, out var hash)) return;

        var value = ExtendedFloat.FromInt64(0);
        if (hash.TryGet(field, out var old) && !ExtendedFloat.TryParse(old, out value))
        {
            call.Reply.Error(Errors.HashNotFloat);
            return;
        }
        var sum = ExtendedFloat.Add(value, increment);
        if (!sum.IsFinite)
        {
            call.Reply.Error(Errors.NotFinite);
            return;
        }
        Span<byte> text = stackalloc byte[ExtendedFloat.TextMax];
        text = text[..sum.Format(text)];
        call.Transaction.SetFields(key, new FieldValue(field, text));
        call.Notify(KeyEventKinds.Hash, "hincrbyfloat", key.Bytes);
        call.Reply.Bulk(text);
    }
}
