using System.Globalization;
using System.Text;
using Memstore.Protocol;
using Xunit;

namespace Memstore.Server.Tests.Commands;

/// <summary>Tests of handlers that read like a session at a terminal; each has an empty store of its own.</summary>
public abstract class HandlerTests : IDisposable
{
    private protected CommandHarness Server { get; } = new();

    public void Dispose()
    {
        Server.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The reply is this: an integer, a text (bulk or simple), null, or an array of these.</summary>
    protected void Expect(string command, object? reply) => Assert.Equal(Show(reply), Show(Server.Run(command)));

    /// <summary>The reply is this error.</summary>
    protected void ExpectError(string command, string error)
    {
        var reply = Server.Run(command);
        Assert.True(reply.IsError, $"{command} answered {Show(reply)}");
        Assert.Equal(error, reply.Text);
    }

    /// <summary>The names of the events of the last command, in order.</summary>
    protected void ExpectEvents(params string[] events)
    {
        var names = new List<string>();
        for (var i = 0; i < Server.Events.Count; i++)
        {
            var key = Encoding.Latin1.GetString(Server.Events.Get(i, out var name, out var database));
            names.Add(string.Create(CultureInfo.InvariantCulture, $"{name} {database}:{key}"));
        }
        Assert.Equal(events, names);
    }

    private protected static string Show(RespValue value) => value.Type switch
    {
        RespType.Integer => string.Create(CultureInfo.InvariantCulture, $"{value.Integer}"),
        RespType.Null => "nil",
        RespType.Bulk or RespType.SimpleString => $"'{Encoding.Latin1.GetString(value.Bytes)}'",
        RespType.Error => $"!{value.Text}",
        RespType.Array or RespType.Set or RespType.Map or RespType.Push => $"[{string.Join(", ", value.Items.Select(Show))}]",
        _ => value.ToString(),
    };

    private static string Show(object? value) => value switch
    {
        null => "nil",
        string text => $"'{text}'",
        object?[] items => $"[{string.Join(", ", items.Select(Show))}]",
        _ => string.Create(CultureInfo.InvariantCulture, $"{value}"),
    };
}
