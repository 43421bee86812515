#!/usr/bin/env bash
# The page that shows the REST API of a running server, in Debian's Chromium: tests/console/reference.sh [host:port] with the port of REST.
# MEMSTORE_TOKEN is the server's password, "secret" if it is not given. Screenshots go to artifacts/reference.
set -eu
cd "$(dirname "$0")"
source ../servers.sh
source node.sh
node reference.js "$(command -v chromium)" "$ARTIFACTS/reference" "${1:-127.0.0.1:8080}"
