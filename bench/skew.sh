#!/usr/bin/env bash
# Skewed loads with and without the balancer: the share of the busiest shard, conflicts, queues, throughput; writes them into bench/RESULTS.md.
#   bench/skew.sh [--seconds 20] [--keys 1000000] [--no-record]
# 80 % GET and 20 % SET, and transactions of 2 to 4 commands, on 1, 4 and 64 shards. Shares are those that SHARDS INFO has, once a second, from the fifth second on.
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/servers.sh

seconds=20 keys=1000000 record_wanted=1
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2; shift 2 ;;
    --keys) keys=$2; shift 2 ;;
    --no-record) record_wanted=0; shift ;;
    *) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
  esac
done

load=bench/Memstore.Load/bin/Release/net10.0/Memstore.Load.dll
dotnet build bench/Memstore.Load -c Release -v q -nologo >"$ARTIFACTS/logs/build-load.log"
dotnet build src/Memstore.Server -c Release -v q -nologo >"$ARTIFACTS/logs/build-server.log"

# busiest PORT: the busiest shard's share as a multiple of the average, and what of it is its heaviest slot.
busiest() {
  redis-cli -p "$1" SHARDS INFO | awk '
    name == "load-share" { shards++; now = $1; if (now > share) { share = now; isBusiest = 1 } else isBusiest = 0 }
    name == "heaviest-slot-share" && isBusiest { slot = $1 }
    { name = $1 }
    END { print share * shards, slot * shards }'
}

# watch PORT FILE: that, each second.
watch() {
  sleep 5
  while busiest "$1" >>"$2" 2>/dev/null; do sleep 1; done
}

# figures PORT: conflicts over all shards, and the longest queue.
figures() {
  redis-cli -p "$1" SHARDS INFO | awk '
    name == "conflicts" { conflicts += $1 }
    name == "longest-queue" && $1 > longest { longest = $1 }
    { name = $1 }
    END { printf "%d | %d", conflicts, longest }'
}

# measure SHARDS REBALANCE WORKLOAD LABEL OPTIONS...: one row.
measure() {
  local shards=$1 rebalance=$2 workload=$3 label=$4 port rate watcher seen
  shift 4
  port=$(free_port)
  start_memstore "$port" --shards "$shards" --rebalance "$rebalance"
  dotnet "$load" fill --port "$port" --keys "$keys" >/dev/null
  redis-cli -p "$port" CONFIG RESETSTAT >/dev/null
  seen=$(mktemp)
  watch "$port" "$seen" &
  watcher=$!
  rate=$(dotnet "$load" run --port "$port" --pid "$SERVER_PID" --workload "$workload" --pipeline 16 --keys "$keys" --distribution zipf "$@" --seconds "$seconds" |
    awk 'NR == 2 { print $4 }')
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  echo "| $label | $workload | $shards | $rebalance | $(awk '{ share += $1; slot += $2 } END { printf "%.2f | %.2f", share / NR, slot / NR }' "$seen") | $(figures "$port") | $(redis-cli -p "$port" SHARDS LOG -1 | grep -Ec 'moved|went back' || true) | $rate |"
  rm -f "$seen"
  stop_server "$SERVER_PID"
}

page=$ARTIFACTS/skew.md
{
  echo '## Skewed loads'
  echo
  echo "$(date -u '+%Y-%m-%d %H:%M UTC'), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) cores, Linux $(uname -r). memstore at $(git rev-parse --short HEAD), $keys keys."
  echo "\`bench/skew.sh --seconds $seconds --keys $keys\`. The share of the busiest shard is a multiple of the average, as the mean of one look a second from the fifth second on; beside it what its heaviest slot alone has. The bound is 1.2."
  echo
  echo '| load | workload | shards | balancer | busiest shard | its heaviest slot | conflicts | longest queue | moves logged | requests/s |'
  echo '| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |'
  for shards in 4 64; do
    for workload in mixed multi; do
      for rebalance in no yes; do
        measure $shards $rebalance $workload 'Zipf 0.99' --skew 0.99
        measure $shards $rebalance $workload 'Zipf 1.2' --skew 1.2
        measure $shards $rebalance $workload 'Zipf 0.99, other keys every 5 s' --skew 0.99 --shift 5
      done
    done
  done
  measure 1 yes mixed 'Zipf 0.99' --skew 0.99
} | tee "$page"
[ "$record_wanted" = 0 ] || dotnet "$load" record --file bench/RESULTS.md --section skew <"$page"
