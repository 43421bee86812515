using System.Buffers;
using Memstore.Engine.Journaling;
using Memstore.Engine.Memory;
using Memstore.Engine.Values;

namespace Memstore.Engine;

// What a commit log is told. Effects are encoded as the body makes them, also on a snapshot; the log's position is reserved before the first
// record of the commit can be seen (BeforeWrite), and the effects are handed over when the body has ended. What is dropped takes its effects with it.
public sealed unsafe partial class Transaction
{
    // A buffer that one large transaction has grown is not kept.
    private const int EffectsKeptMax = 64 * 1024;

    private ArrayBufferWriter<byte>? _effects;
    private int _effectsDatabase;
    private int _selected;
    private long _sequence;

    // Private writes are being published: their effects have been encoded.
    private bool _isPublishing;

    // What publishing the pending record tells the log.
    private PendingEffect _pendingEffect;

    private enum PendingEffect : byte
    {
        /// <summary>The string that the record holds.</summary>
        Put,

        /// <summary>Its deadline: the value is as before.</summary>
        Deadline,

        /// <summary>Nothing: whoever prepared the record tells.</summary>
        None,
    }

    private bool IsLogged => _store.Log is not null && !_isPublishing;

    private IEffectEncoder Encoder => _store.Options.EffectEncoder!;

    private ArrayBufferWriter<byte> EffectsOn(int database)
    {
        var effects = _effects ??= new ArrayBufferWriter<byte>(256);
        if (effects.WrittenCount == 0)
        {
            _effectsDatabase = database;
            _selected = database;
        }
        else if (_selected != database)
        {
            Encoder.Select(effects, database);
            _selected = database;
        }

        return effects;
    }

    private void EffectPending(byte* record)
    {
        var key = new Key(Record.Key(record), _pending.Route);
        if (_pendingEffect == PendingEffect.Put) Encoder.Put(EffectsOn(_pending.Database), key, new Entry(record));
        else if (_pendingEffect == PendingEffect.Deadline) Encoder.Deadline(EffectsOn(_pending.Database), key, Record.Deadline(record));
    }

    private void EffectDelete(int database, KeyRoute route, byte* record) =>
        Encoder.Delete(EffectsOn(database), new Key(Record.Key(record), route));

    private void EffectSetFields<TPairs>(in Key key, scoped TPairs pairs)
        where TPairs : IFieldValues, allows ref struct
    {
        if (IsLogged) Encoder.SetFields(EffectsOn(_database), key, pairs);
    }

    private void EffectRemoveFields<TFields>(in Key key, scoped TFields fields)
        where TFields : IFields, allows ref struct
    {
        if (IsLogged) Encoder.RemoveFields(EffectsOn(_database), key, fields);
    }

    private void EffectCopy(in Key source, int sourceDatabase, in Key destination, int destinationDatabase)
    {
        if (IsLogged) Encoder.Copy(EffectsOn(sourceDatabase), source, destinationDatabase, destination);
    }

    private void FinishEffects()
    {
        if (_sequence == 0 && _effects is { WrittenCount: > 0 }) ReserveLate();
        if (_sequence == 0) return;
        _store.Log!.Fill(_sequence, _effectsDatabase, _effects is null ? default : _effects.WrittenSpan);
        DropEffects();
        _sequence = 0;
    }

    private void DropEffects()
    {
        if (_effects is null) return;
        if (_effects.Capacity > EffectsKeptMax) _effects = null;
        else _effects.ResetWrittenCount();
    }

    // Whoever looks at all keys depends on every commit so far.
    private void DependOnEverything()
    {
        if (_store.Log is { } log) _position = Math.Max(_position, log.SafePosition(Durability.None));
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
