using System.Globalization;
using System.Net;
using System.Text;

namespace Memstore.Server.Sessions;

// How a session appears in CLIENT LIST, MONITOR and SLOWLOG. Any thread may ask: what it sees is about true.
internal sealed partial class Session
{
    private string? _address;
    private string? _localAddress;

    /// <summary>Where the client is: address and port, or the path of the Unix socket with port 0.</summary>
    public string Address => _address ??= Format(_connection.RemoteEndPoint);

    /// <summary>Where it connected to.</summary>
    public string LocalAddress => _localAddress ??= Format(_connection.LocalEndPoint);

    /// <summary>Whether it comes from this machine.</summary>
    public bool IsLocal => _connection.IsUnixSocket || _connection.RemoteEndPoint is IPEndPoint { Address: var address } && IPAddress.IsLoopback(address);

    /// <summary>One line of CLIENT LIST, without its line end.</summary>
    public string Describe()
    {
        var now = Environment.TickCount64;
        var queued = QueuedCount;
        var output = OutputSize;
        var pending = Math.Max(0, output - _connection.UnsentBytes);
        return new StringBuilder(256)
            .Append(CultureInfo.InvariantCulture, $"id={Id} addr={Address} laddr={LocalAddress} fd={_connection.FileDescriptor} name={Name} ")
            .Append(CultureInfo.InvariantCulture, $"age={(now - CreatedTicks) / 1000} idle={(now - LastActiveTicks) / 1000} flags={Letters()} ")
            .Append(CultureInfo.InvariantCulture, $"db={Database} sub={Subscriptions.CountOf(PubSub.SubscriptionKind.Channel)} ")
            .Append(CultureInfo.InvariantCulture, $"psub={Subscriptions.CountOf(PubSub.SubscriptionKind.Pattern)} ")
            .Append(CultureInfo.InvariantCulture, $"ssub={Subscriptions.CountOf(PubSub.SubscriptionKind.ShardChannel)} multi={queued} ")
            .Append(CultureInfo.InvariantCulture, $"qbuf={QueryBufferSize} qbuf-free=0 argv-mem=0 multi-mem={QueuedSize} ")
            .Append(CultureInfo.InvariantCulture, $"rbs={_reply.Capacity} rbp={_reply.Length} obl={pending} oll=0 omem={output} tot-mem={BufferSize} ")
            .Append(CultureInfo.InvariantCulture, $"events=r cmd={LastCommand?.Name ?? "NULL"} user=default redir=-1 resp={Protocol} ")
            .Append(CultureInfo.InvariantCulture, $"lib-name={LibraryName} lib-ver={LibraryVersion}")
            .ToString();
    }

    private string Letters()
    {
        var letters = "";
        if (Is(SessionState.Monitor)) letters += 'O';
        if (Is(SessionState.Subscriber)) letters += 'P';
        if (Is(SessionState.Queueing)) letters += 'x';
        if (Is(SessionState.QueueBroken)) letters += 'd';
        if (Is(SessionState.Closing)) letters += 'c';
        if (Is(SessionState.NoEvict)) letters += 'e';
        if (Is(SessionState.NoTouch)) letters += 'T';
        if (_connection.IsUnixSocket) letters += 'U';
        return letters.Length == 0 ? "N" : letters;
    }

    private static string Format(EndPoint? endPoint) => endPoint switch
    {
        IPEndPoint ip => ip.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(ip.Address.MapToIPv4(), ip.Port).ToString() : ip.ToString(),
        null => "?:0",
        _ => endPoint + ":0",
    };
}
