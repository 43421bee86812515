using Memstore.Engine.Shards;

namespace Memstore.Engine.Tests.Schedules;

/// <summary>
/// Threads that enter shards with transactions, wait in their queues, leave and go on with whom they were given: what the engine does
/// around <see cref="Shard"/>, and a look at every rule of the queue.
/// </summary>
internal sealed class ShardWorkload
{
    private readonly Shard[] _shards;
    private readonly Member[] _members;
    private readonly int _threads;
    private readonly Dictionary<Transaction, Member> _byTransaction = [];
    private readonly List<Transaction> _pushed = [];
    private readonly List<Transaction> _granted = [];
    private readonly int[] _inside;

    /// <summary>Makes the transactions of some threads, so many each, that enter all shards each.</summary>
    public ShardWorkload(Store store, int threads, int transactionsPerThread, int shards)
    {
        _threads = threads;
        _shards = new Shard[shards];
        _inside = new int[shards];
        _members = [.. Enumerable.Range(0, threads * transactionsPerThread).Select(number => new Member(number % threads, new Transaction(store)))];
        foreach (var member in _members) _byTransaction[member.Transaction] = member;
    }

    /// <summary>Starts anew.</summary>
    public void Reset()
    {
        for (var i = 0; i < _shards.Length; i++) _shards[i] = new Shard(i);
        foreach (var member in _members) (member.Next, member.Runs) = (0, 0);
        _pushed.Clear();
        _granted.Clear();
        Array.Clear(_inside);
    }

    /// <summary>A transaction has joined the arrivals.</summary>
    public void Arrived(Transaction transaction)
    {
        if (_shards.Length == 1) _pushed.Add(transaction);
    }

    /// <summary>What one thread does.</summary>
    public void Run(int thread)
    {
        var given = new Queue<Transaction>();
        foreach (var member in _members)
        {
            if (member.Thread != thread) continue;
            Continue(member, given);
            while (given.TryDequeue(out var next)) Continue(_byTransaction[next], given);
        }
    }

    /// <summary>All threads have ended: everybody ran once, in order, and the shards are free.</summary>
    public void CheckEnd()
    {
        foreach (var member in _members) Must(member.Runs == 1, $"A transaction ran {member.Runs} times: {(member.Runs == 0 ? "its wake-up was lost" : "it was granted again")}.");
        foreach (var shard in _shards) Must(!shard.IsHeld, "A shard is held, and nobody is there.");
        foreach (var member in _members) Must(member.Transaction.NextWaiting is null, "A transaction that has ended is still linked.");
        Must(_pushed.SequenceEqual(_granted), "The shard was not granted in the order of arrival.");
    }

    // As Transaction.EnterRest and LeaveBelow do it.
    private void Continue(Member member, Queue<Transaction> given)
    {
        if (member.Next > 0 && _shards.Length == 1) _granted.Add(member.Transaction);
        while (member.Next < _shards.Length)
        {
            var shard = _shards[member.Next++];
            if (shard.TryEnter(member.Transaction)) continue;
            if (shard.Enqueue(member.Transaction) is { } next) given.Enqueue(next);
            return;
        }

        RunHeld(member);
        foreach (var shard in _shards)
        {
            _inside[shard.Index]--;
            if (shard.Leave() is { } next) given.Enqueue(next);
        }
    }

    private void RunHeld(Member member)
    {
        for (var i = 0; i < _shards.Length; i++) Must(_inside[i]++ == 0, "Two transactions hold a shard.");
        var turns = _shards.Select(static shard => shard.Turn).ToArray();
        Scheduler.Point();
        member.Runs++;
        for (var i = 0; i < _shards.Length; i++)
        {
            Must(_shards[i].IsHeld, "A shard that somebody is in looks free.");
            Must(_shards[i].Turn == turns[i], "The turn of a shard advanced while it was held.");
        }
    }

    private void Must(bool condition, string otherwise)
    {
        if (!condition) throw new InvalidOperationException($"{otherwise} ({_threads} threads, {_members.Length} transactions)");
    }

    private sealed class Member(int thread, Transaction transaction)
    {
        public int Thread { get; } = thread;

        public Transaction Transaction { get; } = transaction;

        public int Next { get; set; }

        public int Runs { get; set; }
    }
}
