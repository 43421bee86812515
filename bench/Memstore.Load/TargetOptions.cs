using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Memstore.Load;

/// <summary>The options that say which server is meant and how big the data are; every subcommand has them.</summary>
internal sealed partial class TargetOptions
{
    private readonly Option<string> _host = new("--host") { Description = "Address of the server.", DefaultValueFactory = _ => "127.0.0.1" };
    private readonly Option<int> _port = new("--port", "-p") { Description = "Its port.", DefaultValueFactory = _ => 6379 };
    private readonly Option<int> _pid = new("--pid") { Description = "Its process; found through INFO when left out." };
    private readonly Option<int> _valueSize = new("--value-size") { Description = "Bytes of a value.", DefaultValueFactory = _ => 32 };
    private readonly Option<int> _ttl = new("--ttl") { Description = "Seconds to live of each key that is set; 0 for ever." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _host, _port, _pid, _valueSize, _ttl }) command.Options.Add(option);
    }

    public LoadSettings Read(ParseResult parsed)
    {
        var (host, port, pid) = (parsed.GetValue(_host)!, parsed.GetValue(_port), parsed.GetValue(_pid));
        return new LoadSettings
        {
            Host = host,
            Port = port,
            Pid = pid > 0 ? pid : FindPid(host, port),
            ValueSize = parsed.GetValue(_valueSize),
            TtlSeconds = parsed.GetValue(_ttl),
        };
    }

    /// <summary>Sends one command (words between spaces) and returns the reply as text, as far as it comes at once.</summary>
    public static string Ask(string host, int port, string command)
    {
        using var client = new TcpClient(host, port) { ReceiveTimeout = 60_000 };
        var words = command.Split(' ');
        var request = $"*{words.Length}\r\n" + string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n"));
        client.GetStream().Write(Encoding.ASCII.GetBytes(request));
        var bytes = new byte[64 * 1024];
        return Encoding.Latin1.GetString(bytes, 0, client.GetStream().Read(bytes));
    }

    private static int FindPid(string host, int port)
    {
        if (host is not ("127.0.0.1" or "localhost" or "::1")) return 0;
        var match = ProcessId().Match(Ask(host, port, "INFO server"));
        return match.Success ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0;
    }

    [GeneratedRegex(@"process_id:(\d+)")]
    private static partial Regex ProcessId();
}
