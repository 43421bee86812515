# shellcheck shell=bash
# Sourced by the scripts that need servers: start them on free ports, wait for them, stop by process id what was started.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ARTIFACTS=$ROOT/artifacts
MEMSTORE_DLL=$ROOT/src/Memstore.Server/bin/Release/net10.0/memstore.dll
STARTED=()
mkdir -p "$ARTIFACTS/logs"

# Ends only what hangs: on a busy machine a program may take many seconds until it serves.
START_SECONDS_MAX=120

# free_ports COUNT: prints so many TCP ports of 127.0.0.1, all different, that nobody listens on, below the range that the kernel hands to clients.
free_ports() {
  local port ports=()
  while [ ${#ports[@]} -lt "$1" ]; do
    port=$((15000 + RANDOM % 15000))
    [[ " ${ports[*]} " = *" $port "* ]] || listens "$port" || ports+=("$port")
  done
  echo "${ports[*]}"
}

free_port() { free_ports 1; }

listens() { (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start_server NAME PORT COMMAND...: sets SERVER_PID; output goes to artifacts/logs/NAME.log.
start_server() {
  local name=$1 port=$2 end=$((SECONDS + START_SECONDS_MAX))
  shift 2
  "$@" >"$ARTIFACTS/logs/$name.log" 2>&1 &
  SERVER_PID=$!
  STARTED+=("$SERVER_PID")
  while [ "$SECONDS" -lt "$end" ] && kill -0 "$SERVER_PID" 2>/dev/null; do
    listens "$port" && return 0
    sleep 0.1
  done
  echo "$name did not start on port $port; its output:" >&2
  tail -5 "$ARTIFACTS/logs/$name.log" >&2
  return 1
}

start_redis() {
  start_server redis "$1" redis-server --port "$1" --bind 127.0.0.1 --dir "$ARTIFACTS" --save '' --appendonly no --enable-debug-command yes
}

start_memstore() { start_server memstore "$1" dotnet "$MEMSTORE_DLL" serve --port "$1" --bind 127.0.0.1 --data none --http-port 0 "${@:2}"; }

# stop_server PID: asks it to stop, and insists after ten seconds.
stop_server() {
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 100); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

stop_servers() {
  local pid
  for pid in "${STARTED[@]}"; do stop_server "$pid"; done
  STARTED=()
}
trap stop_servers EXIT
trap 'exit 130' INT TERM
