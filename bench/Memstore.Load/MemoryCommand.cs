using System.CommandLine;
using System.Globalization;

namespace Memstore.Load;

/// <summary><c>load memory</c>: resident bytes per key.</summary>
internal static class MemoryCommand
{
    private static readonly long[] Steps = [1_000_000, 3_500_000, 5_000_000, 6_000_000];

    public static Command Create()
    {
        var target = new TargetOptions();
        var delete = new Option<int>("--delete") { Description = "At the end delete so many percent of the keys and watch the resident size." };
        var keysMax = new Option<long>("--keys-max") { Description = "Leave out the steps above this.", DefaultValueFactory = _ => long.MaxValue };
        var command = new Command("memory", "Fills an empty server with 1, 3.5, 5 and 6 million keys and reports resident bytes per key.");
        target.AddTo(command);
        command.Options.Add(delete);
        command.Options.Add(keysMax);
        command.SetAction(parsed =>
        {
            var settings = target.Read(parsed);
            if (settings.Pid <= 0) throw new InvalidOperationException("the server's process is not known; name it with --pid");
            var steps = Steps.Where(keys => keys <= parsed.GetValue(keysMax)).ToArray();
            Measure(settings, steps);
            if (parsed.GetValue(delete) is > 0 and var percent && steps.Length > 0) Shrink(settings, steps[^1], percent);
        });
        return command;
    }

    /// <summary>Fills to each step and prints a row; returns the resident bytes at each.</summary>
    public static long[] Measure(LoadSettings settings, long[] steps)
    {
        TargetOptions.Ask(settings.Host, settings.Port, "FLUSHALL");
        var empty = Settle(settings.Pid);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"keys        resident MB  bytes/key  marginal from {steps[0]}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{0,-10}  {empty / 1e6,11:f1}"));
        var resident = new long[steps.Length];
        for (var i = 0; i < steps.Length; i++)
        {
            FillCommand.Fill(settings, i == 0 ? 0 : steps[i - 1], steps[i]);
            resident[i] = Settle(settings.Pid);
            var marginal = i == 0 ? "" : Text((resident[i] - resident[0]) / (double)(steps[i] - steps[0]));
            Console.WriteLine($"{steps[i],-10}  {Text(resident[i] / 1e6),11}  {Text((resident[i] - empty) / (double)steps[i]),9}  {marginal}");
        }

        return resident;
    }

    private static void Shrink(LoadSettings settings, long keys, int percent)
    {
        var before = ServerCost.ResidentBytes(settings.Pid);
        var deleted = FillCommand.Delete(settings, keys, percent);
        var live = before * (keys - deleted) / keys;
        Console.WriteLine($"deleted {deleted} of {keys} keys; their share of the memory leaves {Text(live / 1e6)} MB");
        for (var second = 0; second <= 10; second += 2)
        {
            var now = ServerCost.ResidentBytes(settings.Pid);
            Console.WriteLine($"after {second,2} s  {Text(now / 1e6)} MB resident, {Text(now / (double)live)} times that");
            if (second < 10) Thread.Sleep(TimeSpan.FromSeconds(2));
        }
    }

    // The figure is read when it has stopped moving, or after five seconds.
    private static long Settle(int pid)
    {
        var before = ServerCost.ResidentBytes(pid);
        for (var i = 0; i < 10; i++)
        {
            Thread.Sleep(500);
            var now = ServerCost.ResidentBytes(pid);
            if (Math.Abs(now - before) < 100_000) return now;
            before = now;
        }

        return before;
    }

    private static string Text(double number) => number.ToString("f1", CultureInfo.InvariantCulture);
}
