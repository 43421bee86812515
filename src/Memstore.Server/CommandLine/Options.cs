using System.CommandLine;
using System.Globalization;
using Memstore.Server.Configuration;

namespace Memstore.Server.CommandLine;

/// <summary>Options that several commands have, and the checks of their values.</summary>
internal static class Options
{
    // What serve reads in the same place: the health check of a container has no arguments and must find its server. A file that is wrong is serve's to refuse.
    private static readonly Lazy<Settings> Served = new(static () =>
    {
        try
        {
            return SettingLoader.Load(null, [], Environment.GetEnvironmentVariables(), Environment.CurrentDirectory).Settings;
        }
        catch (Exception error) when (error is ConfigurationException or IOException)
        {
            return new Settings();
        }
    });

    /// <summary>An option with an integer in a range.</summary>
    public static Option<long> Number(string name, string about, long usual, long min, long max) => Number(name, about, () => usual, min, max);

    private static Option<long> Number(string name, string about, Func<long> usual, long min, long max) => new(name)
    {
        Description = about,
        HelpName = "number",
        DefaultValueFactory = _ => usual(),
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max) return value;
            result.AddError($"{name} {text}: a number from {min} to {max} is expected");
            return min;
        },
    };

    /// <summary>--host, --port and --password. The port and the password are also taken from where serve takes them: a file, the environment.</summary>
    public static (Option<string> Host, Option<long> Port, Option<string?> Password) AddServer(Command command)
    {
        var host = new Option<string>("--host") { Description = "The server.", HelpName = "name", DefaultValueFactory = _ => "127.0.0.1" };
        var port = Number("--port", "Its port; else what serve would read here.", static () => Served.Value.Number("port"), 1, 65535);
        var password = new Option<string?>("--password") { Description = "The password, if it wants one; MEMSTORE_REQUIREPASS or a file says it where nobody sees it.", HelpName = "text" };
        command.Options.Add(host);
        command.Options.Add(port);
        command.Options.Add(password);
        return (host, port, password);
    }

    /// <summary>The server that the options name.</summary>
    public static ServerAddress AddressOf(ParseResult parsed, (Option<string> Host, Option<long> Port, Option<string?> Password) options)
    {
        var password = parsed.GetValue(options.Password) ?? SettingText.Utf8(Served.Value.Password);
        return new ServerAddress(parsed.GetValue(options.Host)!, (int)parsed.GetValue(options.Port), password is { Length: > 0 } ? password : null);
    }
}
