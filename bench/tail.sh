#!/usr/bin/env bash
# Latencies at a fixed rate, quiet and while something big goes on, measured in turn; writes the figures into bench/RESULTS.md.
#   bench/tail.sh [--rate 50000] [--rounds 5] [--seconds 6] [--keys 5000000] [--storm 1000000] [--server memstore|redis]
#                 [--scenes snapshot,storm,reshard] [--no-record]
# The load is an open loop: a request's latency counts from when it was due, so a stalled server hides nothing.
#   snapshot  BEGIN READONLY is held, KEYS lists all keys again and again, and 20 % of the load overwrites keys that both see
#   storm     as many keys as --storm says expire in the same second, in the middle of the measurement
#   reshard   SHARDS SET goes through 16, 3, 64 and 4, as often as fifty times a second
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/servers.sh

rate=50000 rounds=5 seconds=6 keys=5000000 storm=1000000 server=memstore scenes=snapshot,storm record_wanted=1
while [ $# -gt 0 ]; do
  case $1 in
    --rate) rate=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --keys) keys=$2; shift 2 ;;
    --storm) storm=$2; shift 2 ;;
    --server) server=$2; shift 2 ;;
    --scenes) scenes=$2; shift 2 ;;
    --no-record) record_wanted=0; shift ;;
    *) sed -n '2,8s/^# //p' "$0"; exit 2 ;;
  esac
done

load=bench/Memstore.Load/bin/Release/net10.0/Memstore.Load.dll
dotnet build bench/Memstore.Load -c Release -v q -nologo >"$ARTIFACTS/logs/build-load.log"
dotnet build src/Memstore.Server -c Release -v q -nologo >"$ARTIFACTS/logs/build-server.log"
port=$(free_port)
case $server in
  memstore) start_memstore "$port" --transaction-timeout 600000; name="memstore at $(git rev-parse --short HEAD)" ;;
  redis) start_redis "$port"; name=$(redis-server --version | sed 's/.*v=\([^ ]*\).*/redis-server \1/') ;;
esac
rows=$ARTIFACTS/tail.txt
: >"$rows"

# measure LABEL WORKLOAD: one line of figures.
measure() {
  dotnet "$load" run --port "$port" --pid "$SERVER_PID" --workload "$2" --rate "$rate" --keys "$keys" --warm 1 --seconds "$seconds" |
    awk -v label="$1" 'NR == 2 { print label, $1, $4, $5, $6, $7, $8, $9 }' >>"$rows"
}

# A connection of its own that lists all keys, one time after the other, until it is closed.
list_keys() {
  exec 4<>"/dev/tcp/127.0.0.1/$port"
  cat <&4 >/dev/null &
  while printf 'KEYS *\r\n' >&4; do sleep 2; done
}

snapshot() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  [ "$server" != memstore ] || { printf 'BEGIN READONLY\r\nDBSIZE\r\n' >&3; head -2 <&3 >/dev/null; }
  list_keys 2>/dev/null &
  local lister=$!
  measure snapshot "$1"
  kill "$lister"
  wait "$lister" 2>/dev/null || true
  exec 3>&-
}

expiry() {
  dotnet "$load" fill --port "$port" --first 100000000 --keys "$storm" --deadline $(($(date +%s) + 6 + storm / 400000)) >/dev/null
  local due
  due=$(($(date +%s) + 4))
  sleep "$(awk "BEGIN { wait = $due - $(date +%s.%N); print (wait > 0 ? wait : 0) }")"
  measure storm "$1"
}

reshard() {
  while :; do for n in 16 3 64 4; do echo "SHARDS SET $n"; sleep 0.02; done; done | redis-cli -p "$port" >>"$ARTIFACTS/logs/reshard.log" &
  local changer=$!
  measure reshard "$1"
  kill "$changer"
  wait "$changer" 2>/dev/null || true
}

# Each scene beside a quiet time of its own.
play() {
  [[ ,$scenes, = *,$1,* ]] || return 0
  measure quiet "$3"
  "$2" "$3"
}

: >"$ARTIFACTS/logs/reshard.log"
dotnet "$load" fill --port "$port" --keys "$keys" >/dev/null
dotnet "$load" run --port "$port" --workload mixed --seconds 4 --keys "$keys" >/dev/null
for round in $(seq "$rounds"); do
  echo "round $round of $rounds" >&2
  for workload in get mixed; do
    play snapshot snapshot $workload
    play storm expiry $workload
    play reshard reshard $workload
  done
done

page=$ARTIFACTS/tail.md
{
  echo "## Latency at $rate requests a second"
  echo
  echo "$(date -u '+%Y-%m-%d %H:%M UTC'), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) cores, Linux $(uname -r). $name, $keys keys."
  echo "Load average at the end: $(cut -d' ' -f1-3 /proc/loadavg). \`bench/tail.sh --rate $rate --rounds $rounds --seconds $seconds --keys $keys --storm $storm --scenes $scenes\`; medians over the rounds, us."
  [[ ,$scenes, != *,reshard,* ]] || echo "The number of shards changed $(grep -c OK "$ARTIFACTS/logs/reshard.log") times; $(grep -vc OK "$ARTIFACTS/logs/reshard.log") times it was refused."
  echo
  echo '| workload | during | requests/s | p50 | p99 | p99.9 | worst | server us | p99.9 to quiet |'
  echo '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
  awk '
    function median(label, column,   list, n, i, j, t) {
      n = count[label]
      for (i = 1; i <= n; i++) list[i] = value[label, i, column]
      for (i = 2; i <= n; i++) { t = list[i]; for (j = i - 1; j >= 1 && list[j] > t; j--) list[j + 1] = list[j]; list[j + 1] = t }
      return (list[int((n + 1) / 2)] + list[int((n + 2) / 2)]) / 2
    }
    { label = $2 " | " $1; if (!(label in count)) order[++labels] = label; n = ++count[label]; for (i = 3; i <= 8; i++) value[label, n, i] = $i }
    END {
      for (k = 1; k <= labels; k++) {
        label = order[k]; quiet = label; sub(/\| .*/, "| quiet", quiet)
        printf "| %s | %.0f | %.0f | %.0f | %.0f | %.0f | %.2f | %.2f |\n", label, median(label, 3), median(label, 4), median(label, 5),
          median(label, 6), median(label, 7), median(label, 8), median(label, 6) / median(quiet, 6)
      }
    }' "$rows"
} >"$page"
cat "$page"
section=tail-$server
[ "$scenes" = snapshot,storm ] || section+=-$scenes
[ "$record_wanted" = 0 ] || dotnet "$load" record --file bench/RESULTS.md --section "$section" <"$page"
