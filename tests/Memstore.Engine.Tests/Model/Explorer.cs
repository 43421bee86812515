using System.Text;

namespace Memstore.Engine.Tests.Model;

/// <summary>What an exploration has seen.</summary>
/// <param name="States">Different states.</param>
/// <param name="Ends">Those in which no thread could go on.</param>
/// <param name="Violation">The first violation with the shortest schedule that leads to it; null if there is none.</param>
internal sealed record Exploration(int States, int Ends, string? Violation)
{
    public override string ToString() => $"{States:N0} states, {Ends:N0} ends. {Violation}";
}

/// <summary>Visits every state of a model that some schedule reaches, each once, nearest first.</summary>
internal static class Explorer
{
    /// <summary>More states than this mean that a model is too big for a test.</summary>
    private const int StatesMax = 5_000_000;

    public static Exploration Explore(Model model)
    {
        var initial = (int[])model.State.Clone();
        var seen = new HashSet<int[]>(new StateComparer()) { initial };
        var reached = new List<(int[] State, int From, int Thread)> { (initial, -1, -1) };
        var ends = 0;
        for (var at = 0; at < reached.Count; at++)
        {
            var isEnd = true;
            for (var thread = 0; thread < model.Threads; thread++)
            {
                model.State = (int[])reached[at].State.Clone();
                if (model.Step(thread) is null) continue;
                isEnd = false;
                if (model.Violation is not null) return Stop(model, reached, at, thread);
                if (seen.Add(model.State)) reached.Add((model.State, at, thread));
            }

            if (reached.Count > StatesMax) throw new InvalidOperationException($"More than {StatesMax} states.");
            if (!isEnd) continue;
            ends++;
            model.State = (int[])reached[at].State.Clone();
            model.CheckEnd();
            if (model.Violation is not null) return Stop(model, reached, at, -1);
        }

        return new Exploration(reached.Count, ends, null);

        Exploration Stop(Model broken, List<(int[] State, int From, int Thread)> states, int last, int thread) =>
            new(states.Count, ends, $"{broken.Violation}\n{Schedule(broken, states, last, thread)}");
    }

    /// <summary>Follows schedules drawn by chance to their ends, for models that are too big to be explored. States counts the steps.</summary>
    public static Exploration Sample(Model model, int seed, int schedules)
    {
        var random = new Random(seed);
        var initial = (int[])model.State.Clone();
        var steps = 0;
        for (var ends = 0; ends < schedules; ends++)
        {
            model.State = (int[])initial.Clone();
            var first = random.Next(model.Threads);
            while (StepAny(model, first) && model.Violation is null)
            {
                steps++;
                // Staying with a thread for a while reaches states that fair turns do not.
                if (random.Next(3) == 0) first = random.Next(model.Threads);
            }

            if (model.Violation is null) model.CheckEnd();
            if (model.Violation is not null) return new Exploration(steps, ends, $"{model.Violation} (seed {seed}, schedule {ends})");
        }

        return new Exploration(steps, schedules, null);
    }

    // A step of this thread or, if it cannot go on, of the next one that can.
    private static bool StepAny(Model model, int first)
    {
        for (var i = 0; i < model.Threads; i++)
        {
            if (model.Step((first + i) % model.Threads) is not null) return true;
        }

        return false;
    }

    // The steps that lead to a state, and one more, each with what it did.
    private static string Schedule(Model model, List<(int[] State, int From, int Thread)> reached, int last, int thread)
    {
        var threads = new List<int>();
        if (thread >= 0) threads.Add(thread);
        for (var at = last; reached[at].From >= 0; at = reached[at].From) threads.Add(reached[at].Thread);
        threads.Reverse();
        var text = new StringBuilder();
        model.State = (int[])reached[0].State.Clone();
        foreach (var next in threads) text.AppendLine($"  {next}: {model.Step(next)}");
        return text.ToString();
    }

    private sealed class StateComparer : IEqualityComparer<int[]>
    {
        public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(int[] state)
        {
            var hash = default(HashCode);
            hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(state.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
