namespace Memstore.Server.CommandLine.Bench;

/// <summary>
/// Counts complete replies in a stream of RESP bytes that may be cut anywhere. It looks at lengths only and keeps no bytes, except
/// the text of the first error.
/// </summary>
internal struct ReplyScanner
{
    private const int ErrorTextMax = 200;

    private bool _inLine;
    private byte _type;
    private bool _negative;
    private long _number;

    // Bytes of a bulk string, with its CR LF, that are still to come.
    private long _skip;

    // Elements of the reply's arrays that are still to come; 0 between replies.
    private long _elements;

    private List<byte>? _errorText;

    /// <summary>Error replies seen so far, those inside of EXEC's array included.</summary>
    public long Errors { get; private set; }

    public readonly string? FirstError => _errorText is null ? null : System.Text.Encoding.Latin1.GetString([.. _errorText]).TrimEnd('\r');

    /// <summary>Reads on and returns how many replies ended in these bytes.</summary>
    /// <exception cref="InvalidDataException">The bytes are no RESP.</exception>
    public int Feed(ReadOnlySpan<byte> bytes)
    {
        var completed = 0;
        while (!bytes.IsEmpty)
        {
            if (_skip > 0)
            {
                var taken = (int)Math.Min(_skip, bytes.Length);
                bytes = bytes[taken..];
                _skip -= taken;
                if (_skip == 0) completed += EndElement();
                continue;
            }

            if (!_inLine) BeginLine(ref bytes);
            if (ReadLine(ref bytes)) completed += EndLine();
        }

        return completed;
    }

    private void BeginLine(ref ReadOnlySpan<byte> bytes)
    {
        _type = bytes[0];
        _number = 0;
        _negative = false;
        _inLine = true;
        bytes = bytes[1..];
    }

    // $32\r\n, *10\r\n, :-5\r\n, +OK\r\n, -ERR text\r\n: the digits matter for $ and * alone.
    private bool ReadLine(ref ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            var b = bytes[i];
            if (b == '\n')
            {
                bytes = bytes[(i + 1)..];
                return true;
            }

            if ((uint)(b - '0') <= 9) _number = (_number * 10) + b - '0';
            else if (b == '-') _negative = true;
            if (_type == '-' && Errors == 0) KeepErrorText(b);
        }

        bytes = default;
        return false;
    }

    private int EndLine()
    {
        _inLine = false;
        switch (_type)
        {
            case (byte)'$' when !_negative:
                _skip = _number + 2;
                return 0;
            case (byte)'*' when !_negative && _number > 0:
                _elements += _elements == 0 ? _number : _number - 1;
                return 0;
            case (byte)'-':
                Errors++;
                return EndElement();
            case (byte)'+' or (byte)':' or (byte)'$' or (byte)'*' or (byte)'_':
                return EndElement();
            default:
                throw new InvalidDataException($"a reply begins with byte 0x{_type:x2}");
        }
    }

    private int EndElement() => _elements == 0 || --_elements == 0 ? 1 : 0;

    private void KeepErrorText(byte b)
    {
        _errorText ??= [];
        if (_errorText.Count < ErrorTextMax) _errorText.Add(b);
    }
}
