using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Memstore.Server.Transports.Uring;

/// <summary>Accepts on one listening socket and spreads the connections over the loops.</summary>
// Threading: the thread of the loop that accepts.
internal sealed class UringAcceptor
{
    private const int LongestDelayMs = 1000;

    // Fixed after construction.
    private readonly ListeningSocket _listener;
    private readonly UringLoop _loop;
    private readonly Action<AcceptedSocket> _accepted;
    private readonly Func<long> _nextId;
    private readonly ILogger _logger;
    private readonly ulong _userData;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool _isMultishot;
    private bool _isArmed;
    private bool _isStopping;
    private int _delayMs = 1;

    public UringAcceptor(
        ListeningSocket listener, UringLoop loop, Func<long> nextId, Action<AcceptedSocket> accepted, ILogger logger)
    {
        _listener = listener;
        _loop = loop;
        _nextId = nextId;
        _accepted = accepted;
        _logger = logger;
        _userData = loop.Add(this);
        _isMultishot = loop.Has(UringFeatures.MultishotAccept) && DescriptorLimit.AllowsBursts;
    }

    /// <summary>Ends when nothing is accepted any more.</summary>
    public Task Stopped => _stopped.Task;

    public void Arm()
    {
        if (_isStopping)
        {
            _stopped.TrySetResult();
            return;
        }
        ref var entry = ref _loop.Ring.Next(Operation.Accept, (int)_listener.Socket.Handle, _userData);
        entry.OperationFlags = KernelFlags.CloseOnExec;
        entry.Priority = _isMultishot ? KernelFlags.AcceptMultishot : (ushort)0;
        _isArmed = true;
    }

    public void Stop()
    {
        _isStopping = true;
        if (_isArmed)
            _loop.Cancel(_userData);
        else
            _stopped.TrySetResult();
    }

    /// <summary>The kernel has accepted a connection or failed to.</summary>
    public void OnAccepted(int result, CompletionFlags flags)
    {
        _isArmed = (flags & CompletionFlags.More) != 0;
        if (result >= 0)
        {
            _delayMs = 1;
            if (DescriptorLimit.IsReserved(result))
                Refuse(result);
            else
                Accept(result);
        }
        if (!_isArmed)
            ArmAgain(result);
    }

    private void Accept(int descriptor)
    {
        var isUnix = _listener.EndPoint is UnixDomainSocketEndPoint;
        _accepted(new AcceptedSocket(descriptor, _nextId(), isUnix, _listener.EndPoint));
    }

    private void Refuse(int descriptor)
    {
        DescriptorLimit.Refuse(new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)));
        TransportLog.AcceptRefused(_logger, _listener.EndPoint);
    }

    // No error ends the accepting: out of descriptors or memory passes, a client that gave up meanwhile is its own affair.
    private void ArmAgain(int result)
    {
        if (result == -ErrorNumber.Invalid && _isMultishot)
            _isMultishot = false;
        else if (result < 0 && !_isStopping
            && result is not (-ErrorNumber.ConnectionAborted or -ErrorNumber.Interrupted or -ErrorNumber.Again))
        {
            TransportLog.AcceptFailed(_logger, _listener.EndPoint, UringProbe.ErrorText(-result), _delayMs);
            _loop.PostAfter(TimeSpan.FromMilliseconds(_delayMs), _ => Arm());
            _delayMs = Math.Min(_delayMs * 2, LongestDelayMs);
            return;
        }
        Arm();
    }
}
