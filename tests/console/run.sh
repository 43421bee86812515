#!/usr/bin/env bash
# The console page in Debian's Chromium, under load: tests/console/run.sh. Screenshots go to artifacts/console.
set -eu
cd "$(dirname "$0")"
source ../servers.sh
# Playwright wants Node.js 20, Debian 12 has 18: npm brings a newer one, for ioredis too.
local_node=$ARTIFACTS/node
if [ -x "$local_node/node_modules/.bin/node" ]; then
  PATH=$local_node/node_modules/.bin:$PATH
elif [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
  npm install --prefix "$local_node" --no-audit --no-fund --loglevel=error node@22
  PATH=$local_node/node_modules/.bin:$PATH
fi
npm ci --no-audit --no-fund --loglevel=error >/dev/null
node suite.js "$(command -v chromium)" "${MEMSTORE_DLL}" "$ARTIFACTS/console" "$(free_port)" "$(free_port)" "$(free_port)" "$(free_port)"
