using System.Globalization;
using Memstore.Storage.Recovery;

namespace Memstore.Server.CommandLine;

/// <summary>A line on the terminal that says how far it is; nothing where standard error is no terminal.</summary>
internal sealed class ProgressLine : IDisposable
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(250);

    private readonly RecoveryProgress _progress;
    private readonly Timer _timer;
    private readonly Lock _lock = new();
    private int _width;
    private bool _isEnded;

    private ProgressLine(RecoveryProgress progress)
    {
        _progress = progress;
        _timer = new Timer(_ => Print(), null, ProgressInterval, ProgressInterval);
    }

    /// <summary>Begins to show it; null if there is no terminal.</summary>
    public static ProgressLine? Show(RecoveryProgress progress) => Terminal.IsErrorLive ? new ProgressLine(progress) : null;

    /// <summary>Takes the line away, so that another can be printed.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            if (_width > 0) Console.Error.Write("\r" + new string(' ', _width) + "\r");
            _width = 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock) _isEnded = true;
        _timer.Dispose();
        Clear();
    }

    private void Print()
    {
        lock (_lock)
        {
            if (_isEnded || _progress.Phase is RecoveryPhase.Waiting or RecoveryPhase.Done) return;
            var text = TextOf(_progress).PadRight(_width);
            _width = text.Length;
            Console.Error.Write("\r" + text);
        }
    }

    private static string TextOf(RecoveryProgress progress)
    {
        var percent = progress.BytesTotal == 0 ? 100 : Math.Min(100, progress.BytesDone * 100 / progress.BytesTotal);
        var what = progress.Phase == RecoveryPhase.Image
            ? string.Create(CultureInfo.InvariantCulture, $"image: {progress.Keys} keys")
            : string.Create(CultureInfo.InvariantCulture, $"journal: {progress.Records} transactions");
        return string.Create(CultureInfo.InvariantCulture, $"{percent,3} % of {progress.BytesTotal >> 20} MB, {what}");
    }
}
