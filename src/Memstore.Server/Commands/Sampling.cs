namespace Memstore.Server.Commands;

/// <summary>Random choices among things that are numbered.</summary>
internal static class Sampling
{
    /// <summary>
    /// Distinct indexes below a size, each choice of that many as likely as any other, in no particular order.
    /// </summary>
    /// <param name="random">Where chance comes from.</param>
    /// <param name="count">How many, at most <paramref name="size"/>.</param>
    /// <param name="size">One more than the largest index.</param>
    public static IEnumerable<long> Distinct(Random random, long count, long size) =>
        count * 3 > size ? Sequential(random, count, size) : Floyd(random, count, size);

    // Each index is taken with the probability that leaves all choices alike: Knuth, volume 2, algorithm S. No memory, size steps.
    private static IEnumerable<long> Sequential(Random random, long count, long size)
    {
        for (long i = 0; count > 0; i++)
        {
            if (random.NextInt64(size - i) >= count) continue;
            count--;
            yield return i;
        }
    }

    // Bentley and Floyd, "A sample of brilliance", 1987: count steps.
    private static HashSet<long> Floyd(Random random, long count, long size)
    {
        var chosen = new HashSet<long>((int)count);
        for (var i = size - count; i < size; i++)
        {
            if (!chosen.Add(random.NextInt64(i + 1))) chosen.Add(i);
        }
        return chosen;
    }
}
