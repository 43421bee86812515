using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Memstore.Server;

/// <summary>The log: a line on standard error for each event. One class instead of the console package: it starts in no time.</summary>
internal sealed class ConsoleLog(Func<LogLevel> level) : ILogger
{
    private static readonly string[] Names = ["trace", "debug", "info", "warning", "error", "critical", ""];

    // Opened at the start: when the process has run out of descriptors it is too late.
    private readonly TextWriter _error = Console.Error;

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel >= level();

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        var text = formatter(state, exception);
        if (exception is not null) text += Environment.NewLine + exception;
        _error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd HH:mm:ss.fff} {Names[(int)logLevel]}: {text}"));
    }
}
