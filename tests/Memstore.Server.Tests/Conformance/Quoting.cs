using System.Text;

namespace Memstore.Server.Tests.Conformance;

/// <summary>Bytes as redis-cli reads and prints them: "text\x00\r\n".</summary>
internal static class Quoting
{
    private const int ShownMax = 600;

    public static string Quote(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder("\"");
        foreach (var b in bytes[..Math.Min(bytes.Length, ShownMax)])
        {
            text.Append(b switch
            {
                (byte)'\r' => "\\r",
                (byte)'\n' => "\\n",
                (byte)'"' => "\\\"",
                (byte)'\\' => "\\\\",
                >= 32 and < 127 => ((char)b).ToString(),
                _ => $"\\x{b:x2}",
            });
        }

        return text.Append(bytes.Length > ShownMax ? $"\"... ({bytes.Length} bytes)" : "\"").ToString();
    }

    /// <summary>A command line that redis-cli accepts; plain words stay without quotes.</summary>
    public static string Quote(byte[][] arguments) => string.Join(' ', arguments.Select(argument =>
        argument.Length > 0 && argument.All(b => b is > 32 and < 127 and not ((byte)'"' or (byte)'\'' or (byte)'\\'))
            ? Encoding.ASCII.GetString(argument)
            : Quote(argument)));
}
