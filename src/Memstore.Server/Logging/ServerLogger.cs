using System.Text;
using Memstore.Server.Configuration;
using Microsoft.Extensions.Logging;

namespace Memstore.Server;

/// <summary>
/// The log: a line for each event, on standard error or in a file, as text like Redis' or as JSON. One class instead of a package of providers: it starts in
/// no time. Thread-safe.
/// </summary>
internal sealed class ServerLogger : ILogger
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;

    // Opened at the start: when the process has run out of descriptors it is too late.
    private readonly TextWriter _error;
    private volatile LogLevel _level;
    private volatile bool _isJson;
    private readonly string _path;

    // Whether the file could not be written the last time.
    private bool _isFileLost;

    /// <summary>Makes a log that obeys loglevel, log-format and logfile.</summary>
    /// <param name="settings">The settings; <see cref="Apply"/> obeys them again.</param>
    /// <param name="time">The clock of its lines.</param>
    /// <param name="error">Where lines go without a file, or when the file cannot be written; standard error if null.</param>
    public ServerLogger(Settings settings, TimeProvider time, TextWriter? error = null)
    {
        _time = time;
        _error = error ?? Console.Error;
        _path = settings["logfile"];
        Apply(settings);
    }

    /// <summary>Obeys settings that have changed.</summary>
    public void Apply(Settings settings)
    {
        _level = LevelOf(settings["loglevel"]);
        _isJson = settings["log-format"] == "json";
    }

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel >= _level && logLevel != LogLevel.None;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        var message = formatter(state, exception);
        var now = _time.GetLocalNow();
        var line = _isJson
            ? LogLine.Json(now, logLevel, eventId, message, state as IReadOnlyList<KeyValuePair<string, object?>>, exception)
            : LogLine.Plain(now, logLevel, message, exception);
        lock (_lock) WriteLocked(line);
    }

    /// <summary>The level that a setting of Redis names.</summary>
    public static LogLevel LevelOf(string name) => name switch
    {
        "debug" => LogLevel.Trace,
        "verbose" => LogLevel.Debug,
        "warning" => LogLevel.Warning,
        _ => LogLevel.Information,
    };

    // The file is opened for each line, so that it may be moved away at any time. Lines are few.
    private void WriteLocked(string line)
    {
        if (_path.Length > 0)
        {
            try
            {
                using var file = new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
                file.Write(Encoding.UTF8.GetBytes(line + "\n"));
                _isFileLost = false;
                return;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
            {
                // A disk that is full has room again one day.
                if (!_isFileLost) WriteErrorLocked(LogLine.Plain(_time.GetLocalNow(), LogLevel.Warning, $"The log goes to standard error until its file can be written: {error.Message}", null));
                _isFileLost = true;
            }
        }

        WriteErrorLocked(line);
    }

    // The disk behind it may be full, the terminal gone, the descriptor closed: then the line is lost, and whatever wanted to say it goes on.
    private void WriteErrorLocked(string line)
    {
        try
        {
            _error.WriteLine(line);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }
    }
}
