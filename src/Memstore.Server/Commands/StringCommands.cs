using Memstore.Engine;
using Memstore.Server.PubSub;
using static Memstore.Server.Commands.CommandFlags;
using ValueType = Memstore.Engine.ValueType;

namespace Memstore.Server.Commands;

/// <summary>Commands on strings: bytes of any kind, which are also counters.</summary>
internal static partial class StringCommands
{
    private const KeyFlags Insert = KeyFlags.ReadWrite | KeyFlags.Insert;

    public static readonly CommandFamily Family = new("string", AclCategories.String,
    [
        new("GET key", ReadOnly | Fast | Unheld, [Key.Reads(1)], Get)
        {
            Summary = "Answers the value of a key.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL] [MEDIATYPE media-type]",
            Write | DenyOom, [Key.Range(Key.Updates(1).Flags | KeyFlags.VariableFlags, 1)], Set)
        {
            Summary = "Gives a key a string value, whatever it held before, with conditions, a time to live and what its bytes are as options.",
            IsBrief = true, Complexity = "O(1)", Since = "1.0.0",
        },
        new("GETSET key value", Write | DenyOom | Fast, [Key.Updates(1)], GetSet)
        {
            Summary = "Gives a key a new value and answers the one it had.",
            Complexity = "O(1)", Since = "1.0.0", Deprecated = ("6.2.0", "`SET` with `GET`"),
        },
        new("GETDEL key", Write | Fast, [Key.Range(KeyFlags.ReadWrite | KeyFlags.Access | KeyFlags.Delete, 1)], GetDel)
        {
            Summary = "Answers the value of a key and deletes the key.",
            Complexity = "O(1)", Since = "6.2.0",
        },
        new("GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
            Write | Fast, [Key.Updates(1)], GetEx)
        {
            Summary = "Answers the value of a key and changes its time to live.",
            Complexity = "O(1)", Since = "6.2.0",
        },
        new("SETNX key value", Write | DenyOom | Fast, [Key.Range(KeyFlags.OverWrite | KeyFlags.Insert, 1)], SetNx)
        {
            Summary = "Sets a string if the key is absent.",
            Complexity = "O(1)", Since = "1.0.0", Deprecated = ("2.6.12", "`SET` with `NX`"),
        },
        new("SETEX key seconds value", Write | DenyOom, [Key.Writes(1)], SetEx)
        {
            Summary = "Sets a string that lives for some seconds.",
            IsBrief = true, Complexity = "O(1)", Since = "2.0.0", Deprecated = ("2.6.12", "`SET` with `EX`"),
        },
        new("PSETEX key milliseconds value", Write | DenyOom, [Key.Writes(1)], PSetEx)
        {
            Summary = "Sets a string that lives for some milliseconds.",
            IsBrief = true, Complexity = "O(1)", Since = "2.6.0", Deprecated = ("2.6.12", "`SET` with `PX`"),
        },
        new("MGET key [key ...]", ReadOnly | Fast | Unheld, [Key.Reads(1, last: -1)], MGet)
        {
            Summary = "Answers the values of several keys as they are at one moment.",
            Complexity = "O(N) for N keys", Since = "1.0.0", Tips = ["request_policy:multi_shard"],
        },
        new("MSET key value [key value ...]", Write | DenyOom, [Key.Writes(1, last: -1, step: 2)], MSet)
        {
            Summary = "Sets several strings at one moment.",
            Complexity = "O(N) for N keys", Since = "1.0.1",
            Tips = ["request_policy:multi_shard", "response_policy:all_succeeded"],
        },
        new("MSETNX key value [key value ...]", Write | DenyOom,
            [Key.Range(KeyFlags.OverWrite | KeyFlags.Insert, 1, last: -1, step: 2)], MSetNx)
        {
            Summary = "Sets several strings at one moment if none of the keys is there.",
            Complexity = "O(N) for N keys", Since = "1.0.1", Tips = ["request_policy:multi_shard", "response_policy:agg_min"],
        },
        new("INCR key", Write | DenyOom | Fast, [Key.Updates(1)], Incr)
        {
            Summary = "Adds 1 to the integer in a key; a missing key counts as 0.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("DECR key", Write | DenyOom | Fast, [Key.Updates(1)], Decr)
        {
            Summary = "Takes 1 from the integer in a key; a missing key counts as 0.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("INCRBY key increment", Write | DenyOom | Fast, [Key.Updates(1)], IncrBy)
        {
            Summary = "Adds to the integer in a key; a missing key counts as 0.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("DECRBY key decrement", Write | DenyOom | Fast, [Key.Updates(1)], DecrBy)
        {
            Summary = "Takes from the integer in a key; a missing key counts as 0.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("INCRBYFLOAT key float", Write | DenyOom | Fast, [Key.Updates(1)], IncrByFloat)
        {
            Summary = "Adds to the number in a key; a missing key counts as 0.",
            Complexity = "O(1)", Since = "2.6.0",
        },
        new("APPEND key value", Write | DenyOom | Fast, [Key.Range(Insert, 1)], Append)
        {
            Summary = "Puts bytes at the end of a string; a missing key counts as empty.",
            Complexity = "O(N) for a string of N bytes", Since = "2.0.0",
        },
        new("STRLEN key", ReadOnly | Fast | Unheld, [Key.Peeks(1)], StrLen)
        {
            Summary = "Answers how many bytes a string has.",
            Complexity = "O(1)", Since = "2.2.0",
        },
        new("GETRANGE key start end", ReadOnly | Unheld, [Key.Reads(1)], GetRange)
        {
            Summary = "Answers a part of a string; negative places count from its end.",
            Complexity = "O(N) for N bytes answered", Since = "2.4.0",
        },
        new("SUBSTR key start end", ReadOnly | Unheld, [Key.Reads(1)], GetRange)
        {
            Summary = "Answers a part of a string; the old name of GETRANGE.",
            Complexity = "O(N) for N bytes answered", Since = "1.0.0", Deprecated = ("2.0.0", "`GETRANGE`"),
        },
        new("SETRANGE key offset value", Write | DenyOom, [Key.Range(KeyFlags.ReadWrite | KeyFlags.Update, 1)], SetRange)
        {
            Summary = "Overwrites a part of a string, with zero bytes before it where the string was shorter.",
            Complexity = "O(N) for a string of N bytes", Since = "2.2.0",
        },
    ]);

    private static void Get(ref CommandCall call)
    {
        var key = call.Args.Key();
        AnswerValue(ref call, key);
    }

    private static void Set(ref CommandCall call)
    {
        var key = call.Args.Key();
        var value = call.Args.Bytes();
        if (call.Args.Remaining == 0)
        {
            Put(ref call, key, value, 0);
            call.Reply.SimpleString("OK"u8);
            return;
        }
        var options = StringOptions.ReadSet(ref call.Args);
        if (!call.ArgsValid() || !options.TryDeadline(call, out var deadline)) return;

        var found = call.Transaction.Find(key, out var entry);
        if (options.Get) call.Looked(key, found);
        if (options.Get && found && entry.Type != ValueType.String)
        {
            call.Reply.Error(Errors.WrongType);
            return;
        }
        var refused = found ? options.OnlyIfAbsent : options.OnlyIfPresent;
        if (options.Get && found) call.Reply.Bulk(entry.Value);
        else if (options.Get || refused) call.Reply.Null();
        if (refused) return;

        if (options.KeepDeadline && found) deadline = entry.DeadlineUnixMs;
        Put(ref call, key, value, deadline, options.MediaType);
        if (options.Form != TimeForm.None) call.Notify(KeyEventKinds.Generic, "expire", key.Bytes);
        if (!options.Get) call.Reply.SimpleString("OK"u8);
    }

    private static void GetSet(ref CommandCall call)
    {
        var key = call.Args.Key();
        var value = call.Args.Bytes();
        var found = AnswerValue(ref call, key);
        call.Looked(key, found is not Found.Absent);
        if (found is not Found.WrongType) Put(ref call, key, value, 0);
    }

    private static void GetDel(ref CommandCall call)
    {
        var key = call.Args.Key();
        var found = AnswerValue(ref call, key);
        call.Looked(key, found is not Found.Absent);
        if (found is not Found.Present) return;
        call.Transaction.Delete(key);
        call.Notify(KeyEventKinds.Generic, "del", key.Bytes);
    }

    private static void GetEx(ref CommandCall call)
    {
        var key = call.Args.Key();
        var options = StringOptions.ReadGetEx(ref call.Args);
        if (!call.ArgsValid()) return;

        // A missing key is answered before its time is looked at.
        var lookup = call.Find(key, ValueType.String, out var entry);
        call.Looked(key, lookup is not Found.Absent);
        if (lookup is Found.Absent) call.Reply.Null();
        if (lookup is not Found.Present || !options.TryDeadline(call, out var deadline)) return;
        call.Reply.Bulk(entry.Value);
        if (options.Form != TimeForm.None)
        {
            ExpiryCommands.Apply(ref call, key, deadline);
        }
        else if (options.Persist && entry.DeadlineUnixMs != 0)
        {
            call.Transaction.SetDeadline(key, 0);
            call.Notify(KeyEventKinds.Generic, "persist", key.Bytes);
        }
    }

    private static void SetNx(ref CommandCall call)
    {
        var key = call.Args.Key();
        var value = call.Args.Bytes();
        var absent = !call.Transaction.Find(key, out _);
        if (absent) Put(ref call, key, value, 0);
        call.Reply.Integer(absent ? 1 : 0);
    }

    private static void SetEx(ref CommandCall call) => SetWithTime(ref call, TimeForm.Seconds);

    private static void PSetEx(ref CommandCall call) => SetWithTime(ref call, TimeForm.Milliseconds);

    private static void SetWithTime(ref CommandCall call, TimeForm form)
    {
        var key = call.Args.Key();
        var time = call.Args.Int64();
        var value = call.Args.Bytes();
        if (!call.ArgsValid()) return;
        if (!Deadlines.TryResolvePositive(time, form, call.Transaction.NowUnixMs, out var deadline))
        {
            call.Reply.Error(Errors.InvalidExpireTime(call.Command));
            return;
        }
        Put(ref call, key, value, deadline);
        call.Notify(KeyEventKinds.Generic, "expire", key.Bytes);
        call.Reply.SimpleString("OK"u8);
    }

    private static void MGet(ref CommandCall call)
    {
        call.Reply.ArrayHeader(call.Args.Remaining);
        while (call.Args.Remaining > 0)
        {
            if (call.Look(call.Args.Key(), out var entry) && entry.Type == ValueType.String) call.Reply.Bulk(entry.Value);
            else call.Reply.Null();
        }
    }

    private static void MSet(ref CommandCall call)
    {
        if (!PairsValid(ref call)) return;
        PutPairs(ref call);
        call.Reply.SimpleString("OK"u8);
    }

    private static void MSetNx(ref CommandCall call)
    {
        if (!PairsValid(ref call)) return;
        var looking = call.Args;
        while (looking.Remaining > 0)
        {
            if (call.Transaction.Find(looking.Key(), out _))
            {
                call.Reply.Integer(0);
                return;
            }
            looking.Skip(1);
        }
        PutPairs(ref call);
        call.Reply.Integer(1);
    }

    private static bool PairsValid(ref CommandCall call)
    {
        if (call.Args.Remaining % 2 == 0) return true;
        call.Reply.Error(Errors.WrongArity(call.Command));
        return false;
    }

    private static void PutPairs(ref CommandCall call)
    {
        while (call.Args.Remaining > 0)
        {
            var key = call.Args.Key();
            Put(ref call, key, call.Args.Bytes(), 0);
        }
    }

    private static Found AnswerValue(ref CommandCall call, in Engine.Key key)
    {
        var lookup = call.Find(key, ValueType.String, out var entry);
        if (lookup is Found.Present) call.Reply.Bulk(entry.Value);
        else if (lookup is Found.Absent) call.Reply.Null();
        return lookup;
    }

    private static void Put(ref CommandCall call, in Engine.Key key, ReadOnlySpan<byte> value, long deadlineUnixMs, scoped ReadOnlySpan<byte> mediaType = default)
    {
        call.Transaction.PutString(key, value, Deadlines.Keep(deadlineUnixMs), mediaType: mediaType);
        call.Notify(KeyEventKinds.String, "set", key.Bytes);
    }
}
