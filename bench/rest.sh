#!/usr/bin/env bash
# RESP's latencies without REST requests (quiet), with them in the same server (beside) and in another one on the same machine (elsewhere), in turn:
# between the last two is what sharing a process costs, and not only sharing processors. Prints the figures of each round.
#   bench/rest.sh [--rate 20000] [--http-rate 2000] [--rounds 5] [--seconds 5]
# The load of RESP is an open loop of GET over 100,000 keys: a request's latency counts from when it was due.
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/servers.sh

rate=20000 http_rate=2000 rounds=5 seconds=5
while [ $# -gt 0 ]; do
  case $1 in
    --rate) rate=$2; shift 2 ;;
    --http-rate) http_rate=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    *) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
  esac
done

load=bench/Memstore.Load/bin/Release/net10.0/Memstore.Load.dll
read -r port http other other_http <<<"$(free_ports 4)"
start_server other "$other_http" dotnet "$MEMSTORE_DLL" serve --port "$other" --http-port "$other_http" --data none
start_server memstore "$http" dotnet "$MEMSTORE_DLL" serve --port "$port" --http-port "$http" --data none
server=$SERVER_PID
dotnet "$load" fill --port "$port" --keys 100000 >/dev/null
ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }

# measure LABEL: what the load generator prints, and the server's CPU time in seconds.
measure() {
  local before after
  before=$(ticks)
  dotnet "$load" run --port "$port" --pid "$server" --workload Get --rate "$rate" --keys 100000 --warm 1 --seconds "$seconds" | sed -n 2p | sed "s/^/$1 /"
  after=$(ticks)
  echo "$1 server CPU $(awk -v t=$((after - before)) 'BEGIN { print t / 100 }') s"
}

# measure_with LABEL PORT: the same while a server answers REST requests.
measure_with() {
  python3 bench/http_load.py "$2" --rate "$http_rate" &
  local requests=$!
  measure "$1"
  kill "$requests"
  wait "$requests" || true
}

for each in "$http" "$other_http"; do python3 bench/http_load.py "$each" --rate "$http_rate" --seconds 5; done
for _ in $(seq "$rounds"); do
  measure quiet
  measure_with beside "$http"
  measure_with elsewhere "$other_http"
done
