using System.Net;
using System.Net.Sockets;

namespace Memstore.Server.Tests.Conformance;

/// <summary>Where two servers parted: the step, and what each answered.</summary>
internal sealed record Mismatch(int Index, Step Step, string Expected, string Actual);

/// <summary>Plays a sequence of steps to two servers, as the same clients with the same bytes, and compares each reply.</summary>
internal sealed class Differential(IPEndPoint reference, IPEndPoint subject, int protocol)
{
    private const int BatchMax = 16;
    private const int ReplaysMax = 400;

    public int CommandCount { get; private set; }

    /// <summary>Empties both servers, plays the steps, and returns the first difference, if any.</summary>
    public Mismatch? Run(IReadOnlyList<Step> steps)
    {
        Clear(reference);
        Clear(subject);
        var clients = Enumerable.Range(0, CommandGenerator.ClientCount).Select(_ => new Client(reference, subject, protocol)).ToArray();
        try
        {
            for (var i = 0; i < steps.Count;)
            {
                var batch = BatchAt(steps, i);
                CommandCount += batch.Length;
                if (clients[batch[0].Client].Play(batch) is { } found) return found with { Index = i + found.Index };
                i += batch.Length;
            }

            return null;
        }
        finally
        {
            foreach (var client in clients) client.Dispose();
        }
    }

    /// <summary>Leaves out steps as long as the last one still differs.</summary>
    public (IReadOnlyList<Step> Steps, Mismatch Mismatch) Shrink(IReadOnlyList<Step> steps, Mismatch mismatch)
    {
        var current = steps.Take(mismatch.Index + 1).ToList();
        var replays = 0;
        for (var size = current.Count / 2; size > 0 && replays < ReplaysMax; size = size > 1 ? Math.Max(1, size / 3) : 0)
        {
            for (var at = current.Count - 1 - size; at >= 0 && replays++ < ReplaysMax; at -= size)
            {
                List<Step> fewer = [.. current[..at], .. current[(at + size)..]];
                if (Run(fewer) is not { } again || Signature(again) != Signature(mismatch)) continue;
                (current, mismatch) = (fewer[..(again.Index + 1)], again);
                at = Math.Min(at, current.Count - 1);
            }
        }

        return (current, mismatch);
    }

    /// <summary>What kind of difference it is: differences with the same signature are reported once.</summary>
    public static string Signature(Mismatch mismatch)
    {
        var name = System.Text.Encoding.Latin1.GetString(mismatch.Step.Arguments[0]).ToUpperInvariant();
        if (mismatch.Actual.Contains("unknown command", StringComparison.Ordinal)) return $"{name} is unknown";
        return $"{name} {Start(mismatch.Expected)} {Start(mismatch.Actual)}";
    }

    private static string Start(string reply) => reply.Length > 1 && reply[1] is '-' ? reply[..Math.Min(reply.Length, 24)] : reply[..Math.Min(reply.Length, 2)];

    private static Step[] BatchAt(IReadOnlyList<Step> steps, int start)
    {
        var size = 1;
        while (!steps[start].IsIteration && size < BatchMax && start + size < steps.Count
            && steps[start + size] is { IsIteration: false } next && next.Client == steps[start].Client)
        {
            size++;
        }

        return [.. steps.Skip(start).Take(size)];
    }

    private static void Clear(IPEndPoint server)
    {
        using var connection = new RawConnection(server);
        connection.Ask("FLUSHALL");
    }

    /// <summary>The same client of both servers.</summary>
    private sealed class Client : IDisposable
    {
        private readonly RawConnection _reference;
        private readonly RawConnection _subject;

        // The commands that wait for EXEC, which answers them all; null outside of MULTI.
        private List<byte[][]>? _queued;

        public Client(IPEndPoint reference, IPEndPoint subject, int protocol)
        {
            _reference = new RawConnection(reference);
            _subject = new RawConnection(subject);
            if (protocol == 2) return;
            _reference.Ask($"HELLO {protocol}");
            _subject.Ask($"HELLO {protocol}");
        }

        /// <summary>Sends a batch in one piece to both and compares the replies.</summary>
        public Mismatch? Play(Step[] batch)
        {
            if (batch[0].IsIteration) return Iterate(batch[0]);
            byte[] bytes = [.. batch.SelectMany(step => RawConnection.Encode(step.Arguments))];
            _reference.Send(bytes);
            var expected = batch.Select(_ => _reference.ReadReply()).ToArray();
            var problem = TrySend(bytes);
            for (var i = 0; i < batch.Length; i++)
            {
                var actual = problem is null ? TryRead(_subject, out problem) : null;
                if (actual is null || !Same(batch[i].Arguments, expected[i], actual))
                {
                    return new Mismatch(i, batch[i], expected[i].ToString(), actual?.ToString() ?? problem!);
                }
            }

            return null;
        }

        public void Dispose()
        {
            _reference.Dispose();
            _subject.Dispose();
        }

        private bool Same(byte[][] command, RawReply expected, RawReply actual)
        {
            var queued = _queued;
            Track(command, expected);
            if (queued is null || _queued is not null || expected.Elements.Length == 0) return AllowedDifferences.Same(command, expected, actual);
            return expected.Type == actual.Type && queued.Count == actual.Elements.Length && queued.Count == expected.Elements.Length
                && queued.Zip(expected.Elements, actual.Elements).All(one => AllowedDifferences.Same(one.First, one.Second, one.Third));
        }

        // Follows the replies of the reference into and out of MULTI.
        private void Track(byte[][] command, RawReply expected)
        {
            var name = System.Text.Encoding.Latin1.GetString(command[0]).ToUpperInvariant();
            if (expected is { Type: '+', Text: "QUEUED" }) _queued?.Add(command);
            else if (name is "MULTI" && !expected.IsError) _queued = [];
            else if (name is "EXEC" or "DISCARD" or "RESET" && command.Length == 1) _queued = null;
        }

        private Mismatch? Iterate(Step step)
        {
            var (expected, actual) = (Collect(_reference, step.Arguments), Collect(_subject, step.Arguments));
            return expected == actual ? null : new Mismatch(0, step, expected, actual);
        }

        // The elements that a whole iteration returns, sorted; or the first reply that is no page.
        private static string Collect(RawConnection connection, byte[][] arguments)
        {
            var isHash = arguments.Length > 1 && arguments[0][0] is (byte)'h' or (byte)'H';
            var found = new SortedSet<string>(StringComparer.Ordinal);
            byte[][] request = [.. arguments];
            var cursorAt = isHash ? 2 : 1;
            do
            {
                connection.Send(RawConnection.Encode(request));
                var reply = TryRead(connection, out var problem);
                if (reply is null || reply.Elements.Length != 2) return reply?.ToString() ?? problem!;
                foreach (var element in reply.Elements[1].Elements.Chunk(isHash ? 2 : 1)) found.Add(string.Concat<object>(element));
                request[cursorAt] = System.Text.Encoding.ASCII.GetBytes(reply.Elements[0].Text);
            }
            while (request[cursorAt] is not [(byte)'0']);
            return $"the set of {string.Join(", ", found)}";
        }

        private string? TrySend(byte[] bytes)
        {
            try
            {
                _subject.Send(bytes);
                return null;
            }
            catch (SocketException exception)
            {
                return exception.Message;
            }
        }

        private static RawReply? TryRead(RawConnection connection, out string? problem)
        {
            try
            {
                problem = null;
                return connection.ReadReply();
            }
            catch (Exception exception) when (exception is IOException or SocketException or InvalidDataException)
            {
                problem = $"no reply: {exception.Message}";
                return null;
            }
        }
    }
}
