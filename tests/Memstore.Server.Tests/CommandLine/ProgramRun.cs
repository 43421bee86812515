using System.Diagnostics;
using Xunit;

namespace Memstore.Server.Tests.CommandLine;

/// <summary>The program, run to its end as an operator runs it.</summary>
internal static class ProgramRun
{
    /// <summary>Runs it with arguments.</summary>
    public static Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        RunAsync("dotnet", [Path.Combine(AppContext.BaseDirectory, "memstore.dll"), .. arguments]);

    /// <summary>Runs any program.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MEMSTORE_", StringComparison.Ordinal)).ToList()) start.Environment.Remove(name);
        // Bash complains of a locale that the machine has not.
        start.Environment["LC_ALL"] = "C.UTF-8";
        start.Environment["MEMSTORE_DLL"] = Path.Combine(AppContext.BaseDirectory, "memstore.dll");
        using var process = Process.Start(start)!;
        var cancellation = TestContext.Current.CancellationToken;
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var error = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await process.WaitForExitAsync(cancellation).WaitAsync(ServerFixture.Patience, cancellation);
        }
        catch (TimeoutException)
        {
            process.Kill();
            throw;
        }

        return (process.ExitCode, await output, await error);
    }
}
