using System.Buffers;
using System.Text;
using Xunit;

namespace Memstore.Protocol.Tests;

/// <summary>Requests that are made in the process, and a batch that takes them.</summary>
public sealed class RequestListTests
{
    [Fact]
    public void A_list_gives_back_what_was_added()
    {
        using var list = Make(["SET", "k", ""], ["PING"], ["GET", "é\0"]);
        Assert.Equal(["SET|k|", "PING", "GET|é\0"], Read(list));
        Assert.Equal(Encoding.UTF8.GetByteCount("SETkPINGGETé\0"), list.Size);
    }

    [Fact]
    public void Room_that_was_asked_for_need_not_be_used()
    {
        using var list = new RequestList();
        list.Start();
        "ECHO"u8.CopyTo(list.Reserve(100_000));
        list.Commit(4);
        list.Reserve(10)[0] = (byte)'x';
        list.Commit(1);
        list.Add("é".AsSpan());
        Assert.Equal(["ECHO|x|é"], Read(list));
        Assert.Equal(7, list.Size);
    }

    [Fact]
    public void A_list_grows_over_many_requests_and_is_empty_after_clearing()
    {
        using var list = new RequestList();
        for (var round = 0; round < 3; round++)
        {
            var expected = new List<string>();
            for (var i = 0; i < 1_000; i++)
            {
                list.Start();
                var words = Enumerable.Range(0, i % 7 + 1).Select(word => new string((char)('a' + word), i % 200)).ToArray();
                foreach (var word in words) list.Add(Encoding.UTF8.GetBytes(word));
                expected.Add(string.Join('|', words));
            }
            Assert.Equal(expected, Read(list));
            list.Clear();
            Assert.Equal((0, 0), (list.Count, list.Size));
        }
    }

    [Fact]
    public void A_batch_takes_a_list_as_if_it_had_been_read()
    {
        using var list = Make(["SET", "k", "v"], ["GET", "k"], ["PING"]);
        using var batch = new RequestBatch();
        batch.Take(list);
        Assert.Equal(["SET|k|v", "GET|k", "PING"], Read(batch));
        Assert.Null(batch.Error);
        Assert.Equal(3, batch.FirstArgument(1));
    }

    [Fact]
    public void A_batch_takes_lists_of_any_length_in_turn_with_reading()
    {
        using var batch = new RequestBatch();
        foreach (var count in (int[])[1, 5_000, 0, 2])
        {
            using var list = new RequestList();
            for (var i = 0; i < count; i++)
            {
                list.Start();
                list.Add("INCR"u8);
                list.Add(Encoding.ASCII.GetBytes($"{i}"));
            }

            batch.Take(list);
            Assert.Equal(Enumerable.Range(0, count).Select(static i => $"INCR|{i}"), Read(batch));
            batch.Reset();
            batch.Read(new ReadOnlySequence<byte>("*1\r\n$4\r\nPING\r\n*1\r\n"u8.ToArray()), RequestLimits.Default, 100);
            Assert.Equal(["PING"], Read(batch));
            batch.Reset();
        }
    }

    private static RequestList Make(params string[][] requests)
    {
        var list = new RequestList();
        foreach (var request in requests)
        {
            list.Start();
            foreach (var argument in request) list.Add(Encoding.UTF8.GetBytes(argument));
        }
        return list;
    }

    private static List<string> Read(RequestList list) => [.. Enumerable.Range(0, list.Count).Select(i => Text(list[i]))];

    private static List<string> Read(RequestBatch batch)
    {
        var requests = new List<string>();
        for (var i = 0; i < batch.Count; i++) requests.Add(Text(batch[i]));
        return requests;
    }

    private static string Text(in Request request)
    {
        var words = new List<string>();
        for (var i = 0; i < request.ArgumentCount; i++) words.Add(Encoding.UTF8.GetString(request[i]));
        return string.Join('|', words);
    }
}
