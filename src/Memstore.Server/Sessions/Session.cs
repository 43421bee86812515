namespace Memstore.Server.Sessions;

/// <summary>One client's state.</summary>
internal sealed class Session
{
}
