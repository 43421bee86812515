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

    /// <summary>Sets a string, with its deadline even if that has passed (0: none).</summary>
    // Compiled well at its first call: a load would be over before the runtime notices that it is hot.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PutString(int database, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long deadlineUnixMs = 0, bool raw = false)
    {
        var route = Enter(database, key);
        try
        {
            _transaction.PutString(new Key(key, route), value, deadlineUnixMs, raw);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Sets fields of a hash, which is made if the key is absent.</summary>
    public void SetFields<TPairs>(int database, ReadOnlySpan<byte> key, scoped TPairs pairs)
        where TPairs : IFieldValues, allows ref struct
    {
        var route = Enter(database, key);
        try
        {
            _transaction.SetFields(new Key(key, route), pairs);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Removes fields of a hash; the last one takes the key with it.</summary>
    public void RemoveFields<TFields>(int database, ReadOnlySpan<byte> key, scoped TFields fields)
        where TFields : IFields, allows ref struct
    {
        var route = Enter(database, key);
        try
        {
            _transaction.RemoveFields(new Key(key, route), fields);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Deletes a key. False if there was none.</summary>
    public bool Delete(int database, ReadOnlySpan<byte> key)
    {
        var route = Enter(database, key);
        try
        {
            return _transaction.Delete(new Key(key, route));
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Changes the deadline of a key (0: none), even to one that has passed. False if there is no key.</summary>
    public bool SetDeadline(int database, ReadOnlySpan<byte> key, long deadlineUnixMs)
    {
        var route = Enter(database, key);
        try
        {
            return _transaction.SetDeadline(new Key(key, route), deadlineUnixMs);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Gives a key what another holds, deadline included. False if there is no source.</summary>
    public bool Copy(int sourceDatabase, ReadOnlySpan<byte> source, int destinationDatabase, ReadOnlySpan<byte> destination)
    {
        var from = _store.RouteOf(source);
        var to = _store.RouteOf(destination);
        _transaction.Begin(sourceDatabase);
        _transaction.Declare(from, KeyAccess.Read);
        _transaction.Declare(to, KeyAccess.Write);
        _transaction.EnterToLoad(RentedWorker());
        try
        {
            return _transaction.CopyValue(new Key(source, from), sourceDatabase, new Key(destination, to), destinationDatabase);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Removes every key of a database.</summary>
    public void Flush(int database)
    {
        EnterEverything();
        try
        {
            _transaction.Flush(database);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Swaps two databases.</summary>
    public void Swap(int first, int second)
    {
        EnterEverything();
        try
        {
            _transaction.Swap(first, second);
        }
        finally
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_worker is not null) _store.Return(_worker);
        _worker = null;
    }

    private KeyRoute Enter(int database, ReadOnlySpan<byte> key)
    {
        var route = _store.RouteOf(key);
        _transaction.Begin(database);
        _transaction.Declare(route, KeyAccess.Write);
        _transaction.EnterToLoad(RentedWorker());
        return route;
    }

    private void EnterEverything()
    {
        _transaction.Begin(0);
        _transaction.DeclareEverything(KeyAccess.Write);
        _transaction.EnterToLoad(RentedWorker());
    }

    private void Leave() => _transaction.LeaveLoaded(_worker!);

    private Worker RentedWorker()
    {
        if (_left-- > 0 && _worker is not null) return _worker;
        if (_worker is not null) _store.Return(_worker);
        _left = EffectsPerRent;
        return _worker = _store.Rent();
    }
}
