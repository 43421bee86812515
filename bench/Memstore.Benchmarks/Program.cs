using BenchmarkDotNet.Running;
using Memstore.Benchmarks;

BenchmarkSwitcher.FromAssembly(typeof(MemoryBenchmarks).Assembly).Run(args);
