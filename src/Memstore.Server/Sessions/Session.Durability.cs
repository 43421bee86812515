using Memstore.Engine.Journaling;
using Memstore.Protocol;

namespace Memstore.Server.Sessions;

// How safe a commit must be before this client hears of it, and waiting for work that others do.
internal sealed partial class Session
{
    private Durability? _asked;
    private long _lastPosition;
    private Task? _work;
    private int _hasWork;
    private Action<ReplyWriter>? _answer;

    /// <summary>
    /// How safe a commit must be before a reply that depends on it leaves: what the client asked for or the server's default, within what the
    /// operator allows.
    /// </summary>
    public Durability Durability => _server.Durability.Effective(_asked);

    /// <summary>CLIENT DURABILITY: what the client asks for; null is the server's default.</summary>
    public void AskFor(Durability? level) => _asked = level;

    /// <summary>The last position of the log that a reply of this client depended on.</summary>
    public long LastPosition => _lastPosition;

    /// <summary>Has the session wait for work, while others are served, and then answer. Not inside MULTI.</summary>
    /// <param name="work">It does not fail.</param>
    /// <param name="answer">Writes the reply, on the owner.</param>
    public void WaitFor(Task work, Action<ReplyWriter> answer)
    {
        _work = work;
        _answer = answer;
        Ask(Wish.Wait);
    }

    private bool Wait()
    {
        var work = _work!;
        _work = null;
        if (work.IsCompleted)
        {
            AnswerWork();
            return true;
        }

        Volatile.Write(ref _hasWork, 1);
        Park(ParkedFor.Work);
        work.ContinueWith(
            static (_, state) => ((Session)state!).WorkEnded(),
            this,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return false;
    }

    private void WorkEnded()
    {
        if (TakeWork()) Resume();
    }

    // Whoever takes it wakes the session: the work when it has ended, or the session itself when its client has left.
    private bool TakeWork() => Interlocked.Exchange(ref _hasWork, 0) != 0;

    private void AnswerWork()
    {
        var answer = _answer!;
        _answer = null;
        if (!_isBroken) answer(_reply);
    }
}
