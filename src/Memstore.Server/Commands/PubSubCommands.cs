using Memstore.Server.PubSub;
using Memstore.Server.Sessions;
using static Memstore.Server.Commands.CommandFlags;

namespace Memstore.Server.Commands;

/// <summary>Commands that publish messages and listen to them.</summary>
internal static class PubSubCommands
{
    private const CommandFlags Listening = CommandFlags.PubSub | NoScript | Loading | Stale | WhileSubscribed | NotInOpen;

    public static readonly CommandFamily Family = new("pubsub", AclCategories.PubSub,
    [
        new("SUBSCRIBE channel [channel ...]", Listening, Subscribe)
        {
            Summary = "Listens to channels.",
            Complexity = "O(N) where N is the number of channels to subscribe to.", Since = "2.0.0",
        },
        new("UNSUBSCRIBE [channel [channel ...]]", Listening, Unsubscribe)
        {
            Summary = "Stops listening to channels, or to all of them.",
            Complexity = "O(N) where N is the number of channels to unsubscribe.", Since = "2.0.0",
        },
        new("PSUBSCRIBE pattern [pattern ...]", Listening, PSubscribe)
        {
            Summary = "Listens to the channels that match patterns.",
            Complexity = "O(N) where N is the number of patterns to subscribe to.", Since = "2.0.0",
        },
        new("PUNSUBSCRIBE [pattern [pattern ...]]", Listening, PUnsubscribe)
        {
            Summary = "Stops listening to patterns, or to all of them.",
            Complexity = "O(N) where N is the number of patterns to unsubscribe.", Since = "2.0.0",
        },
        new("SSUBSCRIBE shardchannel [shardchannel ...]", Listening, SSubscribe)
        {
            Summary = "Listens to channels that belong to a slot.",
            Complexity = "O(N) where N is the number of shard channels to subscribe to.", Since = "7.0.0",
        },
        new("SUNSUBSCRIBE [shardchannel [shardchannel ...]]", Listening, SUnsubscribe)
        {
            Summary = "Stops listening to channels that belong to a slot, or to all of them.",
            Complexity = "O(N) where N is the number of shard channels to unsubscribe.", Since = "7.0.0",
        },
        new("PUBLISH channel message", CommandFlags.PubSub | Loading | Stale | Fast | MayReplicate, Publish)
        {
            Summary = "Sends a message to all who listen to a channel.",
            Complexity = "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).",
            Since = "2.0.0",
        },
        new("SPUBLISH shardchannel message", CommandFlags.PubSub | Loading | Stale | Fast | MayReplicate, SPublish)
        {
            Summary = "Sends a message to all who listen to a channel that belongs to a slot.",
            Complexity = "O(N) where N is the number of clients subscribed to the receiving shard channel.", Since = "7.0.0",
        },
        new("PUBSUB", None, null)
        {
            Summary = "A container for commands about channels.",
            Complexity = "Depends on the subcommand", Since = "2.8.0",
        },
        new("PUBSUB CHANNELS [pattern]", CommandFlags.PubSub | Loading | Stale, Channels)
        {
            Summary = "Lists the channels that somebody listens to.",
            Complexity = "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
            Since = "2.8.0",
        },
        new("PUBSUB HELP", Loading | Stale, ContainerHelp.Answer)
        {
            Summary = "Shows these lines.",
            Complexity = "O(1)", Since = "6.2.0", Categories = AclCategories.None,
        },
        new("PUBSUB NUMPAT", CommandFlags.PubSub | Loading | Stale, NumPat)
        {
            Summary = "Counts the patterns that somebody listens to.",
            Complexity = "O(1)", Since = "2.8.0",
        },
        new("PUBSUB NUMSUB [channel [channel ...]]", CommandFlags.PubSub | Loading | Stale, NumSub)
        {
            Summary = "Counts who listens to channels.",
            Complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested channels", Since = "2.8.0",
        },
        new("PUBSUB SHARDCHANNELS [pattern]", CommandFlags.PubSub | Loading | Stale, ShardChannels)
        {
            Summary = "Lists the channels of slots that somebody listens to.",
            Complexity = "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).",
            Since = "7.0.0",
        },
        new("PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]", CommandFlags.PubSub | Loading | Stale, ShardNumSub)
        {
            Summary = "Counts who listens to channels of slots.",
            Complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels", Since = "7.0.0",
        },
    ]);

    private static void Subscribe(ref CommandCall call) => Listen(ref call, SubscriptionKind.Channel, "subscribe"u8);

    private static void PSubscribe(ref CommandCall call) => Listen(ref call, SubscriptionKind.Pattern, "psubscribe"u8);

    private static void SSubscribe(ref CommandCall call) => Listen(ref call, SubscriptionKind.ShardChannel, "ssubscribe"u8);

    private static void Unsubscribe(ref CommandCall call) => Unlisten(ref call, SubscriptionKind.Channel, "unsubscribe"u8);

    private static void PUnsubscribe(ref CommandCall call) => Unlisten(ref call, SubscriptionKind.Pattern, "punsubscribe"u8);

    private static void SUnsubscribe(ref CommandCall call) => Unlisten(ref call, SubscriptionKind.ShardChannel, "sunsubscribe"u8);

    private static void Listen(ref CommandCall call, SubscriptionKind kind, ReadOnlySpan<byte> answer)
    {
        while (call.Args.Remaining > 0)
        {
            var name = call.Args.Bytes();
            call.Server.PubSub.Add(call.Session, kind, name);
            Answer(ref call, kind, answer, name);
        }
    }

    private static void Unlisten(ref CommandCall call, SubscriptionKind kind, ReadOnlySpan<byte> answer)
    {
        var hub = call.Server.PubSub;
        var session = call.Session;
        if (call.Args.Remaining == 0)
        {
            var names = session.Subscriptions.Of(kind);
            foreach (var name in names)
            {
                hub.Remove(session, kind, name.Bytes);
                session.TakeMessages();
                Answer(ref call, kind, answer, name.Bytes);
            }
            if (names.Length == 0) AnswerNothing(ref call, kind, answer);
            return;
        }
        while (call.Args.Remaining > 0)
        {
            var name = call.Args.Bytes();
            hub.Remove(session, kind, name);
            // Messages that came before go before: a RESP2 client takes what follows for replies.
            session.TakeMessages();
            Answer(ref call, kind, answer, name);
        }
    }

    private static void Answer(ref CommandCall call, SubscriptionKind kind, ReadOnlySpan<byte> answer, ReadOnlySpan<byte> name)
    {
        call.Reply.PushHeader(3);
        call.Reply.Bulk(answer);
        call.Reply.Bulk(name);
        call.Reply.Integer(Count(call.Session, kind));
    }

    private static void AnswerNothing(ref CommandCall call, SubscriptionKind kind, ReadOnlySpan<byte> answer)
    {
        call.Reply.PushHeader(3);
        call.Reply.Bulk(answer);
        call.Reply.Null();
        call.Reply.Integer(Count(call.Session, kind));
    }

    private static int Count(Session session, SubscriptionKind kind) =>
        kind == SubscriptionKind.ShardChannel ? session.Subscriptions.CountOf(kind) : session.Subscriptions.Count;

    private static void Publish(ref CommandCall call) =>
        call.Reply.Integer(call.Session.Publish(call.Args.Bytes(), call.Args.Bytes(), isShardChannel: false));

    private static void SPublish(ref CommandCall call) =>
        call.Reply.Integer(call.Session.Publish(call.Args.Bytes(), call.Args.Bytes(), isShardChannel: true));

    private static void Channels(ref CommandCall call) => ListNames(ref call, SubscriptionKind.Channel);

    private static void ShardChannels(ref CommandCall call) => ListNames(ref call, SubscriptionKind.ShardChannel);

    private static void ListNames(ref CommandCall call, SubscriptionKind kind)
    {
        if (call.Args.Remaining > 1)
        {
            call.Reply.Error(Errors.WrongUse(call.Args.Request[1], "PUBSUB"u8));
            return;
        }
        var pattern = call.Args.Remaining == 0 ? "*"u8 : call.Args.Bytes();
        var names = call.Server.PubSub.Matching(kind, pattern);
        call.Reply.ArrayHeader(names.Count);
        foreach (var name in names) call.Reply.Bulk(name.Bytes);
    }

    private static void NumPat(ref CommandCall call) => call.Reply.Integer(call.Server.PubSub.CountOf(SubscriptionKind.Pattern));

    private static void NumSub(ref CommandCall call) => CountNames(ref call, SubscriptionKind.Channel);

    private static void ShardNumSub(ref CommandCall call) => CountNames(ref call, SubscriptionKind.ShardChannel);

    private static void CountNames(ref CommandCall call, SubscriptionKind kind)
    {
        call.Reply.ArrayHeader(call.Args.Remaining * 2);
        while (call.Args.Remaining > 0)
        {
            var name = call.Args.Bytes();
            call.Reply.Bulk(name);
            call.Reply.Integer(call.Server.PubSub.CountOf(kind, name));
        }
    }
}
