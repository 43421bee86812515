#!/usr/bin/env bash
# The OpenAPI document of a running server, which is changed, and a client that is generated from it:
# tests/clients/openapi.sh [host:port] with the port of REST. MEMSTORE_TOKEN is the server's password, "secret" if it is not given.
set -eu
cd "$(dirname "$0")/openapi"
npm ci --no-audit --no-fund --loglevel=error >/dev/null
exec node check.js "${1:-127.0.0.1:8080}"
