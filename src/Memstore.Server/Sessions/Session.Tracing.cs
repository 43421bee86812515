using System.Diagnostics;
using Memstore.Server.Commands;
using Memstore.Server.Telemetry;

namespace Memstore.Server.Sessions;

// Spans of commands, while somebody collects them. Without a tracer a command costs one look at a null.
internal sealed partial class Session
{
    // Of this turn.
    private Tracer? _tracer;
    private long _untilTraced;
    private Activity? _span;

    private void StartSpan(Command row)
    {
        if (--_untilTraced > 0) return;
        var isFirst = _untilTraced < 0;
        _untilTraced = _tracer!.NextGap();
        // The first command of a session ends a gap that nobody has drawn: tracing it would favour clients that connect often.
        if (isFirst && _untilTraced > 1) return;
        _span = _tracer.Begin(row, this);
        // What runs on this thread next is no part of it.
        Activity.Current = null;
    }

    private void EndSpan(Command row)
    {
        var span = _span!;
        _span = null;
        var shard = row.SoleKey > 0 ? _server.Store.ShardOf(RoutesOf(_next - 1)[row.SoleKey].Slot) : -1;
        Tracer.End(span, _reply.WrittenSpan[_replyStart..], shard);
    }
}
