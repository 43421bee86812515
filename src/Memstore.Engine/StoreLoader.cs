using System.Runtime.CompilerServices;
using Memstore.Engine.Memory;
using Memstore.Engine.Values;

namespace Memstore.Engine;

/// <summary>
/// Fills a store that is loading (see <see cref="StoreOptions.StartsLoading"/>). One for each thread; several may work at once, and what they
/// do to different keys may come in any order. Members throw <see cref="InsufficientMemoryException"/> or <see cref="OutOfMemoryException"/>
/// when there is no memory, and <see cref="InvalidOperationException"/> when a key is of another type than the effect needs.
/// </summary>
public sealed class StoreLoader : IDisposable
{
    // A worker keeps what others free from being reused, so it is given back now and then.
    private const int EffectsPerRent = 256;

    private readonly Store _store;
    private readonly Transaction _transaction;
    private Worker? _worker;
    private int _left;

    /// <summary>Makes a loader.</summary>
    /// <exception cref="InvalidOperationException">The store is not loading.</exception>
    public StoreLoader(Store store)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (!store.IsLoading) throw new InvalidOperationException("The store is not loading.");
        _store = store;
        _transaction = new Transaction(store);
    }

    /// <summary>Sets a string, with its deadline even if that has passed (0: none), and its media type (empty: none).</summary>
    // Compiled well at its first call: a load would be over before the runtime notices that it is hot.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PutString(int database, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long deadlineUnixMs = 0, bool raw = false, ReadOnlySpan<byte> mediaType = default)
    {
        using var entered = Enter(database, key);
        _transaction.PutString(new Key(key, entered.Route), value, deadlineUnixMs, raw, mediaType);
    }

    /// <summary>Sets fields of a hash, which is made if the key is absent.</summary>
    public void SetFields<TPairs>(int database, ReadOnlySpan<byte> key, scoped TPairs pairs)
        where TPairs : IFieldValues, allows ref struct
    {
        using var entered = Enter(database, key);
        _transaction.SetFields(new Key(key, entered.Route), pairs);
    }

    /// <summary>Removes fields of a hash; the last one takes the key with it.</summary>
    public void RemoveFields<TFields>(int database, ReadOnlySpan<byte> key, scoped TFields fields)
        where TFields : IFields, allows ref struct
    {
        using var entered = Enter(database, key);
        _transaction.RemoveFields(new Key(key, entered.Route), fields);
    }

    /// <summary>Deletes a key. False if there was none.</summary>
    public bool Delete(int database, ReadOnlySpan<byte> key)
    {
        using var entered = Enter(database, key);
        return _transaction.Delete(new Key(key, entered.Route));
    }

    /// <summary>Changes the deadline of a key (0: none), even to one that has passed. False if there is no key.</summary>
    public bool SetDeadline(int database, ReadOnlySpan<byte> key, long deadlineUnixMs)
    {
        using var entered = Enter(database, key);
        return _transaction.SetDeadline(new Key(key, entered.Route), deadlineUnixMs);
    }

    /// <summary>Gives a key what another holds, deadline included. False if there is no source.</summary>
    public bool Copy(int sourceDatabase, ReadOnlySpan<byte> source, int destinationDatabase, ReadOnlySpan<byte> destination)
    {
        var from = _store.RouteOf(source);
        var to = _store.RouteOf(destination);
        _transaction.Begin(sourceDatabase);
        _transaction.Declare(from, KeyAccess.Read);
        _transaction.Declare(to, KeyAccess.Write);
        using var entered = Enter(from);
        return _transaction.CopyValue(new Key(source, from), sourceDatabase, new Key(destination, to), destinationDatabase);
    }

    /// <summary>Removes every key of a database.</summary>
    public void Flush(int database)
    {
        using var entered = EnterEverything();
        _transaction.Flush(database);
    }

    /// <summary>Swaps two databases.</summary>
    public void Swap(int first, int second)
    {
        using var entered = EnterEverything();
        _transaction.Swap(first, second);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_worker is not null) _store.Return(_worker);
        _worker = null;
    }

    private Entered Enter(int database, ReadOnlySpan<byte> key)
    {
        var route = _store.RouteOf(key);
        _transaction.Begin(database);
        _transaction.Declare(route, KeyAccess.Write);
        return Enter(route);
    }

    private Entered EnterEverything()
    {
        _transaction.Begin(0);
        _transaction.DeclareEverything(KeyAccess.Write);
        return Enter(default(KeyRoute));
    }

    // What the transaction has declared.
    private Entered Enter(KeyRoute route)
    {
        _transaction.EnterToLoad(RentedWorker());
        return new Entered(this, route);
    }

    private Worker RentedWorker()
    {
        if (_left-- > 0 && _worker is not null) return _worker;
        if (_worker is not null) _store.Return(_worker);
        _left = EffectsPerRent;
        return _worker = _store.Rent();
    }

    /// <summary>Inside the shards; leaves them at its end.</summary>
    private readonly ref struct Entered(StoreLoader loader, KeyRoute route)
    {
        public KeyRoute Route { get; } = route;

        public void Dispose() => loader._transaction.LeaveLoaded(loader._worker!);
    }
}
