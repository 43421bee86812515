#!/usr/bin/env bash
# ioredis, a client of Node.js, against a running server, which is emptied: tests/clients/ioredis.sh [host:port]
# Debian 12 has Node.js 18, but ioredis 6 wants 20: where there is no newer one, npm brings it.
set -eu
cd "$(dirname "$0")/ioredis"
local_node=$PWD/../../../artifacts/node
if [ -x "$local_node/node_modules/.bin/node" ]; then
  PATH=$local_node/node_modules/.bin:$PATH
elif [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
  npm install --prefix "$local_node" --no-audit --no-fund --loglevel=error node@22
  PATH=$local_node/node_modules/.bin:$PATH
fi
npm ci --no-audit --no-fund --loglevel=error >/dev/null
exec node suite.js "${1:-127.0.0.1:6379}"
