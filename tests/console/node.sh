# shellcheck shell=bash
# Sourced by the suites in Chromium, after servers.sh: a Node.js that Playwright takes, and its packages.

# Playwright wants Node.js 20, Debian 12 has 18: npm brings a newer one, for ioredis too.
local_node=$ARTIFACTS/node
if [ -x "$local_node/node_modules/.bin/node" ]; then
  PATH=$local_node/node_modules/.bin:$PATH
elif [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
  npm install --prefix "$local_node" --no-audit --no-fund --loglevel=error node@22
  PATH=$local_node/node_modules/.bin:$PATH
fi
npm ci --no-audit --no-fund --loglevel=error >/dev/null
