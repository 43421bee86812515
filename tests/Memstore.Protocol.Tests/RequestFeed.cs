using System.Buffers;
using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

/// <summary>Reads like a session: again and again from where the batch left off, until nothing more comes.</summary>
internal sealed class RequestFeed(RequestLimits? limits = null, int requestsMax = 256) : IDisposable
{
    public RequestBatch Batch { get; } = new();

    public List<string> Requests { get; } = [];

    public string? Error { get; private set; }

    /// <summary>Reads all of a buffer and gives how many bytes of it were consumed.</summary>
    public long Read(ReadOnlySequence<byte> buffer)
    {
        var length = buffer.Length;
        while (true)
        {
            Batch.Read(buffer, limits ?? RequestLimits.Default, requestsMax);
            for (var i = 0; i < Batch.Count; i++) Requests.Add(Show(Batch[i]));
            Assert.Equal(Requests.Count > 0 && Batch.Count > 0 ? Batch[Batch.Count - 1].ArgumentCount : 0,
                Batch.Count == 0 ? 0 : Batch.Frames.Length - Batch.FirstArgument(Batch.Count - 1));
            var progress = Batch.Count > 0 || !Batch.Consumed.Equals(buffer.Start);
            var atEnd = buffer.Slice(Batch.Examined).IsEmpty;
            buffer = buffer.Slice(Batch.Consumed);
            if (Batch.Error is { } error)
            {
                Error = error.ToString();
                break;
            }
            if (atEnd) break;
            Assert.True(progress, "A read that leaves bytes unexamined consumes some.");
        }
        return length - buffer.Length;
    }

    public static string Show(Request request)
    {
        var arguments = new string[request.ArgumentCount];
        for (var i = 0; i < arguments.Length; i++) arguments[i] = Encoding.Latin1.GetString(request[i]);
        return string.Join('|', arguments);
    }

    public void Dispose() => Batch.Dispose();
}
