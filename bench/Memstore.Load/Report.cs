using System.Globalization;
using System.Text.Json;

namespace Memstore.Load;

/// <summary>Prints what one run measured.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static void Print(LoadSettings settings, LoadResult result, string? jsonFile)
    {
        Console.WriteLine("workload  pipeline  clients  per second   p50 us   p99 us  p99.9 us    max us  server us/cmd  load us/cmd  errors");
        var row = string.Format(
            CultureInfo.InvariantCulture,
            "{0,-8}  {1,8}  {2,7}  {3,10:f0}  {4,7:f1}  {5,7:f1}  {6,8:f1}  {7,8:f1}  {8,13:f3}  {9,11:f3}  {10,6}",
            Name(settings.Workload), settings.Pipeline, settings.Clients, result.PerSecond, Us(result.P50), Us(result.P99),
            Us(result.P999), Us(result.Max), result.ServerCpu, result.LoadCpu, result.Errors);
        Console.WriteLine(row);
        if (result.FirstError is { } error) Console.WriteLine($"first error: {error}");
        if (jsonFile is null) return;

        var text = JsonSerializer.Serialize(
            new
            {
                Workload = Name(settings.Workload),
                settings.Pipeline,
                settings.Clients,
                settings.Keys,
                settings.ValueSize,
                settings.Rate,
                Distribution = settings.Distribution.ToString(),
                result.Commands,
                result.Seconds,
                result.PerSecond,
                P50Us = Us(result.P50),
                P99Us = Us(result.P99),
                P999Us = Us(result.P999),
                MaxUs = Us(result.Max),
                ServerCpuUs = result.ServerCpu,
                LoadCpuUs = result.LoadCpu,
                result.Errors,
                result.FirstError,
            },
            Json);
        if (jsonFile == "-") Console.WriteLine(text);
        else File.WriteAllText(jsonFile, text + "\n");
    }

    public static string Name(WorkloadKind workload) => workload.ToString().ToLowerInvariant();

    private static double Us(long nanoseconds) => nanoseconds / 1e3;
}
