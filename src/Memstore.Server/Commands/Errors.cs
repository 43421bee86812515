using System.Buffers;
using System.Text;
using Memstore.Protocol;

namespace Memstore.Server.Commands;

/// <summary>The texts of all errors that commands answer, with their codes, byte for byte those of Redis 7.0.15.</summary>
internal static class Errors
{
    /// <summary>How much of a name that nobody knows is repeated, in bytes.</summary>
    private const int EchoMax = 128;

    // ---- Any command -----------------------------------------------------------------------------------------------

    public static ReadOnlySpan<byte> WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value"u8;
    public static ReadOnlySpan<byte> Syntax => "ERR syntax error"u8;
    public static ReadOnlySpan<byte> NotInteger => "ERR value is not an integer or out of range"u8;
    public static ReadOnlySpan<byte> NotInt32 => "ERR value is out of range, value must between -2147483648 and 2147483647"u8;
    public static ReadOnlySpan<byte> NotRandomCount =>
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"u8;

    public static ReadOnlySpan<byte> NotFloat => "ERR value is not a valid float"u8;
    public static ReadOnlySpan<byte> OutOfRange => "ERR value is out of range"u8;
    public static ReadOnlySpan<byte> NotPositive => "ERR value is out of range, must be positive"u8;
    public static ReadOnlySpan<byte> NoSuchKey => "ERR no such key"u8;
    public static ReadOnlySpan<byte> SameObject => "ERR source and destination objects are the same"u8;
    public static ReadOnlySpan<byte> DatabaseOutOfRange => "ERR DB index is out of range"u8;
    public static ReadOnlySpan<byte> InvalidFirstDatabase => "ERR invalid first DB index"u8;
    public static ReadOnlySpan<byte> InvalidSecondDatabase => "ERR invalid second DB index"u8;
    public static ReadOnlySpan<byte> InvalidCursor => "ERR invalid cursor"u8;
    public static ReadOnlySpan<byte> OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'."u8;

    // ---- Strings and counters --------------------------------------------------------------------------------------

    public static ReadOnlySpan<byte> Overflow => "ERR increment or decrement would overflow"u8;
    public static ReadOnlySpan<byte> DecrementOverflow => "ERR decrement would overflow"u8;
    public static ReadOnlySpan<byte> NotFinite => "ERR increment would produce NaN or Infinity"u8;
    public static ReadOnlySpan<byte> IncrementNotFinite => "ERR value is NaN or Infinity"u8;
    public static ReadOnlySpan<byte> OffsetOutOfRange => "ERR offset is out of range"u8;
    public static ReadOnlySpan<byte> StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)"u8;
    public static ReadOnlySpan<byte> HashNotInteger => "ERR hash value is not an integer"u8;
    public static ReadOnlySpan<byte> HashNotFloat => "ERR hash value is not a float"u8;

    // Redis has no such option.
    public static ReadOnlySpan<byte> InvalidMediaType => "ERR invalid media type, it must be like text/plain, with parameters of at most 255 bytes in all"u8;

    // ---- Expiry ----------------------------------------------------------------------------------------------------

    public static ReadOnlySpan<byte> ExpireConditions => "ERR NX and XX, GT or LT options at the same time are not compatible"u8;
    public static ReadOnlySpan<byte> ExpireGtLt => "ERR GT and LT options at the same time are not compatible"u8;

    // ---- Looking at keys and commands ------------------------------------------------------------------------------

    public static ReadOnlySpan<byte> NoFrequency =>
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."u8;

    public static ReadOnlySpan<byte> InvalidCommand => "ERR Invalid command specified"u8;
    public static ReadOnlySpan<byte> NoKeyArguments => "ERR The command has no key arguments"u8;
    public static ReadOnlySpan<byte> InvalidArgumentCount => "ERR Invalid number of arguments specified for command"u8;
    public static ReadOnlySpan<byte> InvalidArguments => "ERR Invalid arguments specified for command"u8;

    // ---- Texts with a part of the request ----------------------------------------------------------------------------

    /// <summary>The number of words is not what the row says.</summary>
    public static byte[] WrongArity(Command command) =>
        Encoding.UTF8.GetBytes($"ERR wrong number of arguments for '{command.Name}' command");

    /// <summary>An expiry that is not positive, or too far away.</summary>
    public static byte[] InvalidExpireTime(Command command) =>
        Encoding.UTF8.GetBytes($"ERR invalid expire time in '{command.Name}' command");

    /// <summary>An option that the command does not have.</summary>
    public static byte[] UnsupportedOption(ReadOnlySpan<byte> option) => Echoing("ERR Unsupported option "u8, option, default);

    /// <summary>A subcommand that is not there, or not with so many arguments.</summary>
    /// <param name="subcommand">As it was written.</param>
    /// <param name="container">The command, in capitals.</param>
    public static byte[] WrongUse(ReadOnlySpan<byte> subcommand, ReadOnlySpan<byte> container) => Echoing(
        "ERR unknown subcommand or wrong number of arguments for '"u8, subcommand.Length > 128 ? subcommand[..128] : subcommand, [.. "'. Try "u8, .. container, .. " HELP."u8]);

    /// <summary>
    /// A text with an argument in it, as Redis prints one: up to its first NUL, and line ends at the end of the text are gone.
    /// </summary>
    public static byte[] Echoing(ReadOnlySpan<byte> before, ReadOnlySpan<byte> argument, ReadOnlySpan<byte> after)
    {
        argument = UpToNul(argument);
        return [.. before, .. after.IsEmpty ? argument.TrimEnd("\r\n"u8) : argument, .. after];
    }

    /// <summary>No row has the first word of the request, or the second one of a container.</summary>
    /// <param name="request">The request.</param>
    /// <param name="container">The row of the first word, if there is one.</param>
    public static byte[] UnknownCommand(in Request request, Command? container)
    {
        var text = new ArrayBufferWriter<byte>();
        if (container is not null)
        {
            text.Write("ERR unknown subcommand '"u8);
            text.Write(Echo(request[1]));
            text.Write(Encoding.UTF8.GetBytes($"'. Try {container.Name.ToUpperInvariant()} HELP."));
            return text.WrittenSpan.ToArray();
        }
        text.Write("ERR unknown command '"u8);
        text.Write(Echo(request[0]));
        text.Write("', with args beginning with: "u8);
        WriteBeginning(text, request);
        return text.WrittenSpan.ToArray();
    }

    // 'a' 'b' ..., until 128 bytes are full.
    private static void WriteBeginning(ArrayBufferWriter<byte> text, in Request request)
    {
        var start = text.WrittenCount;
        for (var i = 1; i < request.ArgumentCount; i++)
        {
            var left = EchoMax - (text.WrittenCount - start);
            if (left <= 0) return;
            var argument = UpToNul(request[i]);
            text.Write("'"u8);
            text.Write(argument[..Math.Min(left, argument.Length)]);
            text.Write("' "u8);
        }
    }

    private static ReadOnlySpan<byte> Echo(ReadOnlySpan<byte> name)
    {
        name = UpToNul(name);
        return name[..Math.Min(EchoMax, name.Length)];
    }

    // Redis prints with C formats, which stop at NUL.
    private static ReadOnlySpan<byte> UpToNul(ReadOnlySpan<byte> text)
    {
        var nul = text.IndexOf((byte)0);
        return nul < 0 ? text : text[..nul];
    }
}
