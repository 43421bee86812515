#!/usr/bin/env bash
# @upstash/redis, a client of Node.js that speaks REST, against a running server, which is emptied:
# tests/clients/upstash.sh [host:port] with the port of REST. MEMSTORE_TOKEN is the server's password, "secret" if it is not given.
set -eu
cd "$(dirname "$0")/upstash"
npm ci --no-audit --no-fund --loglevel=error >/dev/null
exec node suite.js "${1:-127.0.0.1:8080}"
