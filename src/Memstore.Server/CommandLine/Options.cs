using System.CommandLine;
using System.Globalization;

namespace Memstore.Server.CommandLine;

/// <summary>Options that several commands have, and the checks of their values.</summary>
internal static class Options
{
    /// <summary>The port that servers usually have.</summary>
    private const int UsualPort = 6379;

    /// <summary>An option with an integer in a range.</summary>
    public static Option<long> Number(string name, string about, long usual, long min, long max) => new(name)
    {
        Description = about,
        HelpName = "number",
        DefaultValueFactory = _ => usual,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max) return value;
            result.AddError($"{name} {text}: a number from {min} to {max} is expected");
            return usual;
        },
    };

    /// <summary>--host, --port and --password. The port and the password are also taken from the variables that serve takes them from.</summary>
    public static (Option<string> Host, Option<long> Port, Option<string?> Password) AddServer(Command command)
    {
        var usual = long.TryParse(Environment.GetEnvironmentVariable("MEMSTORE_PORT"), NumberStyles.None, CultureInfo.InvariantCulture, out var named)
            && named is > 0 and <= 65535 ? named : UsualPort;
        var host = new Option<string>("--host") { Description = "The server.", HelpName = "name", DefaultValueFactory = _ => "127.0.0.1" };
        var port = Number("--port", "Its port, or what MEMSTORE_PORT says.", usual, 1, 65535);
        var password = new Option<string?>("--password") { Description = "The password, if it wants one; MEMSTORE_REQUIREPASS says it where nobody sees it.", HelpName = "text" };
        command.Options.Add(host);
        command.Options.Add(port);
        command.Options.Add(password);
        return (host, port, password);
    }

    /// <summary>The server that the options name.</summary>
    public static ServerAddress AddressOf(ParseResult parsed, (Option<string> Host, Option<long> Port, Option<string?> Password) options)
    {
        var password = parsed.GetValue(options.Password) ?? Environment.GetEnvironmentVariable("MEMSTORE_REQUIREPASS");
        return new ServerAddress(parsed.GetValue(options.Host)!, (int)parsed.GetValue(options.Port), password is { Length: > 0 } ? password : null);
    }
}
