using System.Globalization;
using System.Reflection;
using BenchmarkDotNet.Attributes;
using Memstore.Engine.Memory;

namespace Memstore.Benchmarks;

/// <summary>
/// <c>cpu CLASS [rounds]</c>: runs the benchmarks of a class and reports the processor time of the thread per operation, best and median of
/// the rounds. For machines that are shared, where the wall clock says more of the neighbours than of the code.
/// </summary>
// The benchmarks of a class take turns, so that what disturbs hits all of them.
internal static class CpuRun
{
    private const long RoundNs = 100_000_000;
    private const long WarmNs = 1_000_000_000;

    /// <summary>Runs the class with each value of its parameter.</summary>
    public static void Run(string className, int rounds)
    {
        var type = typeof(CpuRun).Assembly.GetTypes().First(type => type.Name == className);
        var parameter = type.GetProperties().FirstOrDefault(property => property.GetCustomAttribute<ParamsAttribute>() is not null);
        Console.WriteLine("benchmark                                  best ns  median ns  bytes allocated");
        foreach (var value in parameter?.GetCustomAttribute<ParamsAttribute>()!.Values ?? [null])
        {
            var subject = Activator.CreateInstance(type)!;
            parameter?.SetValue(subject, value);
            Call<GlobalSetupAttribute>(subject);
            Measure(subject, parameter is null ? "" : $"({parameter.Name} = {value})", rounds);
            Call<GlobalCleanupAttribute>(subject);
        }
    }

    private static void Measure(object subject, string suffix, int rounds)
    {
        var benchmarks = subject.GetType().GetMethods().Where(method => method.GetCustomAttribute<BenchmarkAttribute>() is not null)
            .Select(method => new Subject(method, subject)).ToArray();
        foreach (var benchmark in benchmarks) benchmark.Run(WarmNs);
        for (var round = 0; round < rounds; round++)
        {
            foreach (var benchmark in benchmarks) benchmark.Figures.Add(benchmark.Run(RoundNs));
        }

        foreach (var benchmark in benchmarks)
        {
            var ordered = benchmark.Figures.Select(figure => figure.Ns).Order().ToArray();
            var name = $"{benchmark.Name} {suffix}";
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name,-40}{ordered[0],10:f1}{ordered[rounds / 2],11:f1}{benchmark.Figures.Min(figure => figure.Bytes),17:f2}"));
        }
    }

    private static void Call<T>(object subject)
        where T : Attribute =>
        subject.GetType().GetMethods().FirstOrDefault(method => method.GetCustomAttribute<T>() is not null)?.Invoke(subject, null);

    private sealed class Subject(MethodInfo method, object target)
    {
        private readonly Action _run = method.ReturnType == typeof(void)
            ? method.CreateDelegate<Action>(target)
            : Discarding(method, target);

        private readonly int _operations = method.GetCustomAttribute<BenchmarkAttribute>()!.OperationsPerInvoke;

        public string Name => method.Name;

        public List<(double Ns, double Bytes)> Figures { get; } = [];

        public (double Ns, double Bytes) Run(long enoughNs)
        {
            var bytes = GC.GetAllocatedBytesForCurrentThread();
            var start = ThreadClock.NowNs;
            var calls = 0L;
            long now;
            do
            {
                _run();
                calls++;
                // A look costs half a microsecond: not after each of the short ones.
                now = _operations > 16 || calls % 1_024 == 0 ? ThreadClock.NowNs : start;
            }
            while (now - start < enoughNs);
            var count = (double)calls * _operations;
            return ((now - start) / count, (GC.GetAllocatedBytesForCurrentThread() - bytes) / count);
        }

        private static Action Discarding(MethodInfo method, object target)
        {
            if (method.ReturnType == typeof(int))
            {
                var number = method.CreateDelegate<Func<int>>(target);
                return () => number();
            }

            if (method.ReturnType == typeof(long))
            {
                var number = method.CreateDelegate<Func<long>>(target);
                return () => number();
            }

            var truth = method.CreateDelegate<Func<bool>>(target);
            return () => truth();
        }
    }
}
