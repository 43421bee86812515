using System.Buffers;
using Memstore.Engine.Memory;

namespace Memstore.Engine;

// What a commit log is told. The log's position is reserved before the first record of the commit can be seen (BeforeWrite),
// the record is handed over when all effects are known.
public sealed unsafe partial class Transaction
{
    private ArrayBufferWriter<byte>? _effects;
    private long _sequence;

    private ArrayBufferWriter<byte> Effects => _effects ??= new ArrayBufferWriter<byte>(256);

    private void EffectPut(int database, KeyRoute route, byte* record)
    {
        var key = new Key(Record.Key(record), route);
        if (_changesDeadlineOnly) _store.Options.EffectEncoder!.Deadline(Effects, database, key, Record.Deadline(record));
        else _store.Options.EffectEncoder!.Put(Effects, database, key, new Entry(record));
    }

    private void EffectDelete(int database, KeyRoute route, byte* record) =>
        _store.Options.EffectEncoder!.Delete(Effects, database, new Key(Record.Key(record), route));

    private void FinishEffects()
    {
        if (_sequence == 0 && _effects is { WrittenCount: > 0 }) ReserveLate();
        if (_sequence == 0) return;
        _store.Log!.Fill(_sequence, Effects.WrittenSpan);
        Effects.ResetWrittenCount();
        _sequence = 0;
    }

    // A commit that publishes a set of databases reserves its position like any other write.
    private long ReserveForSet()
    {
        if (_store.Log is null) return 0;
        if (_sequence == 0) _sequence = _store.Log.Reserve();
        _position = Math.Max(_position, _sequence);
        return _sequence;
    }
}
