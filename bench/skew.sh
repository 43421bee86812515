#!/usr/bin/env bash
# Skewed loads with and without the balancer: the share of the busiest shard, conflicts, queues, throughput; writes them into bench/RESULTS.md.
#   bench/skew.sh [--seconds 20] [--keys 1000000] [--no-record]
# 80 % GET and 20 % SET, and transactions of 2 to 4 commands, on 1, 4 and 64 shards. Shares are of the last seconds, as SHARDS INFO has them.
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

# figures PORT: over all shards, the busiest's share as a multiple of the average, conflicts, the longest queue, and slots moved so far.
figures() {
  redis-cli -p "$1" SHARDS INFO | awk '
    name == "load-share" { if ($1 > share) share = $1; shards++ }
    name == "conflicts" { conflicts += $1 }
    name == "longest-queue" && $1 > longest { longest = $1 }
    { name = $1 }
    END { printf "%.2f | %d | %d", share * shards, conflicts, longest }'
}

# measure SHARDS REBALANCE WORKLOAD LABEL OPTIONS...: one row.
measure() {
  local shards=$1 rebalance=$2 workload=$3 label=$4 port rate
  shift 4
  port=$(free_port)
  start_memstore "$port" --shards "$shards" --rebalance "$rebalance"
  dotnet "$load" fill --port "$port" --keys "$keys" >/dev/null
  redis-cli -p "$port" CONFIG RESETSTAT >/dev/null
  rate=$(dotnet "$load" run --port "$port" --pid "$SERVER_PID" --workload "$workload" --pipeline 16 --keys "$keys" --distribution zipf "$@" --seconds "$seconds" |
    awk 'NR == 2 { print $4 }')
  echo "| $label | $workload | $shards | $rebalance | $(figures "$port") | $(redis-cli -p "$port" SHARDS LOG -1 | grep -c moved || true) | $rate |"
  stop_server "$SERVER_PID"
}

page=$ARTIFACTS/skew.md
{
  echo '## Skewed loads'
  echo
  echo "$(date -u '+%Y-%m-%d %H:%M UTC'), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) cores, Linux $(uname -r). memstore at $(git rev-parse --short HEAD), $keys keys."
  echo "\`bench/skew.sh --seconds $seconds --keys $keys\`. The share of the busiest shard is a multiple of the average; the bound is 1.2."
  echo
  echo '| load | workload | shards | balancer | busiest shard | conflicts | longest queue | moves logged | requests/s |'
  echo '| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |'
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
