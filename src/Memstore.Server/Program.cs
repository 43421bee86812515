Console.WriteLine("memstore");
