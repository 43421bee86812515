using Memstore.Engine.Values;
using Memstore.Protocol;

namespace Memstore.Server.Commands;

/// <summary>A request's last arguments as fields, or as fields and values by turns.</summary>
/// <param name="request">The request.</param>
/// <param name="first">The place of the first field.</param>
/// <param name="step">1 for fields alone, 2 for pairs.</param>
internal readonly ref struct FieldArgs(Request request, int first, int step) : IFieldValues
{
    private readonly Request _request = request;

    /// <inheritdoc/>
    public int Count => (_request.ArgumentCount - first) / step;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Field(int index) => _request[first + index * step];

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Value(int index) => _request[first + index * step + 1];
}
