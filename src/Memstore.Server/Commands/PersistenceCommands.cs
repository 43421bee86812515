using System.Globalization;
using Memstore.Engine.Journaling;
using Memstore.Protocol;
using Memstore.Server.Sessions;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>Commands about what is kept on disk: images, the journal, and waiting for it.</summary>
internal static class PersistenceCommands
{
    public static readonly CommandFamily Family = new("server", AclCategories.None,
    [
        new("SAVE", Admin | NoScript | NoAsyncLoading | NoMulti, Save)
        {
            Summary = "Writes an image of the data and answers when it is safe; other clients are served meanwhile.",
            Complexity = "O(N) where N is the total number of keys in all databases", Since = "1.0.0",
        },
        new("BGSAVE [SCHEDULE]", Admin | NoScript | NoAsyncLoading, BgSave)
        {
            Summary = "Writes an image of the data in the background.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("BGREWRITEAOF", Admin | NoScript | NoAsyncLoading, BgRewriteAof)
        {
            Summary = "Replaces the journal by an image of the data, in the background.",
            Complexity = "O(1)", Since = "1.0.0",
        },
        new("LASTSAVE", Loading | Stale | Fast, LastSave)
        {
            Summary = "Answers when the last image was written; the start, as long as there is none.",
            Complexity = "O(1)", Since = "1.0.0", Categories = AclCategories.Admin | AclCategories.Dangerous, Tips = ["nondeterministic_output"],
        },
        new("WAITAOF numlocal numreplicas timeout", NoScript | Blocking, WaitAof)
        {
            Summary = "Waits until what the connection wrote is on the disk.",
            Complexity = "O(1)", Since = "7.2.0", Categories = AclCategories.Connection,
            Tips = ["request_policy:all_shards", "response_policy:agg_min"],
        },
    ]);

    /// <summary>Who wants the server to stop, for the log.</summary>
    public static string AskedBy(Session session) => string.Create(CultureInfo.InvariantCulture, $"client {session.Id} at {session.Address} asked for it");

    /// <summary>SHUTDOWN SAVE: stops the server once an image is written.</summary>
    public static void SaveAndShutDown(ref CommandCall call)
    {
        if (call.Server.Persistence is not { } persistence)
        {
            call.Reply.Error(MemoryOnly);
            return;
        }

        var (session, server) = (call.Session, call.Server);
        var saving = persistence.SaveAsync();
        session.WaitFor(saving, reply =>
        {
            if (saving.Result is { } error)
            {
                reply.Error(Ascii("ERR Errors trying to SHUTDOWN. Check logs. " + error));
                return;
            }

            session.CloseAfterReply();
            server.Shutdown?.Invoke(AskedBy(session));
        });
    }

    private static ReadOnlySpan<byte> MemoryOnly => "ERR the server keeps its data in memory only: it was started with --data none"u8;

    private static void Save(ref CommandCall call)
    {
        if (call.Server.Persistence is not { } persistence)
        {
            call.Reply.Error(MemoryOnly);
        }
        else if (persistence.IsSaving)
        {
            call.Reply.Error("ERR Background save already in progress"u8);
        }
        else
        {
            var saving = persistence.SaveAsync();
            call.Session.WaitFor(saving, reply =>
            {
                if (saving.Result is { } error) reply.Error(Ascii("ERR " + error));
                else reply.SimpleString("OK"u8);
            });
        }
    }

    private static void BgSave(ref CommandCall call)
    {
        var schedule = call.Args.Remaining > 0 && call.Args.Word("SCHEDULE"u8);
        if (call.Args.Remaining > 0) call.Args.Fail(Errors.Syntax);
        if (!call.ArgsValid()) return;
        if (call.Server.Persistence is not { } persistence)
        {
            call.Reply.Error(MemoryOnly);
        }
        else if (persistence.IsSaving)
        {
            if (schedule)
            {
                persistence.SaveAgain();
                call.Reply.SimpleString("Background saving scheduled"u8);
                return;
            }

            call.Reply.Error("ERR Background save already in progress"u8);
        }
        else
        {
            _ = persistence.SaveAsync();
            call.Reply.SimpleString("Background saving started"u8);
        }
    }

    private static void BgRewriteAof(ref CommandCall call)
    {
        if (call.Server.Persistence is not { } persistence)
        {
            call.Reply.Error(MemoryOnly);
        }
        else if (persistence.IsSaving)
        {
            call.Reply.Error("ERR Background append only file rewriting already in progress"u8);
        }
        else
        {
            _ = persistence.SaveAsync();
            call.Reply.SimpleString("Background append only file rewriting started"u8);
        }
    }

    private static void LastSave(ref CommandCall call) =>
        call.Reply.Integer((call.Server.Persistence?.LastSave ?? call.Server.Metrics.StartedAt).ToUnixTimeSeconds());

    private static void WaitAof(ref CommandCall call)
    {
        var local = call.Args.Int64();
        var replicas = call.Args.Int64();
        var timeoutMs = call.Args.Int64("ERR timeout is not an integer or out of range"u8);
        if (local is < 0 or > 1 || replicas < 0) call.Args.Fail("ERR value is out of range, value must between 0 and 1"u8);
        if (timeoutMs < 0) call.Args.Fail("ERR timeout is negative"u8);
        if (!call.ArgsValid()) return;
        var log = call.Server.Persistence is { IsJournaled: true } ? call.Server.CommitLog : null;
        if (log is null && local > 0)
        {
            call.Reply.Error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."u8);
            return;
        }

        var position = call.Session.LastPosition;
        var isSafe = log is not null && log.SafePosition(Durability.Always) >= position;
        if ((isSafe || local == 0) && replicas == 0 || call.Session.IsExecuting)
        {
            Answer(call.Reply, isSafe);
            return;
        }

        // There are no replicas, so who asks for some waits until the time is over.
        var time = call.Server.Time;
        call.Session.WaitFor(
            WhenSafeAsync(local > 0 && !isSafe ? log : null, position, replicas > 0, timeoutMs, time),
            reply => Answer(reply, log is not null && log.SafePosition(Durability.Always) >= position));
    }

    private static async Task WhenSafeAsync(ICommitLog? log, long position, bool forever, long timeoutMs, TimeProvider time)
    {
        var safe = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (log is not null) log.WhenSafe(position, Durability.Always, static (state, _) => ((TaskCompletionSource)state!).TrySetResult(), safe);
        var waits = forever ? Task.Delay(Timeout.InfiniteTimeSpan, time) : safe.Task;
        if (timeoutMs > 0) await Task.WhenAny(waits, Task.Delay(TimeSpan.FromMilliseconds(Math.Min(timeoutMs, int.MaxValue)), time)).ConfigureAwait(false);
        else await waits.ConfigureAwait(false);
    }

    private static void Answer(ReplyWriter reply, bool isSafe)
    {
        reply.ArrayHeader(2);
        reply.Integer(isSafe ? 1 : 0);
        reply.Integer(0);
    }

    private static byte[] Ascii(string text) => System.Text.Encoding.UTF8.GetBytes(text.ReplaceLineEndings(" "));
}
