#!/usr/bin/env bash
# Stands where the suite looks for redis-server, for the units that start servers of their own: it is given a redis.conf and starts
# $SUITE_SERVER_CMD (with {port}) on the port in there, with the password in there, and says what the suite waits for.
set -u
[ -n "${SUITE_SERVER_CMD:-}" ] || exec redis-server "$@"
port=$(awk '$1 == "port" { print $2 }' "$1")
password=$(awk '$1 == "requirepass" { print $2 }' "$1" | tr -d '"')
(
  until redis-cli -p "$port" ping >/dev/null 2>&1; do sleep 0.05; done
  [ -z "$password" ] || redis-cli -p "$port" config set requirepass "$password" >/dev/null
  echo " PID: $$"
  echo "Ready to accept connections"
) &
eval "exec ${SUITE_SERVER_CMD//\{port\}/$port}"
