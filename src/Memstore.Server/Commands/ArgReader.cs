using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;
using Memstore.Engine;
using Memstore.Protocol;

namespace Memstore.Server.Commands;

/// <summary>
/// Reads a request's arguments in order. The first error sticks: later reads return defaults, and the handler checks once, with
/// <see cref="CommandCall.ArgsValid"/>. The arity was checked before.
/// </summary>
internal ref struct ArgReader
{
    private readonly Request _request;
    private readonly ReadOnlySpan<KeyRoute> _routes;
    private int _next;
    private ReadOnlySpan<byte> _error;

    /// <summary>Starts after the command's name.</summary>
    /// <param name="request">The request.</param>
    /// <param name="routes">For each argument the route of the key that it is; other places mean nothing. Empty for a command without keys.</param>
    /// <param name="command">The row that the request runs.</param>
    public ArgReader(Request request, ReadOnlySpan<KeyRoute> routes, Command command)
    {
        _request = request;
        _routes = routes;
        _next = command.NameWords;
    }

    /// <summary>How many arguments are left.</summary>
    public readonly int Remaining => _request.ArgumentCount - _next;

    /// <summary>The request as a whole.</summary>
    [UnscopedRef]
    public readonly ref readonly Request Request => ref _request;

    /// <summary>The first error; empty while there is none.</summary>
    public readonly ReadOnlySpan<byte> Error => _error;

    /// <summary>Whether there was no error.</summary>
    public readonly bool IsValid => _error.IsEmpty;

    /// <summary>A key that the row declares, with its route.</summary>
    public Engine.Key Key()
    {
        if (_next >= _request.ArgumentCount) return MissingKey();
        Debug.Assert(_next < _routes.Length, "A handler reads a key that its row does not declare.");
        var key = new Engine.Key(_request[_next], _routes[_next]);
        _next++;
        return key;
    }

    /// <summary>Any bytes.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        if (_next < _request.ArgumentCount) return _request[_next++];
        Fail(Errors.Syntax);
        return default;
    }

    /// <summary>Bytes further on, without going there.</summary>
    public readonly ReadOnlySpan<byte> Peek(int distance = 0) => _request[_next + distance];

    /// <summary>All that is left, as fields or as fields with values.</summary>
    /// <param name="step">1 for fields alone, 2 for pairs.</param>
    public readonly FieldArgs Fields(int step) => new(_request, _next, step);

    /// <summary>Goes over arguments.</summary>
    public void Skip(int count) => _next += count;

    /// <summary>An integer.</summary>
    public long Int64() => Int64(Errors.NotInteger);

    /// <summary>An integer, with the error for anything else.</summary>
    public long Int64(ReadOnlySpan<byte> error)
    {
        if (!IsValid) return 0;
        if (RespNumber.TryParseInt64(Bytes(), out var value)) return value;
        Fail(error);
        return 0;
    }

    /// <summary>An integer between two others, with the error for one that is not.</summary>
    public long Int64(long min, long max, ReadOnlySpan<byte> outside) => Int64(min, max, Errors.NotInteger, outside);

    /// <summary>An integer between two others, with the errors for no integer and for one that is not.</summary>
    public long Int64(long min, long max, ReadOnlySpan<byte> malformed, ReadOnlySpan<byte> outside)
    {
        var value = Int64(malformed);
        if (value >= min && value <= max) return value;
        Fail(outside);
        return 0;
    }

    /// <summary>A 32-bit integer.</summary>
    public int Int32()
    {
        var value = Int64();
        if (value is >= int.MinValue and <= int.MaxValue) return (int)value;
        Fail(Errors.NotInt32);
        return 0;
    }

    /// <summary>Whether the next argument is this word, in any case; then it goes on.</summary>
    /// <param name="word">In upper case.</param>
    public bool Word(ReadOnlySpan<byte> word)
    {
        if (_next >= _request.ArgumentCount || !Ascii.EqualsIgnoreCase(_request[_next], word)) return false;
        _next++;
        return true;
    }

    /// <summary>The same for a word that takes a value, which must be there: else the word stays unread.</summary>
    public bool WordWithValue(ReadOnlySpan<byte> word) => Remaining >= 2 && Word(word);

    /// <summary>Nothing may be left.</summary>
    public void End()
    {
        if (Remaining > 0) Fail(Errors.Syntax);
    }

    /// <summary>Keeps an error if it is the first.</summary>
    /// <param name="error">Its text with its code; it must outlive the reader.</param>
    public void Fail(ReadOnlySpan<byte> error)
    {
        if (_error.IsEmpty) _error = error;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Engine.Key MissingKey()
    {
        Fail(Errors.Syntax);
        return default;
    }
}
