using System.Buffers;
using Memstore.Engine;
using Memstore.Engine.Journaling;
using Memstore.Engine.Values;

namespace Memstore.Server.Tests.Sessions;

/// <summary>A log on which nothing is safe until the test says so.</summary>
internal sealed class DelayedLog : ICommitLog
{
    private readonly Lock _lock = new();
    private readonly List<(Action<object?, bool> Callback, object? State)> _waiting = [];
    private long _reserved;
    private long _safe;

    /// <summary>Completes when somebody waits.</summary>
    public TaskCompletionSource WaitedFor { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long Reserve() => Interlocked.Increment(ref _reserved);

    public void Fill(long position, int database, ReadOnlySpan<byte> effects)
    {
    }

    public long SafePosition(Durability level) => Volatile.Read(ref _safe);

    public void WhenSafe(long position, Durability level, Action<object?, bool> callback, object? state)
    {
        lock (_lock)
        {
            if (position > _safe)
            {
                _waiting.Add((callback, state));
                WaitedFor.TrySetResult();
                return;
            }
        }
        callback(state, true);
    }

    /// <summary>All that was reserved is safe now.</summary>
    public void MakeSafe() => End(isSafe: true);

    /// <summary>What waits can never become safe.</summary>
    public void Fail() => End(isSafe: false);

    private void End(bool isSafe)
    {
        (Action<object?, bool> Callback, object? State)[] waiting;
        lock (_lock)
        {
            if (isSafe) _safe = Volatile.Read(ref _reserved);
            waiting = [.. _waiting];
            _waiting.Clear();
        }
        foreach (var (callback, state) in waiting) callback(state, isSafe);
    }
}

/// <summary>An encoder that writes one byte for each effect.</summary>
internal sealed class NoEffects : IEffectEncoder
{
    public void Select(IBufferWriter<byte> output, int database) => output.Write("n"u8);

    public void Put(IBufferWriter<byte> output, in Key key, in Entry entry) => output.Write("p"u8);

    public void Delete(IBufferWriter<byte> output, in Key key) => output.Write("d"u8);

    public void Deadline(IBufferWriter<byte> output, in Key key, long deadlineUnixMs) => output.Write("t"u8);

    public void SetFields<TPairs>(IBufferWriter<byte> output, in Key key, scoped TPairs pairs)
        where TPairs : IFieldValues, allows ref struct => output.Write("h"u8);

    public void RemoveFields<TFields>(IBufferWriter<byte> output, in Key key, scoped TFields fields)
        where TFields : IFields, allows ref struct => output.Write("r"u8);

    public void Copy(IBufferWriter<byte> output, in Key source, int destinationDatabase, in Key destination) => output.Write("c"u8);

    public void Flush(IBufferWriter<byte> output) => output.Write("f"u8);

    public void Swap(IBufferWriter<byte> output, int first, int second) => output.Write("s"u8);
}
