using System.Runtime.CompilerServices;
using Memstore.Engine;

namespace Memstore.Storage.Recovery;

/// <summary>Carries one effect out.</summary>
internal static class EffectApplier
{
    /// <summary>Carries it out; what an effect says about absent keys is nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(StoreLoader loader, EffectBatch batch, in Effect effect)
    {
        switch (effect.Kind)
        {
            case EffectKind.Put:
                loader.PutString(effect.Database, batch.Argument(effect, 0), batch.Argument(effect, 1), effect.DeadlineUnixMs, effect.IsRaw, effect.HasMediaType ? batch.Argument(effect, effect.Count - 1) : default);
                break;
            case EffectKind.Delete:
                loader.Delete(effect.Database, batch.Argument(effect, 0));
                break;
            case EffectKind.Deadline:
                loader.SetDeadline(effect.Database, batch.Argument(effect, 0), effect.DeadlineUnixMs);
                break;
            case EffectKind.SetFields:
                loader.SetFields(effect.Database, batch.Argument(effect, 0), batch.FieldsWithValues(effect));
                break;
            case EffectKind.RemoveFields:
                loader.RemoveFields(effect.Database, batch.Argument(effect, 0), batch.Fields(effect));
                break;
            case EffectKind.Copy:
                loader.Copy(effect.Database, batch.Argument(effect, 0), effect.OtherDatabase, batch.Argument(effect, 1));
                break;
            case EffectKind.Flush:
                loader.Flush(effect.Database);
                break;
            case EffectKind.Swap:
                loader.Swap(effect.Database, effect.OtherDatabase);
                break;
        }
    }
}
