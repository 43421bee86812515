#!/usr/bin/env bash
# RESP's latencies with and without REST requests beside it, measured in turn; prints the figures of each round and their medians.
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
    *) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
  esac
done

load=bench/Memstore.Load/bin/Release/net10.0/Memstore.Load.dll
read -r port http <<<"$(free_ports 2)"
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

python3 bench/http_load.py "$http" --rate "$http_rate" --seconds 5
for _ in $(seq "$rounds"); do
  measure quiet
  python3 bench/http_load.py "$http" --rate "$http_rate" &
  beside=$!
  measure beside
  kill "$beside"
  wait "$beside" || true
done
