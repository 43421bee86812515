using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Memstore.Storage.Disks;

/// <summary>System calls on files that .NET does not offer.</summary>
internal static unsafe partial class DiskCalls
{
    private const int Interrupted = 4;
    private const int InvalidArgument = 22;
    private const int OpenReadWrite = 2;
    private const int LockExclusive = 2;
    private const int LockNoWait = 4;

    // statx(2): the answer has the same layout on every architecture.
    private const int StatSize = 256;
    private const int StatInode = 0x100;
    private const int InodeAt = 0x20;
    private const int DeviceAt = 0x88;
    private const int CurrentDirectory = -100;
    private const int EmptyPath = 0x1000;

    private static int CloseOnExec => OperatingSystem.IsLinux() ? 0x80000 : OperatingSystem.IsMacOS() ? 0x1000000 : 0;

    /// <summary>Opens a file that is there to read and write, without the lock that .NET takes on its own.</summary>
    public static SafeFileHandle Open(string path)
    {
        int descriptor;
        while ((descriptor = OpenFile(path, OpenReadWrite | CloseOnExec)) < 0) ThrowUnlessInterrupted("open", path);
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Locks an open file for its holder alone; false if another has it.</summary>
    public static bool TryLock(SafeFileHandle handle) => LockFile(handle, LockExclusive | LockNoWait) == 0;

    /// <summary>Waits until a file's data, and the length needed to read it, are on stable storage.</summary>
    public static void SyncData(SafeFileHandle handle, string path)
    {
        // Interrupted is the one answer after which nothing was lost: the call had not begun.
        while (FDataSync(handle) != 0) ThrowUnlessInterrupted("fdatasync", path);
    }

    /// <summary>Waits until a directory's names are on stable storage. A file system that cannot sync directories keeps them by itself.</summary>
    public static void SyncDirectory(string directory)
    {
        int descriptor;
        while ((descriptor = OpenFile(directory, CloseOnExec)) < 0) ThrowUnlessInterrupted("open", directory);
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        while (FSync(handle) != 0)
        {
            if (Marshal.GetLastPInvokeError() == InvalidArgument) return;
            ThrowUnlessInterrupted("fsync", directory);
        }
    }

    /// <summary>Whether a path names the file that is open.</summary>
    public static bool IsSameFile(SafeFileHandle handle, string path)
    {
        var open = stackalloc byte[StatSize];
        var named = stackalloc byte[StatSize];
        try
        {
            if (StatHandle(handle, "", EmptyPath, StatInode, open) != 0) return false;
            if (StatPath(CurrentDirectory, path, 0, StatInode, named) != 0) return false;
            return Word(open, InodeAt) == Word(named, InodeAt) && Word(open, DeviceAt) == Word(named, DeviceAt);
        }
        catch (EntryPointNotFoundException)
        {
            return File.Exists(path);
        }
    }

    private static ulong Word(byte* stat, int at) => BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(stat + at, sizeof(ulong)));

    private static void ThrowUnlessInterrupted(string call, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        if (error == Interrupted) return;
        throw new IOException($"{call} of {path} failed: {Marshal.GetPInvokeErrorMessage(error)}.", error);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int LockFile(SafeFileHandle handle, int operation);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle handle);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle handle);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatHandle(SafeFileHandle directory, string path, int flags, uint mask, byte* stat);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatPath(int directory, string path, int flags, uint mask, byte* stat);
}
