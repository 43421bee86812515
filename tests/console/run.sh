#!/usr/bin/env bash
# The console page in Debian's Chromium, under load: tests/console/run.sh. Screenshots go to artifacts/console.
set -eu
cd "$(dirname "$0")"
source ../servers.sh
source node.sh
read -ra ports <<<"$(free_ports 4)"
node suite.js "$(command -v chromium)" "${MEMSTORE_DLL}" "$ARTIFACTS/console" "${ports[@]}"
