using System.Globalization;
using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

/// <summary>Bad inputs 18 and 21 as far as they concern the text of numbers.</summary>
public sealed class NumberTests
{
    private const string NotAFloat = "-ERR value is not a valid float";
    private const string NotFinite = "-ERR increment would produce NaN or Infinity";

    [Theory]
    [InlineData("0", 0L)]
    [InlineData("7", 7L)]
    [InlineData("-7", -7L)]
    [InlineData("10", 10L)]
    [InlineData("9223372036854775807", long.MaxValue)]
    [InlineData("-9223372036854775808", long.MinValue)]
    public void An_integer_is_read(string text, long expected)
    {
        Assert.True(RespNumber.TryParseInt64(Encoding.ASCII.GetBytes(text), out var value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("+1")]
    [InlineData("01")]
    [InlineData("-01")]
    [InlineData("-0")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1.0")]
    [InlineData("1\0")]
    [InlineData("0x10")]
    [InlineData("--1")]
    [InlineData("1e3")]
    [InlineData("9223372036854775808")]
    [InlineData("-9223372036854775809")]
    [InlineData("9999999999999999999")]
    [InlineData("18446744073709551616")]
    [InlineData("100000000000000000000")]
    public void What_is_no_integer_to_Redis_is_refused(string text) =>
        Assert.False(RespNumber.TryParseInt64(Encoding.Latin1.GetBytes(text), out _));

    [Fact]
    public void An_integer_reads_back_as_it_was_written()
    {
        var random = new Random(7);
        Span<byte> text = stackalloc byte[RespNumber.Int64TextMax];
        for (var i = 0; i < 10_000; i++)
        {
            var value = random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64);
            var length = RespNumber.FormatInt64(value, text);
            Assert.Equal(value.ToString(CultureInfo.InvariantCulture), Encoding.ASCII.GetString(text[..length]));
            Assert.True(RespNumber.TryParseInt64(text[..length], out var again));
            Assert.Equal(value, again);
        }
    }

    [Fact]
    public void Doubles_are_read_and_written_as_Redis_does()
    {
        Span<byte> buffer = stackalloc byte[RespNumber.DoubleTextMax];
        foreach (var row in CapturedAnswers.Read("scores"))
        {
            var answer = RespNumber.TryParseDouble(Encoding.Latin1.GetBytes(row[0]), out var value)
                ? Encoding.ASCII.GetString(buffer[..RespNumber.FormatDouble(value, buffer)])
                : NotAFloat;
            Assert.True(row[1] == answer, $"'{row[0]}' gives {answer}, and {row[1]} from Redis.");
        }
    }

    [Theory]
    [InlineData(0.0, "0")]
    [InlineData(-0.0, "-0")]
    [InlineData(0.1, "0.10000000000000001")]
    [InlineData(1e-4, "0.0001")]
    [InlineData(1e-5, "1.0000000000000001e-05")]
    [InlineData(1e16, "10000000000000000")]
    [InlineData(1e17, "1e+17")]
    [InlineData(123456789012345678.0, "1.2345678901234568e+17")]
    [InlineData(-2251799813685248.5, "-2251799813685248.5")]
    [InlineData(double.Epsilon, "4.9406564584124654e-324")]
    [InlineData(double.MaxValue, "1.7976931348623157e+308")]
    [InlineData(double.PositiveInfinity, "inf")]
    [InlineData(double.NegativeInfinity, "-inf")]
    [InlineData(double.NaN, "nan")]
    public void A_double_is_written(double value, string expected)
    {
        Span<byte> text = stackalloc byte[RespNumber.DoubleTextMax];
        Assert.Equal(expected, Encoding.ASCII.GetString(text[..RespNumber.FormatDouble(value, text)]));
    }

    [Fact]
    public void A_double_reads_back_as_it_was_written()
    {
        var random = new Random(11);
        Span<byte> text = stackalloc byte[RespNumber.DoubleTextMax];
        for (var i = 0; i < 20_000; i++)
        {
            var value = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
            if (!double.IsFinite(value)) continue;
            Assert.True(RespNumber.TryParseDouble(text[..RespNumber.FormatDouble(value, text)], out var again));
            Assert.Equal(value, again);
        }
    }

    [Fact]
    public void Doubles_without_an_exponent_have_the_digits_of_the_exact_value()
    {
        const int Seed = 13;
        var random = new Random(Seed);
        Span<byte> text = stackalloc byte[RespNumber.DoubleTextMax];
        for (var i = 0; i < 200_000; i++)
        {
            var value = Math.Pow(10, random.NextDouble() * 21 - 4);
            if (i % 3 == 0) value = Math.BitIncrement(Math.Pow(10, random.Next(-4, 17)) * random.Next(1, 10));
            if (i % 3 == 1) value = Math.Round(value * 1000) / 1000;
            if (value is < 1e-4 or >= 1e17) continue;
            var actual = Encoding.ASCII.GetString(text[..RespNumber.FormatDouble(value, text)]);
            Assert.True(value.ToString("G17", CultureInfo.InvariantCulture) == actual, $"Seed {Seed}, {value:R} gives {actual}.");
        }
    }

    [Fact]
    public void Extended_sums_are_those_of_Redis()
    {
        Span<byte> buffer = stackalloc byte[ExtendedFloat.TextMax];
        foreach (var row in CapturedAnswers.Read("incrbyfloat"))
        {
            var answer = NotAFloat;
            if (ExtendedFloat.TryParse(Encoding.Latin1.GetBytes(row[0]), out var value)
                && ExtendedFloat.TryParse(Encoding.Latin1.GetBytes(row[1]), out var increment))
            {
                var sum = ExtendedFloat.Add(value, increment);
                answer = sum.IsFinite ? Encoding.ASCII.GetString(buffer[..sum.Format(buffer)]) : NotFinite;
            }
            Assert.True(row[2] == answer, $"'{row[0]}' + '{row[1]}' gives {answer}, and {row[2]} from Redis.");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Extended_numbers_hold_every_integer(long value)
    {
        Span<byte> text = stackalloc byte[ExtendedFloat.TextMax];
        var length = ExtendedFloat.FromInt64(value).Format(text);
        Assert.Equal(value.ToString(CultureInfo.InvariantCulture), Encoding.ASCII.GetString(text[..length]));
    }

    [Fact]
    public void Opposite_infinities_have_no_sum()
    {
        Assert.True(ExtendedFloat.TryParse("inf"u8, out var infinity));
        Assert.True(ExtendedFloat.TryParse("-inf"u8, out var opposite));
        Assert.False(infinity.IsFinite);
        Assert.False(ExtendedFloat.Add(infinity, opposite).IsFinite);
        Assert.False(ExtendedFloat.Add(infinity, ExtendedFloat.FromInt64(1)).IsFinite);
    }
}
