using System.Globalization;
using BenchmarkDotNet.Running;
using Memstore.Benchmarks;

// "holds", "scaling" and "deadlines" are programs of their own, for what is no time per operation; all else goes to BenchmarkDotNet.
int Number(int index, int otherwise) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : otherwise;

switch (args.FirstOrDefault())
{
    case "holds":
        HoldsRun.Run(Number(1, 5_000_000));
        break;
    case "scaling":
        ScalingRun.Run(Number(1, 9));
        break;
    case "deadlines":
        DeadlinesRun.Run(Number(1, 2_000_000));
        break;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(MemoryBenchmarks).Assembly).Run(args);
        break;
}
