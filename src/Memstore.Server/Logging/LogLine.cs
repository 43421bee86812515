using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Memstore.Server;

/// <summary>One event of the log as a line.</summary>
internal static class LogLine
{
    /// <summary>A primary; there are no replicas, and no processes that save.</summary>
    private const char Role = 'M';

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// As Redis writes it: process and role, local time, a character for the level (<c>. - * #</c> for debug, verbose, notice, warning), the message. Control characters
    /// in it are shown as escapes, so that what a client sends cannot look like another line; what follows of an exception is indented.
    /// </summary>
    public static string Plain(DateTimeOffset at, LogLevel level, string message, Exception? exception)
    {
        var line = new StringBuilder(64 + message.Length);
        line.Append(CultureInfo.InvariantCulture, $"{Environment.ProcessId}:{Role} {at:dd MMM yyyy HH:mm:ss.fff} {CharacterOf(level)} ");
        AppendPrintable(line, message);
        if (exception is null) return line.ToString();
        foreach (var part in exception.ToString().Split('\n'))
        {
            line.Append(Environment.NewLine).Append("    ");
            AppendPrintable(line, part.TrimEnd('\r'));
        }

        return line.ToString();
    }

    /// <summary>A JSON object: time, level, process, number of the event, message, the values in it by name, exception.</summary>
    public static string Json(
        DateTimeOffset at, LogLevel level, EventId id, string message, IReadOnlyList<KeyValuePair<string, object?>>? values, Exception? exception)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Options))
        {
            json.WriteStartObject();
            json.WriteString("time", at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("level", NameOf(level));
            json.WriteNumber("pid", Environment.ProcessId);
            json.WriteString("role", "primary");
            if (id.Id != 0) json.WriteNumber("event", id.Id);
            if (id.Name is { Length: > 0 } name) json.WriteString("name", name);
            json.WriteString("message", message);
            if (values is { Count: > 1 }) WriteValues(json, values);
            if (exception is not null) json.WriteString("exception", exception.ToString());
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private static void WriteValues(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, object?>> values)
    {
        json.WriteStartObject("values");
        foreach (var (name, value) in values)
        {
            if (name == "{OriginalFormat}") continue;
            json.WritePropertyName(name);
            switch (value)
            {
                case long or int or short or byte:
                    json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                    break;
                case double number when double.IsFinite(number):
                    json.WriteNumberValue(number);
                    break;
                case null:
                    json.WriteNullValue();
                    break;
                default:
                    json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture));
                    break;
            }
        }

        json.WriteEndObject();
    }

    private static void AppendPrintable(StringBuilder line, string text)
    {
        foreach (var symbol in text)
        {
            if (char.IsControl(symbol) && symbol != '\t') line.Append(CultureInfo.InvariantCulture, $"\\x{(int)symbol:x2}");
            else line.Append(symbol);
        }
    }

    private static char CharacterOf(LogLevel level) => level switch
    {
        LogLevel.Trace => '.',
        LogLevel.Debug => '-',
        LogLevel.Information => '*',
        _ => '#',
    };

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "debug",
        LogLevel.Debug => "verbose",
        LogLevel.Information => "notice",
        _ => "warning",
    };
}
