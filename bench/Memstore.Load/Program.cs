using System.CommandLine;
using System.ComponentModel;
using System.Net.Sockets;
using Memstore.Load;

var root = new RootCommand("Puts load on a server that speaks RESP and measures what it costs.");
root.Subcommands.Add(RunCommand.Create());
root.Subcommands.Add(FillCommand.Create());
root.Subcommands.Add(MemoryCommand.Create());
root.Subcommands.Add(CompareCommand.Create());
root.Subcommands.Add(RecordCommand.Create());

try
{
    return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception exception) when (exception is AggregateException or IOException or SocketException or Win32Exception
    or FormatException or ArgumentException or InvalidOperationException)
{
    var cause = exception is AggregateException several ? several.Flatten().InnerExceptions[0] : exception;
    Console.Error.WriteLine($"load: {cause.Message}");
    return 2;
}
