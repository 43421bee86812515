using System.Globalization;
using BenchmarkDotNet.Running;
using Memstore.Benchmarks;

// "holds", "execs", "scaling", "deadlines", "balance" and "cpu" are programs of their own, for what is no time per operation or needs processor time; all else
// goes to BenchmarkDotNet.
int Number(int index, int otherwise) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : otherwise;

switch (args.FirstOrDefault())
{
    case "holds":
        HoldsRun.Run(Number(1, 5_000_000));
        break;
    case "execs":
        ExecRun.Run(Number(1, 400));
        break;
    case "scaling":
        ScalingRun.Run(Number(1, 9), args.ElementAtOrDefault(2) ?? "");
        break;
    case "cpu":
        CpuRun.Run(args[1], Number(2, 15));
        break;
    case "balance":
        BalanceRun.Run(args.ElementAtOrDefault(1));
        break;
    case "deadlines":
        DeadlinesRun.Run(Number(1, 2_000_000));
        break;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(MemoryBenchmarks).Assembly).Run(args);
        break;
}
