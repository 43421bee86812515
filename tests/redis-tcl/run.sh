#!/usr/bin/env bash
# Runs units of Redis' own Tcl suite (7.0.15, fetched as Debian's source package) against Memstore, each against a fresh server.
#   tests/redis-tcl/run.sh [--server-cmd 'COMMAND with {port}'] [--units unit/a,unit/b] [--tags '-slow'] [--run-left-out]
# expected.tsv lists the tests that are left out, with the reasons. Exits with 0 when no other test fails.
set -euo pipefail
source "$(dirname "$0")/../servers.sh"

suite=$ARTIFACTS/redis-tcl/redis-7.0.15

install_tools() {
  command -v redis-server >/dev/null && command -v redis-cli >/dev/null && command -v tclsh >/dev/null && command -v python3 >/dev/null && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server redis-tools tcl python3
} >"$ARTIFACTS/logs/redis-tcl-install.log" 2>&1

# The package lists of the sources are kept beside the machine's own, which are not touched.
fetch_suite() {
  local apt=$ARTIFACTS/redis-tcl/apt
  mkdir -p "$apt/parts" "$apt/lists/partial"
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    sed 's/^Types: .*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$apt/parts/source.sources"
  else
    sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$apt/parts/source.list"
  fi
  cd "$ARTIFACTS/redis-tcl"
  local options=(-o "Dir::Etc::SourceParts=$apt/parts" -o Dir::Etc::SourceList=/dev/null -o "Dir::State::lists=$apt/lists")
  apt-get "${options[@]}" update
  apt-get "${options[@]}" source --download-only redis
  tar xf redis_7.0.15.orig.tar.gz
  for program in redis-cli redis-benchmark; do ln -sf "$(command -v $program)" "$suite/src/$program"; done
  ln -sf "$ROOT/tests/redis-tcl/redis-server.sh" "$suite/src/redis-server"
} >"$ARTIFACTS/logs/redis-tcl-fetch.log" 2>&1

install_tools || { echo "cannot install tcl and redis:"; tail -5 "$ARTIFACTS/logs/redis-tcl-install.log"; exit 1; }
[ -x "$suite/runtest" ] && [ -e "$suite/src/redis-cli" ] || (fetch_suite) || { echo "cannot fetch the suite:"; tail -5 "$ARTIFACTS/logs/redis-tcl-fetch.log"; exit 1; }
exec python3 "$ROOT/tests/redis-tcl/suite.py" --suite "$suite" --logs "$ARTIFACTS/redis-tcl/logs" \
  --expected "$ROOT/tests/redis-tcl/expected.tsv" --server-cmd "dotnet $MEMSTORE_DLL serve --port {port} --bind 127.0.0.1 --data none --http-port 0 --enable-debug-command yes" "$@"
