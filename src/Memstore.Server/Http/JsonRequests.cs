using System.Buffers;
using System.Text.Json;
using Memstore.Protocol;

namespace Memstore.Server.Http;

/// <summary>Thrown when a body cannot be bound; the message is for the client.</summary>
internal sealed class BadRequestException(string message) : Exception(message);

/// <summary>Requests from JSON: a command is an array of its name and its arguments, as in <c>["SET","key","value","EX",60]</c>.</summary>
internal static class JsonRequests
{
    // Room for white space and a command's name.
    private const int PeekSize = 4096;

    // Nothing that is asked for is nested deeper.
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 8 };

    /// <summary>Reads one command.</summary>
    /// <exception cref="BadRequestException">The body is something else.</exception>
    public static void ReadCommand(ReadOnlySequence<byte> body, RequestList requests, long argumentSizeMax)
    {
        Read(body, requests, argumentSizeMax, static (ref Utf8JsonReader reader, RequestList requests, long argumentSizeMax) =>
        {
            ReadOne(ref reader, requests, argumentSizeMax);
        });
    }

    /// <summary>Reads an array of commands.</summary>
    /// <exception cref="BadRequestException">The body is something else.</exception>
    public static void ReadCommands(ReadOnlySequence<byte> body, RequestList requests, long argumentSizeMax)
    {
        Read(body, requests, argumentSizeMax, static (ref Utf8JsonReader reader, RequestList requests, long argumentSizeMax) =>
        {
            Expect(ref reader, JsonTokenType.StartArray, "The body must be an array of commands.");
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) ReadOne(ref reader, requests, argumentSizeMax);
        });
    }

    /// <summary>Reads one command or an array of commands; whether it is one.</summary>
    /// <exception cref="BadRequestException">The body is something else.</exception>
    public static bool ReadOneOrMany(ReadOnlySequence<byte> body, RequestList requests, long argumentSizeMax)
    {
        // What follows the first bracket tells; what is no JSON is the other's to say.
        var reader = new Utf8JsonReader(body.Slice(0, Math.Min(body.Length, PeekSize)), isFinalBlock: false, default);
        try
        {
            var isOne = reader.Read() && reader.Read() && reader.TokenType is JsonTokenType.String;
            if (isOne) ReadCommand(body, requests, argumentSizeMax);
            else ReadCommands(body, requests, argumentSizeMax);
            return isOne;
        }
        catch (JsonException)
        {
            throw new BadRequestException("The body is not JSON.");
        }
    }

    /// <summary>Reads a whole body; what the JSON reader throws becomes one error.</summary>
    internal static void Read(ReadOnlySequence<byte> body, RequestList requests, long argumentSizeMax, ReadBody read)
    {
        if (body.IsEmpty) throw new BadRequestException("The body is empty.");
        try
        {
            var reader = new Utf8JsonReader(body, Options);
            reader.Read();
            read(ref reader, requests, argumentSizeMax);
            reader.Read();
        }
        catch (JsonException error)
        {
            // Whatever follows the value is an error too.
            throw new BadRequestException($"The body is not JSON: line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}.");
        }
        catch (InvalidOperationException)
        {
            throw new BadRequestException("A string of the body is not valid Unicode.");
        }
    }

    /// <summary>Reads the body that the reader stands before.</summary>
    internal delegate void ReadBody(ref Utf8JsonReader reader, RequestList requests, long argumentSizeMax);

    private static void ReadOne(ref Utf8JsonReader reader, RequestList requests, long argumentSizeMax)
    {
        Expect(ref reader, JsonTokenType.StartArray, "A command must be an array of its name and its arguments.");
        requests.Start();
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            AddArgument(ref reader, requests, argumentSizeMax);
            count++;
        }

        if (count == 0) throw new BadRequestException("A command is empty.");
    }

    /// <summary>Adds the string, number, boolean or <c>{"base64":"…"}</c> that the reader stands on.</summary>
    internal static void AddArgument(ref Utf8JsonReader reader, RequestList requests, long sizeMax)
    {
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            AddBytes(ref reader, requests, sizeMax);
            return;
        }

        long length = reader.HasValueSequence ? reader.ValueSequence.Length : reader.ValueSpan.Length;
        if (length > sizeMax) throw new BadRequestException("An argument is longer than proto-max-bulk-len.");
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                // Unescaping never makes it longer.
                requests.Commit(reader.CopyString(requests.Reserve((int)length)));
                break;
            case JsonTokenType.Number:
            case JsonTokenType.True:
            case JsonTokenType.False:
                var text = requests.Reserve((int)length);
                if (reader.HasValueSequence) reader.ValueSequence.CopyTo(text);
                else reader.ValueSpan.CopyTo(text);
                requests.Commit((int)length);
                break;
            default:
                throw new BadRequestException("An argument must be a string, a number or a boolean.");
        }
    }

    // {"base64":"/w=="}: bytes that no string of JSON can hold.
    private static void AddBytes(ref Utf8JsonReader reader, RequestList requests, long sizeMax)
    {
        const string Otherwise = "An argument that is an object must be {\"base64\":\"…\"}.";
        if (!reader.Read() || reader.TokenType != JsonTokenType.PropertyName || !reader.ValueTextEquals("base64"u8)) throw new BadRequestException(Otherwise);
        if (!reader.Read() || reader.TokenType != JsonTokenType.String || !reader.TryGetBytesFromBase64(out var bytes)) throw new BadRequestException(Otherwise);
        if (bytes.Length > sizeMax) throw new BadRequestException("An argument is longer than proto-max-bulk-len.");
        bytes.CopyTo(requests.Reserve(bytes.Length));
        requests.Commit(bytes.Length);
        if (!reader.Read() || reader.TokenType != JsonTokenType.EndObject) throw new BadRequestException(Otherwise);
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string otherwise)
    {
        if (reader.TokenType != type) throw new BadRequestException(otherwise);
    }
}
