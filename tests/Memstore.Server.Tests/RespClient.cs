using System.Globalization;
using System.Text;

namespace Memstore.Server.Tests;

/// <summary>An error reply.</summary>
/// <param name="Text">Its text without '-'.</param>
internal sealed record RespError(string Text);

/// <summary>A message that nobody asked for (RESP3).</summary>
/// <param name="Elements">Its elements, the kind first.</param>
internal sealed record RespPush(object?[] Elements);

/// <summary>A client that writes commands as at a terminal and reads replies as plain objects: null, long, double, bool, string, arrays.</summary>
internal sealed class RespClient(Stream stream) : IDisposable
{
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>The bytes of the reply that was read last.</summary>
    public List<byte> Raw { get; } = [];

    /// <summary>Sends a command line, words separated by spaces, "quoted words" with escapes allowed, and reads its reply.</summary>
    public async Task<object?> AskAsync(string command)
    {
        await SendAsync(command);
        return await ReadAsync();
    }

    /// <summary>Sends a command of words.</summary>
    public async Task<object?> AskAsync(params byte[][] words)
    {
        await WriteAsync(Encode(words));
        return await ReadAsync();
    }

    /// <summary>Sends a command line.</summary>
    public Task SendAsync(string command) => WriteAsync(Encode(Words(command)));

    /// <summary>Sends bytes as they are.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        using var timeout = new CancellationTokenSource(ServerFixture.Patience);
        await stream.WriteAsync(bytes, timeout.Token);
    }

    /// <summary>Reads a reply.</summary>
    /// <exception cref="EndOfStreamException">The server has closed the connection.</exception>
    public async Task<object?> ReadAsync()
    {
        Raw.Clear();
        return await ReadValueAsync();
    }

    /// <summary>Whether the server closes the connection, and says nothing before it does.</summary>
    public async Task<bool> IsClosedAsync()
    {
        try
        {
            await ReadAsync();
            return false;
        }
        catch (Exception e) when (e is EndOfStreamException or IOException)
        {
            return true;
        }
    }

    public void Dispose() => stream.Dispose();

    /// <summary>A request: *1\r\n$4\r\nPING\r\n.</summary>
    public static byte[] Encode(params byte[][] words)
    {
        using var frame = new MemoryStream();
        frame.Write(Encoding.ASCII.GetBytes($"*{words.Length}\r\n"));
        foreach (var word in words)
        {
            frame.Write(Encoding.ASCII.GetBytes($"${word.Length}\r\n"));
            frame.Write(word);
            frame.Write("\r\n"u8);
        }
        return frame.ToArray();
    }

    /// <summary>Several command lines as one run of bytes.</summary>
    public static byte[] Pipeline(params string[] commands) => [.. commands.SelectMany(command => Encode(Words(command)))];

    private static byte[][] Words(string command)
    {
        var words = new List<byte[]>();
        for (var i = 0; i < command.Length; i++)
        {
            if (command[i] == ' ') continue;
            var word = new StringBuilder();
            var quoted = command[i] == '"';
            if (quoted) i++;
            for (; i < command.Length && (quoted ? command[i] != '"' : command[i] != ' '); i++)
            {
                if (!quoted || command[i] != '\\') word.Append(command[i]);
                else word.Append(Unescape(command, ref i));
            }
            words.Add(Encoding.Latin1.GetBytes(word.ToString()));
        }
        return [.. words];
    }

    private static char Unescape(string text, ref int i)
    {
        switch (text[++i])
        {
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'x':
                i += 2;
                return (char)byte.Parse(text.AsSpan(i - 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            default: return text[i];
        }
    }

    private async Task<object?> ReadValueAsync()
    {
        var line = await ReadLineAsync();
        var rest = line[1..];
        switch (line[0])
        {
            case '+': return rest;
            case '-': return new RespError(rest);
            case ':': return long.Parse(rest, CultureInfo.InvariantCulture);
            case ',': return double.Parse(rest.Replace("inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture);
            case '(': return rest;
            case '#': return rest == "t";
            case '_': return null;
            case '$': return rest == "-1" ? null : await ReadBulkAsync(int.Parse(rest, CultureInfo.InvariantCulture));
            case '=': return (await ReadBulkAsync(int.Parse(rest, CultureInfo.InvariantCulture)))[4..];
            case '*' or '~': return rest == "-1" ? null : await ReadElementsAsync(int.Parse(rest, CultureInfo.InvariantCulture));
            case '%': return await ReadElementsAsync(int.Parse(rest, CultureInfo.InvariantCulture) * 2);
            case '>': return new RespPush(await ReadElementsAsync(int.Parse(rest, CultureInfo.InvariantCulture)));
            default: throw new InvalidDataException($"No reply starts with '{line}'.");
        }
    }

    private async Task<object?[]> ReadElementsAsync(int count)
    {
        var elements = new object?[count];
        for (var i = 0; i < count; i++) elements[i] = await ReadValueAsync();
        return elements;
    }

    private async Task<string> ReadBulkAsync(int length)
    {
        var bytes = new byte[length + 2];
        for (var i = 0; i < bytes.Length; i++) bytes[i] = await NextAsync();
        return Encoding.Latin1.GetString(bytes, 0, length);
    }

    private async Task<string> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (true)
        {
            var next = (char)await NextAsync();
            if (next == '\n') return line.ToString(0, line.Length - 1);
            line.Append(next);
        }
    }

    private async ValueTask<byte> NextAsync()
    {
        if (_start == _end)
        {
            using var timeout = new CancellationTokenSource(ServerFixture.Patience);
            _start = 0;
            _end = await stream.ReadAsync(_buffer, timeout.Token);
            if (_end == 0) throw new EndOfStreamException("The server closed the connection.");
        }
        Raw.Add(_buffer[_start]);
        return _buffer[_start++];
    }
}
