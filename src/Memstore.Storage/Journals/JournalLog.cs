using Microsoft.Extensions.Logging;

namespace Memstore.Storage.Journals;

/// <summary>What the journal tells the operator.</summary>
internal static partial class JournalLog
{
    [LoggerMessage(300, LogLevel.Error, "The journal cannot be written: {Reason} Writes are refused; it is tried again every second.")]
    public static partial void WriteFault(ILogger logger, string reason);

    [LoggerMessage(301, LogLevel.Error, "The journal cannot be trusted any more: {Reason} Writes are refused until a new image of the data has been written.")]
    public static partial void ImageFault(ILogger logger, string reason);

    [LoggerMessage(302, LogLevel.Information, "The journal is written again; everything up to sequence {Sequence} is stored.")]
    public static partial void Healthy(ILogger logger, long sequence);

    [LoggerMessage(303, LogLevel.Error, "Somebody who waited for a commit failed when it was stored.")]
    public static partial void CallbackFailed(ILogger logger, Exception error);

    [LoggerMessage(304, LogLevel.Warning, "The journal could not be closed properly: {Reason}")]
    public static partial void NotClosed(ILogger logger, string reason);
}
