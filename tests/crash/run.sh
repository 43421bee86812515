#!/usr/bin/env bash
# Kills a server at random moments of its work, 200 times or as often as there is time for, and checks what it has kept each time. The last line is "N passed, N failed".
#   tests/crash/run.sh [--rounds 200] [--seconds N] [--seed N] [--keep]
set -eu
cd "$(dirname "$0")/../.."
source tests/servers.sh
exec dotnet tests/Memstore.Crash/bin/Release/net10.0/Memstore.Crash.dll "$MEMSTORE_DLL" "$@"
