using Memstore.Engine;
using Memstore.Server.PubSub;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>Commands on the deadlines of keys.</summary>
internal static class ExpiryCommands
{
    private const KeyFlags Change = KeyFlags.ReadWrite | KeyFlags.Update;
    private const string Moving = "nondeterministic_output";

    public static readonly CommandFamily Family = new("generic", AclCategories.Keyspace,
    [
        new("EXPIRE key seconds [NX | XX | GT | LT]", Write | Fast, [Key.Range(Change, 1)], Expire)
        {
            Summary = "Lets a key live for some seconds more.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("PEXPIRE key milliseconds [NX | XX | GT | LT]", Write | Fast, [Key.Range(Change, 1)], PExpire)
        {
            Summary = "Lets a key live for some milliseconds more.",
            Complexity = "O(1)", Since = "2.6.0",
        },
        new("EXPIREAT key unix-time-seconds [NX | XX | GT | LT]", Write | Fast, [Key.Range(Change, 1)], ExpireAt)
        {
            Summary = "Lets a key live until a moment, given in seconds of Unix time.",
            Complexity = "O(1)", Since = "1.2.0",
        },
        new("PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]", Write | Fast, [Key.Range(Change, 1)], PExpireAt)
        {
            Summary = "Lets a key live until a moment, given in milliseconds of Unix time.",
            Complexity = "O(1)", Since = "2.6.0",
        },
        new("TTL key", ReadOnly | Fast | Unheld, [Key.Reads(1)], Ttl)
        {
            Summary = "Answers how many seconds a key has left: -1 for ever, -2 if it is not there.",
            Complexity = "O(1)", Since = "1.0.0", Tips = [Moving],
        },
        new("PTTL key", ReadOnly | Fast | Unheld, [Key.Reads(1)], PTtl)
        {
            Summary = "Answers how many milliseconds a key has left: -1 for ever, -2 if it is not there.",
            Complexity = "O(1)", Since = "2.6.0", Tips = [Moving],
        },
        new("EXPIRETIME key", ReadOnly | Fast | Unheld, [Key.Reads(1)], ExpireTime)
        {
            Summary = "Answers a key's deadline in seconds of Unix time: -1 for none, -2 if the key is not there.",
            Complexity = "O(1)", Since = "7.0.0",
        },
        new("PEXPIRETIME key", ReadOnly | Fast | Unheld, [Key.Reads(1)], PExpireTime)
        {
            Summary = "Answers a key's deadline in milliseconds of Unix time: -1 for none, -2 if the key is not there.",
            Complexity = "O(1)", Since = "7.0.0",
        },
        new("PERSIST key", Write | Fast, [Key.Range(Change, 1)], Persist)
        {
            Summary = "Takes a key's deadline away.",
            Complexity = "O(1)", Since = "2.2.0",
        },
    ]);

    /// <summary>Gives a key that is there a deadline; one that has passed deletes it.</summary>
    public static void Apply(ref CommandCall call, in Engine.Key key, long deadlineUnixMs)
    {
        if (deadlineUnixMs <= call.Transaction.NowUnixMs)
        {
            call.Transaction.Delete(key);
            call.Notify(KeyEventKinds.Generic, "del", key.Bytes);
            return;
        }
        call.Transaction.SetDeadline(key, Deadlines.Keep(deadlineUnixMs));
        call.Notify(KeyEventKinds.Generic, "expire", key.Bytes);
    }

    private static void Expire(ref CommandCall call) => SetDeadline(ref call, TimeForm.Seconds);

    private static void PExpire(ref CommandCall call) => SetDeadline(ref call, TimeForm.Milliseconds);

    private static void ExpireAt(ref CommandCall call) => SetDeadline(ref call, TimeForm.UnixSeconds);

    private static void PExpireAt(ref CommandCall call) => SetDeadline(ref call, TimeForm.UnixMilliseconds);

    private static void SetDeadline(ref CommandCall call, TimeForm form)
    {
        var key = call.Args.Key();
        var time = call.Args.Bytes();
        if (!TryReadConditions(ref call, out var conditions)) return;
        if (!Protocol.RespNumber.TryParseInt64(time, out var value))
        {
            call.Reply.Error(Errors.NotInteger);
            return;
        }
        if (!Deadlines.TryResolve(value, form, call.Transaction.NowUnixMs, out var deadline))
        {
            call.Reply.Error(Errors.InvalidExpireTime(call.Command));
            return;
        }
        var applies = call.Transaction.Find(key, out var entry) && Allows(conditions, entry.DeadlineUnixMs, deadline);
        if (applies) Apply(ref call, key, deadline);
        call.Reply.Integer(applies ? 1 : 0);
    }

    private static bool TryReadConditions(ref CommandCall call, out Conditions conditions)
    {
        conditions = Conditions.None;
        while (call.Args.Remaining > 0)
        {
            if (call.Args.Word("NX"u8)) conditions |= Conditions.IfNone;
            else if (call.Args.Word("XX"u8)) conditions |= Conditions.IfAny;
            else if (call.Args.Word("GT"u8)) conditions |= Conditions.IfLater;
            else if (call.Args.Word("LT"u8)) conditions |= Conditions.IfEarlier;
            else
            {
                call.Reply.Error(Errors.UnsupportedOption(call.Args.Peek()));
                return false;
            }
        }
        if ((conditions & Conditions.IfNone) != 0 && conditions != Conditions.IfNone) call.Args.Fail(Errors.ExpireConditions);
        if ((conditions & (Conditions.IfLater | Conditions.IfEarlier)) == (Conditions.IfLater | Conditions.IfEarlier))
            call.Args.Fail(Errors.ExpireGtLt);
        return call.ArgsValid();
    }

    // No deadline is later than every deadline.
    private static bool Allows(Conditions conditions, long current, long deadline)
    {
        if ((conditions & Conditions.IfNone) != 0 && current != 0) return false;
        if ((conditions & Conditions.IfAny) != 0 && current == 0) return false;
        if ((conditions & Conditions.IfLater) != 0 && (current == 0 || deadline <= current)) return false;
        return (conditions & Conditions.IfEarlier) == 0 || current == 0 || deadline < current;
    }

    private static void Ttl(ref CommandCall call) => AnswerDeadline(ref call, relative: true, seconds: true);

    private static void PTtl(ref CommandCall call) => AnswerDeadline(ref call, relative: true, seconds: false);

    private static void ExpireTime(ref CommandCall call) => AnswerDeadline(ref call, relative: false, seconds: true);

    private static void PExpireTime(ref CommandCall call) => AnswerDeadline(ref call, relative: false, seconds: false);

    private static void AnswerDeadline(ref CommandCall call, bool relative, bool seconds)
    {
        if (!call.Look(call.Args.Key(), out var entry))
        {
            call.Reply.Integer(-2);
            return;
        }
        var deadline = entry.DeadlineUnixMs;
        if (deadline == 0)
        {
            call.Reply.Integer(-1);
            return;
        }
        var time = relative ? Math.Max(0, deadline - call.Transaction.NowUnixMs) : deadline;
        call.Reply.Integer(seconds ? (time + 500) / 1000 : time);
    }

    private static void Persist(ref CommandCall call)
    {
        var key = call.Args.Key();
        var applies = call.Transaction.Find(key, out var entry) && entry.DeadlineUnixMs != 0;
        if (applies)
        {
            call.Transaction.SetDeadline(key, 0);
            call.Notify(KeyEventKinds.Generic, "persist", key.Bytes);
        }
        call.Reply.Integer(applies ? 1 : 0);
    }

    [Flags]
    private enum Conditions
    {
        None = 0,
        IfNone = 1,
        IfAny = 2,
        IfLater = 4,
        IfEarlier = 8,
    }
}
