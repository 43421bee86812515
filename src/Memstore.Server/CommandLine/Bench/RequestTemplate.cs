using System.Text;

namespace Memstore.Server.CommandLine.Bench;

/// <summary>A request's bytes with twelve digits left open wherever an argument ends in '#'.</summary>
internal sealed class RequestTemplate
{
    private const int KeyDigits = 12;

    private readonly byte[] _bytes;
    private readonly int[] _holes;

    /// <summary>Makes one from its arguments.</summary>
    public RequestTemplate(params string[] arguments)
    {
        var text = new StringBuilder($"*{arguments.Length}\r\n");
        var holes = new List<int>();
        foreach (var argument in arguments)
        {
            var filled = argument.Replace("#", new string('0', KeyDigits), StringComparison.Ordinal);
            text.Append($"${filled.Length}\r\n");
            if (filled.Length != argument.Length) holes.Add(text.Length + argument.Length - 1);
            text.Append(filled).Append("\r\n");
        }

        _bytes = Encoding.ASCII.GetBytes(text.ToString());
        _holes = [.. holes];
    }

    /// <summary>Appends the request with these numbers in its open places; it gets one reply.</summary>
    public int Append(SendBuffer to, ReadOnlySpan<long> numbers)
    {
        var target = to.Reserve(_bytes.Length);
        _bytes.CopyTo(target);
        for (var i = 0; i < numbers.Length; i++) WriteDigits(target.Slice(_holes[i], KeyDigits), numbers[i]);
        return 1;
    }

    private static void WriteDigits(Span<byte> digits, long number)
    {
        for (var i = digits.Length - 1; number > 0; i--)
        {
            (number, var digit) = Math.DivRem(number, 10);
            digits[i] = (byte)('0' + digit);
        }
    }
}
