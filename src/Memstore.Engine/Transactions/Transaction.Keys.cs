using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Memstore.Engine.Keys;
using Memstore.Engine.Memory;
using Memstore.Engine.Transactions;

namespace Memstore.Engine;

// Single keys: looking up and changing them in each of the three modes.
public sealed unsafe partial class Transaction
{
    private const int UnheldTriesMax = 4;

    // A hold that writes a value of more bytes than this is timed.
    private const int ValueUntimed = 16 << 10;

    // Unheld: the record that the one key showed, so that a body that looks twice sees the same.
    private nint _seenRecord;

    /// <summary>Looks a key up. False if it is absent or expired.</summary>
    public bool Find(in Key key, out Entry entry)
    {
        FinishPending();
        var record = _mode switch
        {
            Mode.Held => FindHeld(key),
            Mode.Unheld => FindUnheld(key),
            Mode.Private => FindPrivate(key),
            _ => throw NotRunning(),
        };
        entry = new Entry(record);
        return record != null;
    }

    /// <summary>Sets a string, whatever the key held before.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The new value.</param>
    /// <param name="deadlineUnixMs">When it expires; 0 for never. One that has passed deletes the key.</param>
    /// <param name="raw">Whether the value counts as built in place (see <see cref="Entry.IsRaw"/>); not looked at if it has a media type.</param>
    /// <param name="mediaType">What the bytes are, kept with them until the string is written again; at most <see cref="MediaTypeMax"/> bytes, empty for nothing.</param>
    public void PutString(in Key key, ReadOnlySpan<byte> value, long deadlineUnixMs = 0, bool raw = false, scoped ReadOnlySpan<byte> mediaType = default)
    {
        if (deadlineUnixMs != 0 && deadlineUnixMs <= NowUnixMs)
        {
            Delete(key);
            return;
        }

        if (mediaType.IsEmpty) value.CopyTo(PutRecord(key, RecordType.String, value.Length, deadlineUnixMs, raw));
        else PutTyped(key, value, deadlineUnixMs, mediaType);
    }

    private void PutTyped(in Key key, ReadOnlySpan<byte> value, long deadlineUnixMs, ReadOnlySpan<byte> mediaType)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(mediaType.Length, MediaTypeMax);
        var room = PutRecord(key, RecordType.TypedString, checked(1 + mediaType.Length + value.Length), deadlineUnixMs, raw: false);
        room[0] = (byte)mediaType.Length;
        mediaType.CopyTo(room[1..]);
        value.CopyTo(room[(1 + mediaType.Length)..]);
    }

    /// <summary>Sets a string of the given length that the caller fills at once; the deadline is as in <see cref="PutString"/>.</summary>
    /// <returns>Where to write; the entry is published when the transaction next touches the store or ends.</returns>
    public Span<byte> PutStringInPlace(in Key key, int length, long deadlineUnixMs = 0, bool raw = false) =>
        PutRecord(key, RecordType.String, length, deadlineUnixMs, raw);

    /// <summary>Deletes a key. False if there was none.</summary>
    public bool Delete(in Key key)
    {
        FinishPending();
        if (_mode == Mode.Private)
        {
            if (FindPrivate(key) == null) return false;
            RefuseIfReadOnly();
            var tombstone = NewRecord(RecordType.Tombstone, false, 0, key.Bytes, 0, 0, 0);
            _writes.Put(Content, key, tombstone, _worker);
            if (IsLogged) Encoder.Delete(EffectsOn(_database), key);
            return true;
        }

        if (_mode != Mode.Held) throw NotRunning();
        var keyspace = _view.Keyspaces[_database];
        var entry = LookUp(keyspace, key, out var record);
        if (entry == null || Record.IsTombstone(record)) return false;
        if (IsDead(record))
        {
            Expire(keyspace, _database, key.Route, entry, record);
            return false;
        }

        SetPending(ChangeKind.Remove, keyspace, key.Route, entry, record, NewTombstone(entry, record));
        return true;
    }

    /// <summary>Changes the deadline of a key; 0 takes it away, one that has passed deletes the key. False if there is no key.</summary>
    public bool SetDeadline(in Key key, long deadlineUnixMs)
    {
        if (!Find(key, out var entry)) return false;
        if (deadlineUnixMs != 0 && deadlineUnixMs <= NowUnixMs) return Delete(key);
        if (entry.DeadlineUnixMs == deadlineUnixMs) return true;
        var type = Record.Type(entry.Record);
        var value = (ReadOnlySpan<byte>)Record.Value(entry.Record);
        if (_mode == Mode.Private && type == RecordType.HashTree) return SetDeadlineOfPrivateTree(key, entry, deadlineUnixMs);
        value.CopyTo(PutRecord(key, type, value.Length, deadlineUnixMs, entry.IsRaw));
        _pending.KeepsTree = type == RecordType.HashTree;
        _pendingEffect = PendingEffect.Deadline;
        return true;
    }

    /// <summary>Gives a key the value, type and deadline of another, replacing what it had. The source stays. False if there is no source.</summary>
    public bool CopyValue(in Key source, int sourceDatabase, in Key destination, int destinationDatabase)
    {
        var database = _database;
        _database = sourceDatabase;
        var found = Find(source, out var entry);
        _database = destinationDatabase;
        _replacesKey = true;
        if (found)
        {
            var value = (ReadOnlySpan<byte>)Record.Value(entry.Record);
            if (Record.Type(entry.Record) == RecordType.HashTree)
            {
                CopyTree(destination, MemoryMarshal.Read<TreeRoot>(value), entry.DeadlineUnixMs);
                EffectCopy(source, sourceDatabase, destination, destinationDatabase);
            }
            else
            {
                var type = Record.Type(entry.Record);
                value.CopyTo(PutRecord(destination, type, value.Length, entry.DeadlineUnixMs, entry.IsRaw));
                if (type is not (RecordType.String or RecordType.TypedString))
                {
                    EffectCopy(source, sourceDatabase, destination, destinationDatabase);
                    _pendingEffect = PendingEffect.None;
                }
            }
        }

        _replacesKey = false;
        _database = database;
        return found;
    }

    private void CountExpired(int database, ReadOnlySpan<byte> key)
    {
        _worker.Expired++;
        _store.KeyExpired?.Invoke(database, key);
    }

    private void RefuseIfReadOnly()
    {
        if (_plan == TransactionPlan.ReadSnapshot) throw new InvalidOperationException("The transaction is read-only.");
    }

    private static InvalidOperationException NotRunning() => new("The data of a transaction is there only while its body runs.");

    // ---- Looking up --------------------------------------------------------------------------------------------------

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* LookUp(Keyspace keyspace, in Key key, out byte* record)
    {
        var slot = keyspace.SlotAt(key.Route.Slot);
        if (slot->Position > _position) _position = slot->Position;
        return _store.Table.Find(Volatile.Read(ref slot->Table), SlotTable.TagOf(key.Route.Hash), key.Bytes, out record);
    }

    private byte* FindHeld(in Key key)
    {
        var keyspace = _view.Keyspaces[_database];
        if (_view.Position > _position) _position = _view.Position;
        var entry = LookUp(keyspace, key, out var record);
        if (entry == null || Record.IsTombstone(record)) return null;
        if (!IsDead(record)) return record;
        // Whoever sees inside the shard that a key is dead deletes it, in the same commit.
        Expire(keyspace, _database, key.Route, entry, record);
        return null;
    }

    // Without the shard: the record, or null and _mustEnter when the answer would not be safe.
    private byte* FindUnheld(in Key key)
    {
        if (_seenRecord != 0) return (byte*)_seenRecord;
        for (var tries = 0; tries < UnheldTriesMax; tries++)
        {
            var set = _store.DatabaseSet;
            var slot = set.Keyspaces[_database].SlotAt(key.Route.Slot);
            ref var marks = ref _store.Marks[key.Route.Slot];
            var mark = Volatile.Read(ref marks);
            if ((mark & 1) != 0 || set.IsChanging) continue;
            var word = Volatile.Read(ref slot->Table);
            _store.Table.Find(word, SlotTable.TagOf(key.Route.Hash), key.Bytes, out var record);
            if (Volatile.Read(ref marks) != mark || !ReferenceEquals(_store.DatabaseSet, set)) continue;
            _position = Math.Max(set.Position, Volatile.Read(ref slot->Position));
            if (record == null || Record.IsTombstone(record)) return null;
            // The record was current before the clock is read, so "alive" is true of that moment. "Dead" is for the shard to say.
            if (Record.Type(record) == RecordType.HashTree || IsDead(record)) break;
            _seenRecord = (nint)record;
            return record;
        }

        _mustEnter = true;
        return null;
    }

    private byte* FindPrivate(in Key key)
    {
        var content = Content;
        var written = _writes.Find(content, key);
        if (written != null) return Record.IsTombstone(written) || IsDead(written) ? null : written;
        if (IsNew(content)) return null;
        LookUp(_view.Keyspaces[content], key, out var record);
        record = VisibleAt(record);
        if (record != null && IsDead(record)) record = null;
        if (_plan != TransactionPlan.ReadSnapshot) _reads.Add(content, key, record);
        return record;
    }

    // The version that the snapshot sees; null if the key was absent.
    private byte* VisibleAt(byte* record)
    {
        while (record != null && Record.Stamp(record) > _snapshot.Generation)
        {
            var older = Record.Older(record);
            record = older == 0 ? null : _store.Arena.FromUnit(older);
        }

        return record == null || Record.IsTombstone(record) ? null : record;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsDead(byte* record)
    {
        if (!Record.Has(record, RecordFlags.HasDeadline)) return false;
        // Without the shard the clock is read anew: the moment must come after the record was loaded.
        return Record.Deadline(record) <= (_mode == Mode.Unheld ? _store.NowUnixMs : NowUnixMs);
    }
}
