using System.Buffers;
using Memstore.Engine;
using Memstore.Protocol;
using Memstore.Server.Commands;

namespace Memstore.Server.Sessions;

/// <summary>How a queued command ran.</summary>
/// <param name="ReplyStart">Where its reply begins.</param>
/// <param name="Database">The database that it began in.</param>
/// <param name="Ticks">Its time, in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</param>
internal record struct CommandRun(int ReplyStart, int Database, long Ticks);

/// <summary>
/// The commands between MULTI and EXEC with copies of their arguments, because the bytes they came in go away. Reused by its session;
/// arrays that a large transaction has grown go back to the pool.
/// </summary>
internal sealed class CommandQueue : IDisposable
{
    private const int BytesAtFirst = 1024;
    private const int ItemsAtFirst = 16;
    private const int BytesKept = 16 * 1024;
    private const int FramesKept = 256;

    private byte[] _bytes = [];
    private int _byteCount;
    private ArgumentFrame[] _frames = [];
    private KeyRoute[] _routes = [];
    private int _frameCount;
    private QueuedCommand[] _commands = [];

    private record struct QueuedCommand(Command Row, int FirstFrame)
    {
        public CommandRun Run;
    }

    /// <summary>Number of commands.</summary>
    public int Count { get; private set; }

    /// <summary>The flags of all of them together.</summary>
    public CommandFlags Flags { get; private set; }

    /// <summary>Whether one of them touches data.</summary>
    public bool TouchesData { get; private set; }

    /// <summary>Whether all of them touch data, and so have no effect but through the transaction.</summary>
    public bool OnlyTouchesData { get; private set; } = true;

    /// <summary>Bytes of all arguments.</summary>
    public int ArgumentBytes => _byteCount;

    /// <summary>Bytes that the queue occupies.</summary>
    public long Size => _bytes.Length + (_frames.Length * 8L) + (_routes.Length * 16L) + (_commands.Length * 32L);

    /// <summary>The row of a queued command.</summary>
    public Command RowOf(int index) => _commands[index].Row;

    /// <summary>The arguments of a queued command.</summary>
    public Request RequestOf(int index) => new(_bytes, _frames.AsSpan(_commands[index].FirstFrame, EndOf(index) - _commands[index].FirstFrame));

    /// <summary>The routes of a queued command's arguments.</summary>
    public ReadOnlySpan<KeyRoute> RoutesOf(int index) => _routes.AsSpan(_commands[index].FirstFrame, EndOf(index) - _commands[index].FirstFrame);

    /// <summary>How a command ran the last time.</summary>
    public ref readonly CommandRun RunOf(int index) => ref _commands[index].Run;

    /// <summary>A command begins.</summary>
    public void Begin(int index, int replyStart, int database) => _commands[index].Run = new CommandRun(replyStart, database, 0);

    /// <summary>Commands have ended, each of them after so many ticks.</summary>
    public void End(int first, int last, long ticks)
    {
        for (var i = first; i <= last; i++) _commands[i].Run.Ticks = ticks;
    }

    /// <summary>Copies a request. False, and nothing is queued, if the queue would occupy more than a limit.</summary>
    public bool TryAdd(Command row, in Request request, ReadOnlySpan<KeyRoute> routes, long sizeMax)
    {
        var size = 0L;
        for (var i = 0; i < request.ArgumentCount; i++) size += request[i].Length;
        if (_byteCount + size + ((_frameCount + request.ArgumentCount) * 24L) + (Count * 32L) > Math.Min(sizeMax, Array.MaxLength)) return false;

        Reserve(ref _bytes, _byteCount, (int)size, BytesAtFirst);
        Reserve(ref _frames, _frameCount, request.ArgumentCount, ItemsAtFirst);
        Reserve(ref _routes, _frameCount, request.ArgumentCount, ItemsAtFirst);
        Reserve(ref _commands, Count, 1, ItemsAtFirst);
        _commands[Count++] = new QueuedCommand(row, _frameCount);
        routes.CopyTo(_routes.AsSpan(_frameCount));
        for (var i = 0; i < request.ArgumentCount; i++)
        {
            var argument = request[i];
            argument.CopyTo(_bytes.AsSpan(_byteCount));
            _frames[_frameCount++] = new ArgumentFrame(_byteCount, argument.Length);
            _byteCount += argument.Length;
        }
        Flags |= row.Flags;
        TouchesData |= row.TouchesData;
        OnlyTouchesData &= row.TouchesData;
        return true;
    }

    /// <summary>Forgets all commands.</summary>
    public void Clear()
    {
        _commands.AsSpan(0, Count).Clear();
        Count = 0;
        _byteCount = 0;
        _frameCount = 0;
        Flags = CommandFlags.None;
        TouchesData = false;
        OnlyTouchesData = true;
        if (_bytes.Length > BytesKept || _frames.Length > FramesKept || _commands.Length > FramesKept) Dispose();
    }

    /// <summary>Gives the arrays back to the pool; the queue can be used again.</summary>
    public void Dispose()
    {
        Return(ref _bytes);
        Return(ref _frames);
        Return(ref _routes);
        Return(ref _commands);
    }

    private int EndOf(int index) => index + 1 < Count ? _commands[index + 1].FirstFrame : _frameCount;

    private static void Reserve<T>(ref T[] array, int used, int more, int initial)
    {
        if (array.Length - used >= more) return;
        var size = Math.Max(used + (long)more, Math.Max(initial, array.Length * 2L));
        var larger = ArrayPool<T>.Shared.Rent((int)Math.Min(size, Array.MaxLength));
        array.AsSpan(0, used).CopyTo(larger);
        Return(ref array);
        array = larger;
    }

    private static void Return<T>(ref T[] array)
    {
        if (array.Length > 0) ArrayPool<T>.Shared.Return(array, clearArray: typeof(T) == typeof(QueuedCommand));
        array = [];
    }
}
