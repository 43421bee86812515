using System.Buffers;
using Memstore.Engine;

namespace Memstore.Server.Commands;

/// <summary>The options of SET and GETEX, which share their times.</summary>
internal ref struct StringOptions
{
    // What a name may have (RFC 9110, section 5.6.2), and what parameters may.
    private static readonly SearchValues<byte> NameBytes = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);
    private static readonly SearchValues<byte> Printable = SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(static value => (byte)value)]);

    private ReadOnlySpan<byte> _time;

    /// <summary>NX: only if the key is absent.</summary>
    public bool OnlyIfAbsent { get; private set; }

    /// <summary>XX: only if the key is there.</summary>
    public bool OnlyIfPresent { get; private set; }

    /// <summary>GET: answer the value that was there.</summary>
    public bool Get { get; private set; }

    /// <summary>KEEPTTL: the deadline stays.</summary>
    public bool KeepDeadline { get; private set; }

    /// <summary>PERSIST: the deadline goes.</summary>
    public bool Persist { get; private set; }

    /// <summary>How the time is stated, if it is.</summary>
    public TimeForm Form { get; private set; }

    /// <summary>MEDIATYPE: what the bytes are; empty if that is not said.</summary>
    public ReadOnlySpan<byte> MediaType { get; private set; }

    /// <summary>Reads the options of SET: [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL] [MEDIATYPE media-type].</summary>
    public static StringOptions ReadSet(ref ArgReader args)
    {
        var options = default(StringOptions);
        while (args.Remaining > 0 && options.TakeSetOption(ref args)) ;
        args.End();
        return options;
    }

    /// <summary>Reads the options of GETEX: [EX seconds | PX milliseconds | EXAT time | PXAT time | PERSIST].</summary>
    public static StringOptions ReadGetEx(ref ArgReader args)
    {
        var options = default(StringOptions);
        while (args.Remaining > 0)
        {
            if (options.TakeTime(ref args)) continue;
            if (options.Form != TimeForm.None || !args.Word("PERSIST"u8)) break;
            options.Persist = true;
        }
        args.End();
        return options;
    }

    /// <summary>The deadline that the stated time means; answers the error if there is none.</summary>
    public readonly bool TryDeadline(in CommandCall call, out long deadlineUnixMs)
    {
        deadlineUnixMs = 0;
        if (Form == TimeForm.None) return true;
        if (!Protocol.RespNumber.TryParseInt64(_time, out var time))
        {
            call.Reply.Error(Errors.NotInteger);
            return false;
        }
        if (Deadlines.TryResolvePositive(time, Form, call.Transaction.NowUnixMs, out deadlineUnixMs)) return true;
        call.Reply.Error(Errors.InvalidExpireTime(call.Command));
        return false;
    }

    private bool TakeSetOption(ref ArgReader args)
    {
        if (TakeTime(ref args)) return true;
        if (!OnlyIfPresent && args.Word("NX"u8)) return OnlyIfAbsent = true;
        if (!OnlyIfAbsent && args.Word("XX"u8)) return OnlyIfPresent = true;
        if (args.Word("GET"u8)) return Get = true;
        if (Form == TimeForm.None && args.Word("KEEPTTL"u8)) return KeepDeadline = true;
        return TakeMediaType(ref args);
    }

    // It leaves the server as a header of HTTP, and so must not be able to hold another one.
    private bool TakeMediaType(ref ArgReader args)
    {
        if (!args.WordWithValue("MEDIATYPE"u8)) return false;
        var text = args.Bytes();
        var slash = text.IndexOf((byte)'/');
        var end = text.IndexOf((byte)';') is >= 0 and var semicolon ? semicolon : text.Length;
        if (text.Length > Transaction.MediaTypeMax || slash < 0 || slash > end || !IsName(text[..slash]) || !IsName(text[(slash + 1)..end].TrimEnd((byte)' '))
            || text.ContainsAnyExcept(Printable)) args.Fail(Errors.InvalidMediaType);
        MediaType = text;
        return true;
    }

    private static bool IsName(ReadOnlySpan<byte> text) => !text.IsEmpty && !text.ContainsAnyExcept(NameBytes);

    // The same form twice is allowed, and the last one counts; two different ones are an error.
    private bool TakeTime(ref ArgReader args)
    {
        if (KeepDeadline || Persist) return false;
        return TakeForm(ref args, "EX"u8, TimeForm.Seconds) || TakeForm(ref args, "PX"u8, TimeForm.Milliseconds)
            || TakeForm(ref args, "EXAT"u8, TimeForm.UnixSeconds) || TakeForm(ref args, "PXAT"u8, TimeForm.UnixMilliseconds);
    }

    private bool TakeForm(ref ArgReader args, ReadOnlySpan<byte> word, TimeForm form)
    {
        if (Form != TimeForm.None && Form != form) return false;
        if (!args.WordWithValue(word)) return false;
        Form = form;
        _time = args.Bytes();
        return true;
    }
}
