using System.Text;
using Memstore.Protocol;
using Memstore.Server.Sessions;

namespace Memstore.Server.Commands;

/// <summary>Which clients CLIENT LIST and CLIENT KILL mean.</summary>
internal sealed class ClientFilter
{
    private enum ClientType
    {
        Any,
        Normal,
        PubSub,
        None,
    }

    private ClientType _type;

    /// <summary>Numbers of clients; empty for all.</summary>
    public List<long> Ids { get; } = [];

    /// <summary>The client's address; null for any.</summary>
    public string? Address { get; set; }

    /// <summary>The server's address that the client connected to; null for any.</summary>
    public string? LocalAddress { get; set; }

    /// <summary>Whether the client that asks is spared.</summary>
    public bool SkipsCaller { get; set; }

    /// <summary>Whether a session is meant.</summary>
    public bool Matches(Session session, Session caller)
    {
        if (SkipsCaller && session == caller) return false;
        if (Ids.Count > 0 && !Ids.Contains(session.Id)) return false;
        if (Address is not null && session.Address != Address) return false;
        if (LocalAddress is not null && session.LocalAddress != LocalAddress) return false;
        var isPubSub = session.Is(SessionState.Subscriber);
        return _type switch
        {
            ClientType.Any => true,
            ClientType.Normal => !isPubSub,
            ClientType.PubSub => isPubSub,
            _ => false,
        };
    }

    /// <summary>Reads a type; false if there is no such type, which has been answered.</summary>
    public bool ReadType(ref CommandCall call)
    {
        // There are no primaries or replicas among the clients, so these types mean nobody.
        if (call.Args.Word("NORMAL"u8)) _type = ClientType.Normal;
        else if (call.Args.Word("PUBSUB"u8)) _type = ClientType.PubSub;
        else if (call.Args.Word("MASTER"u8) || call.Args.Word("REPLICA"u8) || call.Args.Word("SLAVE"u8)) _type = ClientType.None;
        else
        {
            call.Reply.Error(Errors.Echoing("ERR Unknown client type '"u8, call.Args.Bytes(), "'"u8));
            return false;
        }
        return true;
    }

    /// <summary>Reads the options of CLIENT KILL; false if they are wrong, which has been answered.</summary>
    public bool ReadKillOptions(ref CommandCall call)
    {
        while (call.Args.Remaining >= 2)
        {
            if (call.Args.Word("ID"u8))
            {
                if (!RespNumber.TryParseInt64(call.Args.Bytes(), out var id) || id < 1) return Fail(ref call, "ERR client-id should be greater than 0"u8);
                Ids.Add(id);
            }
            else if (call.Args.Word("TYPE"u8))
            {
                if (!ReadType(ref call)) return false;
            }
            else if (call.Args.Word("ADDR"u8)) Address = Encoding.UTF8.GetString(call.Args.Bytes());
            else if (call.Args.Word("LADDR"u8)) LocalAddress = Encoding.UTF8.GetString(call.Args.Bytes());
            else if (call.Args.Word("USER"u8))
            {
                var user = call.Args.Bytes();
                if (!user.SequenceEqual("default"u8))
                {
                    call.Reply.Error(Errors.Echoing("ERR No such user '"u8, user, "'"u8));
                    return false;
                }
            }
            else if (call.Args.Word("SKIPME"u8))
            {
                SkipsCaller = call.Args.Word("YES"u8);
                if (!SkipsCaller && !call.Args.Word("NO"u8)) return Fail(ref call, Errors.Syntax);
            }
            else return Fail(ref call, Errors.Syntax);
        }
        return call.Args.Remaining == 0 || Fail(ref call, Errors.Syntax);
    }

    private static bool Fail(ref CommandCall call, scoped ReadOnlySpan<byte> error)
    {
        call.Reply.Error(error);
        return false;
    }
}
