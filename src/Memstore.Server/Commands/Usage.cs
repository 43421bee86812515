using System.Text;

namespace Memstore.Server.Commands;

/// <summary>What an argument is, as COMMAND DOCS tells clients.</summary>
internal enum ArgumentType
{
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,

    /// <summary>A word that is written as it stands.</summary>
    PureToken,

    /// <summary>One of several arguments.</summary>
    OneOf,

    /// <summary>Several arguments that go together.</summary>
    Block,
}

/// <summary>An argument of a command, with those that it consists of.</summary>
internal sealed record Argument
{
    /// <summary>Its name in lower case.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public required ArgumentType Type { get; init; }

    /// <summary>The word before it, or the word that it is.</summary>
    public string? Token { get; init; }

    /// <summary>Whether it may be left out.</summary>
    public bool IsOptional { get; init; }

    /// <summary>Whether it may be repeated.</summary>
    public bool IsMultiple { get; init; }

    /// <summary>Whether its token is repeated with it.</summary>
    public bool IsTokenMultiple { get; init; }

    /// <summary>The choices of a one-of, the parts of a block.</summary>
    public IReadOnlyList<Argument> Parts { get; init; } = [];

    /// <summary>The fewest words that it takes when it is there.</summary>
    public int WordsMin => Type switch
    {
        ArgumentType.PureToken => 1,
        ArgumentType.OneOf => TokenWords + Parts.Min(part => part.WordsMin),
        ArgumentType.Block => TokenWords + Parts.Where(part => !part.IsOptional).Sum(part => part.WordsMin),
        _ => TokenWords + 1,
    };

    /// <summary>Whether it always takes the same number of words.</summary>
    public bool IsFixed => !IsOptional && !IsMultiple && Parts.All(part => part.IsFixed)
        && (Type != ArgumentType.OneOf || Parts.All(part => part.WordsMin == Parts[0].WordsMin));

    private int TokenWords => Token is null ? 0 : 1;
}

/// <summary>A usage line, read: "HINCRBY key field increment" gives a command's name, its arguments and its arity.</summary>
/// <remarks>
/// The notation is that of redis.io. Words in upper case are written as they stand, at most two of them at the start are the name; words in lower case
/// stand for values; [...] may be left out; a | b is a choice, in angle brackets where it is not in square ones; "a b [a b ...]" repeats.
/// </remarks>
internal sealed class Usage
{
    private readonly string _line;
    private readonly List<string> _tokens;
    private int _next;

    private Usage(string line)
    {
        _line = line;
        _tokens = Split(line);
        var nameWords = _tokens.TakeWhile(IsToken).Take(2).ToArray();
        if (nameWords.Length == 0) throw Wrong("it does not start with a name in upper case");
        Name = nameWords;
        _next = nameWords.Length;
        Arguments = Named(ReadSequence());
        if (_next < _tokens.Count) throw Wrong($"'{_tokens[_next]}' is out of place");
    }

    /// <summary>One word, or two for a subcommand; in upper case.</summary>
    public IReadOnlyList<string> Name { get; }

    /// <summary>The arguments in order.</summary>
    public IReadOnlyList<Argument> Arguments { get; }

    /// <summary>How many words a request has, its name included; negative if that is only the least.</summary>
    public int Arity
    {
        get
        {
            var words = Name.Count + Arguments.Where(argument => !argument.IsOptional).Sum(argument => argument.WordsMin);
            return Arguments.All(argument => argument.IsFixed) ? words : -words;
        }
    }

    /// <summary>Reads a usage line.</summary>
    /// <exception cref="FormatException">The line breaks the notation; rows are ours, so this is seen at the first start.</exception>
    public static Usage Read(string line) => new(line);

    // ---- Words -----------------------------------------------------------------------------------------------------

    private static List<string> Split(string line)
    {
        var spaced = new StringBuilder();
        foreach (var c in line) _ = c is '[' or ']' or '<' or '>' or '|' ? spaced.Append(' ').Append(c).Append(' ') : spaced.Append(c);
        return [.. spaced.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries)];
    }

    private static bool IsPunctuation(string word) => word is "[" or "]" or "<" or ">" or "|" or "...";

    private static bool IsToken(string word) => !IsPunctuation(word) && !word.Any(char.IsAsciiLetterLower);

    private bool At(string word) => _next < _tokens.Count && _tokens[_next] == word;

    private bool Take(string word)
    {
        if (!At(word)) return false;
        _next++;
        return true;
    }

    private FormatException Wrong(string what) => new($"The usage line \"{_line}\" is wrong: {what}.");

    // ---- Grammar ---------------------------------------------------------------------------------------------------

    // key [key ...] [NX | XX] [EX seconds | PX milliseconds]
    private List<Argument> ReadSequence()
    {
        var items = new List<Argument>();
        while (_next < _tokens.Count && !At("]") && !At(">") && !At("|") && !At("...")) ReadItem(items);
        return items;
    }

    private void ReadItem(List<Argument> items)
    {
        if (Take("["))
        {
            ReadBracket(items);
            return;
        }
        if (Take("<"))
        {
            items.Add(ReadChoice(">"));
            return;
        }
        items.Add(ReadWord());
    }

    private Argument ReadWord()
    {
        var word = _tokens[_next++];
        if (!IsToken(word)) return new Argument { Name = word, Type = ArgumentNames.TypeOf(word) };

        // MATCH pattern, TYPE <NORMAL | MASTER>, and NX alone.
        if (Take("<")) return ReadChoice(">") with { Token = word, Name = ArgumentNames.OfToken(word) };
        var valueFollows = _next < _tokens.Count && !IsPunctuation(_tokens[_next]) && !IsToken(_tokens[_next]);
        if (!valueFollows) return new Argument { Name = ArgumentNames.OfToken(word), Type = ArgumentType.PureToken, Token = word };
        return ReadWord() with { Token = word };
    }

    private void ReadBracket(List<Argument> items)
    {
        var choices = new List<Argument>();
        do
        {
            var sequence = ReadSequence();
            if (Take("..."))
            {
                if (!Take("]")) throw Wrong("... ends a bracket");
                Repeat(items, sequence);
                return;
            }
            choices.Add(Single(sequence));
        }
        while (Take("|"));
        if (!Take("]")) throw Wrong("a bracket does not end");
        items.Add((choices.Count == 1 ? choices[0] : OneOf(choices)) with { IsOptional = true });
    }

    private Argument ReadChoice(string end)
    {
        var choices = new List<Argument>();
        do choices.Add(Single(ReadSequence()));
        while (Take("|"));
        if (!Take(end)) throw Wrong("a choice does not end");
        return choices.Count == 1 ? choices[0] : OneOf(choices);
    }

    /// <summary>"a b [a b ...]": the bracket repeats what stands before it.</summary>
    private void Repeat(List<Argument> items, List<Argument> repeated)
    {
        var first = items.Count - repeated.Count;
        if (first < 0 || repeated.Count == 0 || !Repeats(items[first..], repeated))
            throw Wrong("a bracket with ... repeats what stands before it");
        var single = Single(items[first..]);
        items.RemoveRange(first, repeated.Count);
        items.Add(single with { IsMultiple = true, IsTokenMultiple = single.Token is not null && repeated[0].Token is not null });
    }

    // The word before a single value may be left out of the repetition: ID client-id [client-id ...].
    private static bool Repeats(List<Argument> items, List<Argument> repeated) =>
        items.Select(Shape).SequenceEqual(repeated.Select(Shape))
        || (items is [{ Token: not null } only] && repeated is [{ Token: null } again] && only.Name == again.Name);

    private static (string, string?) Shape(Argument argument) => (argument.Name, argument.Token);

    // AUTH username password: a block that begins with a token.
    private Argument Single(List<Argument> sequence)
    {
        if (sequence.Count == 0) throw Wrong("a choice is empty");
        if (sequence.Count == 1) return sequence[0];
        var token = sequence[0].Type == ArgumentType.PureToken || sequence[0].IsOptional ? null : sequence[0].Token;
        List<Argument> parts = token is null ? sequence : [sequence[0] with { Token = null }, .. sequence[1..]];
        return new Argument
        {
            Name = token is null ? string.Join('_', parts.Select(part => part.Name)) : ArgumentNames.OfToken(token),
            Type = ArgumentType.Block,
            Token = token,
            Parts = Named(parts),
        };
    }

    private static Argument OneOf(List<Argument> choices) =>
        new() { Name = ArgumentNames.OfChoice(choices), Type = ArgumentType.OneOf, Parts = Named(choices) };

    // An argument whose name another one has already takes its token's name: COMMAND DOCS names are used as keys by clients.
    private static List<Argument> Named(List<Argument> arguments)
    {
        var seen = new HashSet<string>();
        return [.. arguments.Select(argument => seen.Add(argument.Name) || argument.Token is null
            ? argument
            : argument with { Name = ArgumentNames.OfToken(argument.Token) })];
    }
}

/// <summary>What the words of usage lines mean: a word means the same in every line.</summary>
internal static class ArgumentNames
{
    private static readonly string[] Keys = ["key", "newkey", "source", "destination"];
    private static readonly string[] Times = ["unix-time-seconds", "unix-time-milliseconds"];
    private static readonly string[] Doubles = ["float", "score", "min", "max"];
    private static readonly string[] Integers =
    [
        "seconds", "milliseconds", "timeout", "increment", "decrement", "offset", "start", "end", "stop", "count", "cursor", "numkeys",
        "index", "index1", "index2", "db", "destination-db", "protover", "client-id", "length", "rank",
    ];

    private static readonly Dictionary<string, ArgumentType> Types =
        Keys.Select(name => (name, ArgumentType.Key))
            .Concat(Times.Select(name => (name, ArgumentType.UnixTime)))
            .Concat(Doubles.Select(name => (name, ArgumentType.Double)))
            .Concat(Integers.Select(name => (name, ArgumentType.Integer)))
            .Append(("pattern", ArgumentType.Pattern))
            .ToDictionary(entry => entry.Item1, entry => entry.Item2);

    /// <summary>The type of a value by its name.</summary>
    public static ArgumentType TypeOf(string name) => Types.GetValueOrDefault(name);

    /// <summary>The name of an argument that is a word.</summary>
    public static string OfToken(string token) => token.ToLowerInvariant();

    /// <summary>The name of a choice: what its options decide.</summary>
    public static string OfChoice(IReadOnlyList<Argument> choices) => choices[0].Token switch
    {
        "NX" or "XX" or "GT" or "LT" => "condition",
        "EX" or "PX" => "expiration",
        _ => choices[0].Name,
    };
}
