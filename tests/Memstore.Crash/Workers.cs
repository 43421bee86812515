using System.Globalization;
using Memstore.Histories.Resp;

namespace Memstore.Crash;

/// <summary>One key.</summary>
internal sealed class SetWorker(string name, string durability) : Worker(name, durability)
{
    protected override async Task<bool> StepAsync(RespConnection connection, long step)
    {
        Expect("OK", await AskAsync(connection, "SET", Name, Text(step)));
        return true;
    }

    protected override async Task<long> FindAsync(RespConnection connection) => Number(await AskAsync(connection, "GET", Name));
}

/// <summary>Four keys in all shards and a counter, by MULTI and EXEC.</summary>
internal sealed class ExecWorker(string name, string durability) : Worker(name, durability)
{
    private const int Keys = 4;

    protected override async Task<bool> StepAsync(RespConnection connection, long step)
    {
        connection.Command("MULTI");
        for (var i = 0; i < Keys; i++) connection.Command("SET", $"{Name}:{i}", Text(step));
        connection.Command("EXEC");
        await connection.FlushAsync();
        Expect("OK", await connection.ReadAsync());
        for (var i = 0; i < Keys; i++) Expect("QUEUED", await connection.ReadAsync());
        return (await connection.ReadAsync()).Items.Length == Keys;
    }

    protected override async Task<long> FindAsync(RespConnection connection) =>
        Same((await AskAsync(connection, ["MGET", .. Enumerable.Range(0, Keys).Select(i => $"{Name}:{i}")])).Items);
}

/// <summary>A hash and a string in two databases, by BEGIN and COMMIT; every fifth is rolled back.</summary>
internal sealed class BeginWorker(string name, string durability) : Worker(name, durability)
{
    protected override async Task<bool> StepAsync(RespConnection connection, long step)
    {
        var commits = step % 5 != 0;
        connection.Command("BEGIN");
        connection.Command("HSET", $"{Name}:h", "n", Text(step), $"f{step % 700}", Text(step));
        connection.Command("SELECT", "1");
        connection.Command("SET", $"{Name}:s", Text(step));
        connection.Command("SELECT", "0");
        connection.Command(commits ? "COMMIT" : "ROLLBACK");
        await connection.FlushAsync();
        for (var i = 0; i < 5; i++) await connection.ReadAsync();
        Expect("OK", await connection.ReadAsync());
        return commits;
    }

    protected override async Task<long> FindAsync(RespConnection connection)
    {
        var hash = await AskAsync(connection, "HGET", $"{Name}:h", "n");
        Expect("OK", await AskAsync(connection, "SELECT", "1"));
        var text = await AskAsync(connection, "GET", $"{Name}:s");
        Expect("OK", await AskAsync(connection, "SELECT", "0"));
        return Same([hash, text]);
    }
}

/// <summary>A hash that grows large, is copied, renamed and deleted now and then, and a counter in it.</summary>
internal sealed class HashWorker(string name, string durability) : Worker(name, durability)
{
    protected override async Task<bool> StepAsync(RespConnection connection, long step)
    {
        connection.Command("MULTI");
        connection.Command("HINCRBY", $"{Name}:count", "n", "1");
        connection.Command("HSET", $"{Name}:big", "n", Text(step), $"field-{step % 3000}", "value of some length");
        if (step % 50 == 0) connection.Command("HDEL", $"{Name}:big", $"field-{step % 2000}");
        if (step % 400 == 0) connection.Command("RENAME", $"{Name}:big", $"{Name}:copy");
        if (step % 400 == 0) connection.Command("COPY", $"{Name}:copy", $"{Name}:big", "REPLACE");
        if (step % 9000 == 0) connection.Command("DEL", $"{Name}:copy");
        connection.Command("SET", $"{Name}:n", Text(step));
        connection.Command("EXEC");
        await connection.FlushAsync();
        while (true)
        {
            var reply = await connection.ReadAsync();
            if (reply.Kind == RespKind.Array) return true;
            if (reply.Kind == RespKind.Error) throw new WrongDataException(reply.Text);
        }
    }

    protected override async Task<long> FindAsync(RespConnection connection) => Same(
    [
        await AskAsync(connection, "HGET", $"{Name}:count", "n"),
        await AskAsync(connection, "HGET", $"{Name}:big", "n"),
        await AskAsync(connection, "GET", $"{Name}:n"),
    ]);
}

/// <summary>Keys with deadlines, near and far: the near ones are gone after theirs, the far ones keep theirs.</summary>
internal sealed class ExpiryWorker(string name, string durability) : Worker(name, durability)
{
    private static readonly long FarUnixMs = new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    private readonly Dictionary<string, long> _near = [];

    protected override async Task<bool> StepAsync(RespConnection connection, long step)
    {
        var near = $"{Name}:near:{step % 500}";
        var due = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + (step % 90);
        _near[near] = due;
        connection.Command("MULTI");
        connection.Command("SET", near, Text(step), "PXAT", Text(due));
        connection.Command("SET", $"{Name}:far", Text(step));
        connection.Command("PEXPIREAT", $"{Name}:far", Text(FarUnixMs + step));
        connection.Command("EXEC");
        await connection.FlushAsync();
        for (var i = 0; i < 4; i++) await connection.ReadAsync();
        return (await connection.ReadAsync()).Items.Length == 3;
    }

    protected override async Task<long> FindAsync(RespConnection connection)
    {
        var step = Number(await AskAsync(connection, "GET", $"{Name}:far"));
        var deadline = (await AskAsync(connection, "PEXPIRETIME", $"{Name}:far")).Integer;
        if (step != 0 && deadline != FarUnixMs + step)
            throw new WrongDataException(string.Create(CultureInfo.InvariantCulture, $"{Name}: the deadline is that of step {deadline - FarUnixMs}, the value that of {step}"));
        foreach (var (key, due) in _near)
        {
            if (due < DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() && Number(await AskAsync(connection, "EXISTS", key)) != 0)
                throw new WrongDataException($"{Name}: {key} is there after its deadline");
        }

        return step;
    }
}

/// <summary>Reads what another has written: with level always, what it has seen must be there after the crash.</summary>
internal sealed class ReadWorker(string name, string key) : Worker(name, "always")
{
    private long _seen;

    protected override bool Writes => false;

    protected override async Task<bool> StepAsync(RespConnection connection, long step)
    {
        _seen = Math.Max(_seen, Number(await AskAsync(connection, "GET", key)));
        return true;
    }

    protected override async Task<long> FindAsync(RespConnection connection)
    {
        var found = Number(await AskAsync(connection, "GET", key));
        if (found < _seen) throw new WrongDataException($"{Name}: {key} was seen as {_seen} at level always and is {found}");
        _seen = found;
        return Acknowledged;
    }
}

/// <summary>Writes images and rewrites journals, one after the other.</summary>
internal sealed class SaveWorker(string name) : Worker(name, "none")
{
    protected override async Task<bool> StepAsync(RespConnection connection, long step)
    {
        await AskAsync(connection, step % 2 == 0 ? "BGSAVE" : "BGREWRITEAOF");
        await Task.Delay((int)(step % 7) * 10);
        return true;
    }

    protected override Task<long> FindAsync(RespConnection connection) => Task.FromResult(Sent);
}

/// <summary>Changes the number of shards, one time after the other.</summary>
internal sealed class ReshardWorker(string name) : Worker(name, "none")
{
    private static readonly int[] Counts = [16, 3, 64, 1, 4];

    protected override async Task<bool> StepAsync(RespConnection connection, long step)
    {
        Expect("OK", await AskAsync(connection, "SHARDS", "SET", Text(Counts[step % Counts.Length])));
        return true;
    }

    protected override Task<long> FindAsync(RespConnection connection) => Task.FromResult(Sent);
}
