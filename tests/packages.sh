#!/usr/bin/env bash
# What people install: the .NET tool and the single file for this machine are made, installed where nothing else is, and serve.
set -eu
cd "$(dirname "$0")/.."
source tests/servers.sh
WORK=$(mktemp -d)
trap 'stop_servers; rm -rf "$WORK"' EXIT
PASSED=0
FAILED=0

check() {
  if "${@:2}" >"$WORK/check.log" 2>&1; then
    PASSED=$((PASSED + 1))
  else
    FAILED=$((FAILED + 1))
    echo "failed: $1"
    tail -20 "$WORK/check.log"
  fi
}

# serves PROGRAM: it starts with an empty directory, answers, keeps what it was told over a restart, and ends with 0.
serves() {
  local program=$1 port data
  data=$(mktemp -d "$WORK/data-XXXXXX")
  for round in 1 2; do
    port=$(free_ports 1)
    (cd "$WORK" && exec "$program" serve --port "$port" --http-port 0 --data "$data") >"$WORK/server.log" 2>&1 &
    STARTED+=("$!")
    until "$program" ping --port "$port" >/dev/null 2>&1 || ! kill -0 "${STARTED[-1]}" 2>/dev/null; do sleep 0.1; done
    "$program" ping --port "$port" --timeout 60 || { cat "$WORK/server.log"; return 1; }
    if [ $round = 1 ]; then "$program" bench --port "$port" --requests 5000 --mix set --keys 100 || return 1; fi
    kill -TERM "${STARTED[-1]}"
    wait "${STARTED[-1]}" || return 1
  done
  grep -q 'Replayed 5000 transactions' "$WORK/server.log" || { cat "$WORK/server.log"; return 1; }
  "$program" check "$data"
}

# What the Dockerfile copies, and no more: a file that is missing there fails here, too.
copy_as_the_dockerfile() {
  mkdir -p "$1"
  grep '^COPY [^-]' Dockerfile | while read -r _ files; do
    local names to
    read -ra names <<<"$files"
    to=${names[-1]}
    unset 'names[-1]'
    if [ "$to" = ./ ]; then cp "${names[@]}" "$1/"; else tar -c --exclude=bin --exclude=obj "${names[@]}" | tar -x -C "$1"; fi
  done
}

# stops PROGRAM: SIGTERM under load ends it with 0 within seconds, and what was acknowledged before is there afterwards.
stops() {
  local program=$1 port data=$WORK/stopped load server
  port=$(free_port)
  "$program" serve --port "$port" --http-port 0 --data "$data" >"$WORK/stop.log" 2>&1 &
  server=$!
  STARTED+=("$server")
  until "$program" ping --port "$port" >/dev/null 2>&1 || ! kill -0 "$server" 2>/dev/null; do sleep 0.1; done
  "$program" bench --port "$port" --mix get --keys 5000 --fill --requests 100 || return 1
  "$program" bench --port "$port" --mix set --keys 5000 --seconds 60 >/dev/null 2>&1 &
  load=$!
  STARTED+=("$load")
  sleep 1
  kill -TERM "$server"
  timeout 60 tail --pid="$server" -f /dev/null || return 1
  wait "$server" || return 1
  wait "$load" && return 1
  "$program" restore --from "$data" --to "$WORK/copy" --at 2999-01-01 | grep ': 5000 keys'
}

dotnet pack src/Memstore.Server -nologo -v q -o "$WORK/packages"
check 'the package installs as a tool' dotnet tool install Memstore --tool-path "$WORK/tool" --source "$WORK/packages"
check 'the tool serves' serves "$WORK/tool/memstore"

case $(uname -m) in aarch64) rid=linux-arm64 ;; *) rid=linux-x64 ;; esac
copy_as_the_dockerfile "$WORK/source"
(cd "$WORK/source" && dotnet publish src/Memstore.Server -p:PublishProfile=$rid -p:PublishDir="$WORK/single/" -nologo -v q)
check 'it is one file' test "$(ls "$WORK/single")" = memstore
check 'the file says its version' "$WORK/single/memstore" version
check 'the file stops under load and keeps its data' stops "$WORK/single/memstore"
check 'the file serves without .NET' env -i PATH=/usr/bin:/bin HOME="$WORK" DOTNET_ROOT=/nowhere bash -c "$(declare -f serves free_ports listens); WORK=$WORK; STARTED=(); serves $WORK/single/memstore"
if command -v systemd-analyze >/dev/null; then
  sed "s|/usr/local/bin/memstore|$WORK/single/memstore|" packaging/memstore.service >"$WORK/memstore.service"
  check 'the unit is one that systemd understands' systemd-analyze verify "$WORK/memstore.service"
fi

echo "$PASSED passed, $FAILED failed"
[ "$FAILED" = 0 ]
