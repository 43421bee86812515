using System.Text;
using System.Text.RegularExpressions;
using Memstore.Server.CommandLine.Bench;
using Xunit;

namespace Memstore.Load.Tests;

public sealed partial class WorkloadTests
{
    [Theory]
    [InlineData(WorkloadKind.Get, "GET key:")]
    [InlineData(WorkloadKind.Set, "SET key: vvvvvvvv")]
    [InlineData(WorkloadKind.Incr, "INCR cnt:")]
    [InlineData(WorkloadKind.MGet, "MGET key: key: key: key: key: key: key: key: key: key:")]
    [InlineData(WorkloadKind.HSet, "HSET hsh: fld: vvvvvvvv")]
    [InlineData(WorkloadKind.FillCounters, "SET cnt: 1000")]
    public void A_request_has_its_arguments(object kind, string expected)
    {
        var requests = Requests((WorkloadKind)kind, 100, out var replies);
        Assert.Equal(100, replies);
        Assert.All(requests, request => Assert.Equal(expected, Numbers().Replace(request, ":")));
    }

    [Fact]
    public void A_transaction_has_two_to_four_commands_and_a_reply_for_each()
    {
        var requests = Requests(WorkloadKind.Multi, 1_000, out var replies);
        Assert.Equal(replies, requests.Count);
        var sizes = string.Join(' ', requests.Select(request => request.Split(' ')[0])).Split("EXEC")[..^1]
            .Select(text => text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length - 1);
        Assert.Equal([2, 3, 4], sizes.Distinct().Order());
    }

    [Fact]
    public void Fill_sets_each_key_once_and_in_order()
    {
        var requests = Requests(WorkloadKind.Fill, 50, out _);
        Assert.Equal(Enumerable.Range(10, 50).Select(i => $"SET key:{i:d12} vvvvvvvv"), requests);
    }

    [Fact]
    public void Delete_takes_the_keys_that_it_says()
    {
        var keys = Requests(WorkloadKind.Delete, 300, out _).Select(request => long.Parse(request[^12..], null)).ToArray();
        Assert.All(keys, key => Assert.True(Workload.IsDoomed(key, 30)));
        Assert.InRange(keys[^1], 900, 1_100);
        Assert.Equal(keys.Distinct().Order(), keys);
    }

    [Theory]
    [InlineData(Distribution.Uniform, 0.009, 0.011)]
    [InlineData(Distribution.Zipf, 0.4, 0.7)]
    public void The_hottest_percent_of_the_keys_gets_its_share(object distribution, double least, double most)
    {
        var chooser = new KeyChooser(1_000, (Distribution)distribution, seed: 3);
        var counts = new int[1_000];
        for (var i = 0; i < 1_000_000; i++) counts[chooser.Next()]++;
        Assert.InRange(counts.OrderDescending().Take(10).Sum() / 1e6, least, most);
    }

    private static List<string> Requests(WorkloadKind kind, int count, out int replies)
    {
        var settings = new LoadSettings
        {
            Host = "", Port = 0, Workload = kind, Keys = 1_000, ValueSize = 8, FirstKey = 10, DeletePercent = 30,
        };
        var workload = new Workload(settings, worker: 0);
        var buffer = new SendBuffer();
        replies = 0;
        for (var i = 0; i < count; i++) replies += workload.Append(buffer);

        var lines = Encoding.ASCII.GetString(buffer.Waiting).Split("\r\n");
        var requests = new List<string>();
        for (var i = 0; lines[i].Length > 0;)
        {
            var size = int.Parse(lines[i++][1..], null);
            var words = Enumerable.Range(0, size).Select(word => (Length: lines[i + (2 * word)], Text: lines[i + (2 * word) + 1])).ToArray();
            Assert.All(words, word => Assert.Equal($"${word.Text.Length}", word.Length));
            requests.Add(string.Join(' ', words.Select(word => word.Text)));
            i += 2 * size;
        }

        return requests;
    }

    [GeneratedRegex(@":\d{12}")]
    private static partial Regex Numbers();
}
