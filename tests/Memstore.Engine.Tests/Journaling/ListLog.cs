using System.Buffers;
using System.Collections.Concurrent;
using Memstore.Engine.Journaling;
using Memstore.Engine.Values;
using Xunit;

namespace Memstore.Engine.Tests.Journaling;

/// <summary>Keeps records in memory, by position.</summary>
internal sealed class ListLog : ICommitLog
{
    private readonly ConcurrentDictionary<long, string> _records = new();
    private long _reserved;

    public long Reserve() => Interlocked.Increment(ref _reserved);

    public void Fill(long position, int database, ReadOnlySpan<byte> effects) =>
        Assert.True(_records.TryAdd(position, (database == 0 ? "" : $"in {database}: ") + effects.Text()));

    public long SafePosition(Durability level) => Volatile.Read(ref _reserved);

    public void WhenSafe(long position, Durability level, Action<object?, bool> callback, object? state) => callback(state, true);

    public List<string> Records() => [.. _records.OrderBy(static pair => pair.Key).Select(static pair => pair.Value)];
}

internal sealed class TextEncoder : IEffectEncoder
{
    public void Select(IBufferWriter<byte> output, int database) => output.Write($"select {database};".Bytes());

    public void Put(IBufferWriter<byte> output, in Key key, in Entry entry) => output.Write($"put {key.Bytes.Text()} {entry.Value.Text()};".Bytes());

    public void Delete(IBufferWriter<byte> output, in Key key) => output.Write($"del {key.Bytes.Text()};".Bytes());

    public void Deadline(IBufferWriter<byte> output, in Key key, long deadlineUnixMs) =>
        output.Write($"expire {key.Bytes.Text()} {deadlineUnixMs};".Bytes());

    public void SetFields<TPairs>(IBufferWriter<byte> output, in Key key, scoped TPairs pairs)
        where TPairs : IFieldValues, allows ref struct
    {
        output.Write($"hset {key.Bytes.Text()}".Bytes());
        for (var i = 0; i < pairs.Count; i++) output.Write($" {pairs.Field(i).Text()}={pairs.Value(i).Text()}".Bytes());
        output.Write(";"u8);
    }

    public void RemoveFields<TFields>(IBufferWriter<byte> output, in Key key, scoped TFields fields)
        where TFields : IFields, allows ref struct
    {
        output.Write($"hdel {key.Bytes.Text()}".Bytes());
        for (var i = 0; i < fields.Count; i++) output.Write($" {fields.Field(i).Text()}".Bytes());
        output.Write(";"u8);
    }

    public void Copy(IBufferWriter<byte> output, in Key source, int destinationDatabase, in Key destination) =>
        output.Write($"copy {source.Bytes.Text()} {destinationDatabase} {destination.Bytes.Text()};".Bytes());

    public void Flush(IBufferWriter<byte> output) => output.Write("flush;"u8);

    public void Swap(IBufferWriter<byte> output, int first, int second) => output.Write($"swap {first} {second};".Bytes());
}
