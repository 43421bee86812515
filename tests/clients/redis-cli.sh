#!/usr/bin/env bash
# redis-cli in its modes against a running server, which is emptied: tests/clients/redis-cli.sh [host:port]
set -u
source "$(dirname "$0")/checks.sh"

# On a terminal redis-cli asks for COMMAND DOCS and shows hints.
terminal() { timeout 90 python3 "$(dirname "$0")/terminal.py" "$@"; }
typed() { terminal "$@" quit -- redis-cli -h "$HOST" -p "$PORT"; }

cli flushall >/dev/null

check 'one command' "$(cli set greeting hello)" '^OK$'
check 'one reply' "$(cli get greeting)" '^hello$'
check 'an error is printed and seen in the exit code' "$(cli -e get 2>&1; echo "code $?")" 'wrong number of arguments for .get. command'
check 'an error ends with code 1' "$(cli -e get 2>&1; echo "code $?")" 'code 1'
check 'a value from standard input' "$(printf 'a b' | cli -x set stdin; cli get stdin)" '^a b$'
check 'commands from standard input' "$(printf 'incr n\nincr n\nget n\n' | cli | tr '\n' ' ')" '^1 2 2 $'
check 'repeated' "$(cli -r 3 incr repeated | tr '\n' ' ')" '^1 2 3 $'
check 'another database' "$(cli -n 3 set elsewhere 1; cli -n 3 dbsize; cli -n 3 flushdb)" '^1$'
check 'RESP3 (-3)' "$(cli -3 hello | tr '\n' ' ')" 'proto( |#)*3'
check 'a map in RESP3' "$(cli hset h f1 v1 f2 v2 >/dev/null; cli --no-raw -3 hgetall h | tr '\n' ' ')" '1# "f1" => "v1" 2# "f2" => "v2"'
check 'CSV' "$(cli --csv mget greeting n)" '^"hello","2"$'
check 'JSON' "$(cli --json hgetall h)" '"f1": *"v1"'
check 'binary output is quoted' "$(cli set binary "$(printf 'x\001y')" >/dev/null; cli --no-raw get binary)" '^"x\\x01y"$'

typed=$(typed 'set shown 1' 'get shown')
check 'interactive: prompt and reply' "$typed" '"1"'
typed=$(typed 'help get' 'help @string' 'help hset')
check 'interactive: help of a command' "$typed" 'summary: .{10,}'
check 'interactive: help has the version' "$typed" 'since: 1\.0\.0'
check 'interactive: help of a group' "$typed" 'INCRBYFLOAT'
check 'interactive: help shows the arguments' "$typed" 'GET key'
typed=$(typed 'getrange ...' 'a 0 1')
check 'interactive: hint of arguments' "$typed" 'key start end'
typed=$(typed multi 'set in-multi 1' exec)
check 'interactive: prompt of a transaction' "$typed" '\(TX\)>'

cli flushall >/dev/null
for i in $(seq 1000); do echo "SET key:$i value:$i"; done | cli >/dev/null
cli hset big $(seq 200) >/dev/null
check '--scan finds each key once' "$(cli --scan | sort -u | wc -l)" '^1001$'
check '--scan --pattern' "$(cli --scan --pattern 'key:99?' | sort | tr '\n' ' ')" '^key:990 key:991 .*key:999 $'
keys=$(cli --bigkeys 2>&1)
check '--bigkeys counts strings' "$keys" '1000 strings with 8893 bytes'
check '--bigkeys finds the hash' "$keys" 'Biggest +hash found .*big.* has 100 fields'
check '--memkeys' "$(cli --memkeys 2>&1)" 'Biggest +string found .* has [0-9]+ bytes'
stat='^1001 +[0-9.]+[KMG]? +[0-9]+ +0 +[0-9]+'
check '--stat' "$(terminal --until "$stat" -- redis-cli -h "$HOST" -p "$PORT" --stat -i 1)" "$stat"
# Both end by themselves after a second, because their output is no terminal.
check '--latency' "$(timeout 60 redis-cli -h "$HOST" -p "$PORT" --latency --raw -i 1 2>&1 | head -1)" '^[0-9]+ [0-9]+ [0-9.]+ [0-9]+'
check '--latency-history' "$(timeout 60 redis-cli -h "$HOST" -p "$PORT" --latency-history --raw -i 1 2>&1 | head -1)" '^[0-9]+ [0-9]+ [0-9.]+ [0-9]+'

cli flushall >/dev/null
piped=$(awk 'BEGIN { for (i = 0; i < 100000; i++) { k = "pipe:" i; printf "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%d\r\n", length(k), k, length(i), i } }' | cli --pipe 2>&1)
check '--pipe: all replies' "$piped" 'errors: 0, replies: 100000'
check '--pipe: all keys' "$(cli dbsize)" '^100000$'
check '--pipe: an error is counted' "$(printf 'SET a\r\nSET b 1\r\n' | cli --pipe 2>&1)" 'errors: 1, replies: 2'

heard=$(mktemp)
timeout 60 redis-cli -h "$HOST" -p "$PORT" subscribe news >"$heard" &
listener=$!
until [ "$(cli publish news hello)" = 1 ] || ! kill -0 $listener; do sleep 0.1; done
until grep -q hello "$heard" || ! kill -0 $listener; do sleep 0.1; done
kill $listener 2>/dev/null
wait $listener 2>/dev/null
check 'subscribe prints messages' "$(tr '\n' ' ' <"$heard")" 'subscribe news 1 message news hello'
rm -f "$heard"
cli flushall >/dev/null
finish
