using System.Text;
using Memstore.Engine.Journaling;

namespace Memstore.Server.Configuration;

/// <summary>How safe commits must be before their replies leave.</summary>
/// <param name="Usual">For clients that ask for nothing (appendfsync).</param>
/// <param name="Least">The least that a client gets (durability-min).</param>
/// <param name="Most">The most that a client gets (durability-max).</param>
internal sealed record DurabilityRules(Durability Usual, Durability Least, Durability Most)
{
    /// <summary>Nothing waits.</summary>
    public static DurabilityRules None { get; } = new(Durability.None, Durability.None, Durability.Always);

    /// <summary>Reads them from the settings.</summary>
    public static DurabilityRules Of(Settings settings) => new(
        Parse(settings["appendfsync"])!.Value,
        Parse(settings["durability-min"])!.Value,
        Parse(settings["durability-max"])!.Value);

    /// <summary>The name of a level, as CLIENT DURABILITY has it.</summary>
    public static string NameOf(Durability level) => level switch
    {
        Durability.Always => "always",
        Durability.EverySecond => "everysec",
        _ => "none",
    };

    /// <summary>The level of a name; null if it is none.</summary>
    public static Durability? Parse(string name) => name switch
    {
        "none" or "no" => Durability.None,
        "everysec" => Durability.EverySecond,
        "always" => Durability.Always,
        _ => null,
    };

    /// <summary>What a client gets.</summary>
    public Durability Effective(Durability? asked)
    {
        var level = asked ?? Usual;
        if (level < Least) level = Least;
        return level > Most ? Most : level;
    }
}
