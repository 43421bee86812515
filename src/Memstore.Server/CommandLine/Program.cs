using Memstore.Server.CommandLine;

return await MemstoreCommand.RunAsync(args);
