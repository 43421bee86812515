using System.Text;
using Memstore.Protocol;
using Memstore.Server.Commands;
using Memstore.Server.Configuration;

namespace Memstore.Server.Metrics;

/// <summary>Which arguments are secrets, so that SLOWLOG and MONITOR do not show them; the same as Redis 7.0 hides.</summary>
internal static class Redaction
{
    /// <summary>Whether an argument must not be shown.</summary>
    /// <param name="row">The command.</param>
    /// <param name="request">The request.</param>
    /// <param name="index">The argument; 0 is the name.</param>
    public static bool Hides(Command row, in Request request, int index) => row.Name switch
    {
        "auth" => index > 0,
        "hello" => Follows(request, index, "AUTH"u8, 1) || Follows(request, index, "AUTH"u8, 2),
        "config|set" => index >= 3 && index % 2 == 1 && IsSecret(request[index - 1]),
        _ => false,
    };

    /// <summary>What is shown in the place of a secret.</summary>
    public static ReadOnlySpan<byte> Shown => "(redacted)"u8;

    private static bool Follows(in Request request, int index, ReadOnlySpan<byte> word, int distance) =>
        index - distance > 0 && Ascii.EqualsIgnoreCase(request[index - distance], word);

    private static bool IsSecret(ReadOnlySpan<byte> setting) =>
        setting.Length < 64 && SettingTable.Names.TryGetValue(Encoding.Latin1.GetString(setting), out var row) && row.IsSecret;
}
