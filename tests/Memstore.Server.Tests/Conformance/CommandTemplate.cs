using System.Text;

namespace Memstore.Server.Tests.Conformance;

/// <summary>
/// The shape of a command, such as <c>SET key value [NX|EX seconds]*</c>. A word in capitals stands for itself in any case, a word in
/// small letters for an argument of that kind, <c>+</c> repeats what stands before it, <c>[a|b]</c> is at most one of the alternatives and
/// <c>[a|b]*</c> several of them, in any order, also those that exclude each other.
/// </summary>
internal sealed class CommandTemplate
{
    private const int RepeatMax = 5;

    private readonly string _text;
    private readonly List<Node> _nodes;
    private int _position;

    public CommandTemplate(string text)
    {
        _text = text;
        Name = text.Split(' ')[0];
        _nodes = ParseSequence();
    }

    private abstract record Node;

    private sealed record Word(string Text) : Node;

    private sealed record Argument(string Kind) : Node;

    private sealed record Repeat(List<Node> Nodes) : Node;

    private sealed record Choice(List<List<Node>> Alternatives, bool Several) : Node;

    public string Name { get; }

    public byte[][] Expand(ArgumentSource source)
    {
        var arguments = new List<byte[]>();
        Expand(_nodes, source, arguments);
        return [.. arguments];
    }

    private static void Expand(List<Node> nodes, ArgumentSource source, List<byte[]> to)
    {
        foreach (var node in nodes)
        {
            switch (node)
            {
                case Word word:
                    to.Add(Encoding.ASCII.GetBytes(source.AnyCase(word.Text)));
                    break;
                case Argument argument:
                    to.AddRange(source.Next(argument.Kind));
                    break;
                case Repeat repeat:
                    for (var i = source.Random.Next(1, RepeatMax + 1); i > 0; i--) Expand(repeat.Nodes, source, to);
                    break;
                case Choice choice:
                    var count = source.Random.Next(0, choice.Several ? 3 : 2);
                    for (; count > 0; count--) Expand(source.Pick(choice.Alternatives), source, to);
                    break;
            }
        }
    }

    private List<Node> ParseSequence()
    {
        var nodes = new List<Node>();
        while (_position < _text.Length && _text[_position] is not (']' or ')' or '|'))
        {
            switch (_text[_position])
            {
                case ' ':
                    _position++;
                    break;
                case '[':
                    nodes.Add(ParseChoice());
                    break;
                case '(':
                    _position++;
                    nodes.Add(new Repeat(ParseSequence()));
                    _position += 2; // )+
                    break;
                default:
                    nodes.Add(ParseWord());
                    break;
            }
        }

        return nodes;
    }

    private Choice ParseChoice()
    {
        var alternatives = new List<List<Node>>();
        do
        {
            _position++; // [ or |
            alternatives.Add(ParseSequence());
        }
        while (_text[_position] == '|');
        _position++; // ]
        return new Choice(alternatives, Accept('*'));
    }

    private Node ParseWord()
    {
        var start = _position;
        while (_position < _text.Length && (char.IsAsciiLetterOrDigit(_text[_position]) || _text[_position] is '-' or '.' or ':' or '_')) _position++;
        var word = _text[start.._position];
        Node node = char.IsAsciiLetterLower(word[0]) ? new Argument(word) : new Word(word);
        return Accept('+') ? new Repeat([node]) : node;
    }

    private bool Accept(char symbol)
    {
        if (_position >= _text.Length || _text[_position] != symbol) return false;
        _position++;
        return true;
    }
}
