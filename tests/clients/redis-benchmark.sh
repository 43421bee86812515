#!/usr/bin/env bash
# redis-benchmark against a running server, which is emptied: no warning, no error. tests/clients/redis-benchmark.sh [host:port]
set -u
source "$(dirname "$0")/checks.sh"

# run NAME EXPECTED-ROWS OPTIONS...: each row of the CSV is a test that ran to its end.
run() {
  local name=$1 rows=$2 output
  shift 2
  output=$(timeout 120 redis-benchmark -h "$HOST" -p "$PORT" --csv "$@" 2>&1)
  check "$name: ends with code 0" "code $?" '^code 0$'
  check_not "$name: no warnings or errors" "$output" '[Ww]arning|WARN|[Ee]rror|ERR|failed'
  check "$name: rows" "rows $(grep -cE '^"[^"]+","[0-9.]+"' <<<"$output")" "^rows $rows\$"
}

cli flushall >/dev/null
cli config resetstat >/dev/null
run 'pipeline 1' 7 -t ping,set,get,incr,hset,mset -n 20000 -c 50 -r 10000
run 'pipeline 16' 7 -t ping,set,get,incr,hset,mset -n 100000 -c 50 -P 16 -r 100000
run 'pipeline 512' 2 -t set,get -n 200000 -c 20 -P 512 -r 100000 -d 100
run 'big values' 2 -t set,get -n 5000 -c 10 -d 100000
run 'threads' 2 -t set,get -n 50000 --threads 2 -r 1000
run 'RESP3' 2 -3 -t set,get -n 20000 -P 8
run 'a command of its own' 1 -n 20000 -P 10 mget key:1 key:2 key:3
run 'random keys' 1 -n 20000 -P 10 -r 1000 set key:__rand_int__ value ex 100
check 'keys were written' "$(cli dbsize)" '^[1-9][0-9]+$'
check_not 'no error was counted' "$(cli info errorstats)" 'errorstat_'
cli flushall >/dev/null
finish
