#!/usr/bin/env bash
# The console page in Debian's Chromium, under load: tests/console/run.sh. Screenshots go to artifacts/console.
set -eu
cd "$(dirname "$0")"
source ../servers.sh
source node.sh
node suite.js "$(command -v chromium)" "${MEMSTORE_DLL}" "$ARTIFACTS/console" "$(free_port)" "$(free_port)" "$(free_port)" "$(free_port)"
