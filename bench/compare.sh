#!/usr/bin/env bash
# Compares Memstore with redis-server and garnet-server on this machine and writes the figures into bench/RESULTS.md.
#   bench/compare.sh [--servers redis,garnet,memstore] [--subject memstore] [--rounds 7] [--seconds 1] [--warm 5] [--keys 1000000]
#                    [--workloads get,set,incr,mget,mset,multi,mixed] [--pipelines 1,16,64,512] [--memory] [--load | --no-load]
#                    [--section compare] [--results FILE] [--no-record] [-- extra arguments of memstore serve, such as --transport uring]
# --memory also measures resident bytes per key on freshly started servers (and --no-load measures nothing else).
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/servers.sh

servers=redis,garnet,memstore subject=memstore section=compare results=bench/RESULTS.md
load_wanted=1 memory_wanted=0 record_wanted=1
options=() extra=()
while [ $# -gt 0 ]; do
  case $1 in
    --servers) servers=$2; shift 2 ;;
    --section) section=$2; shift 2 ;;
    --results) results=$2; shift 2 ;;
    --subject) subject=$2; shift 2 ;;
    --rounds | --seconds | --warm | --keys | --workloads | --pipelines) options+=("$1" "$2"); shift 2 ;;
    --memory) memory_wanted=1; shift ;;
    --no-load) load_wanted=0; shift ;;
    --no-record) record_wanted=0; shift ;;
    --) shift; extra=("$@"); break ;;
    *) sed -n '2,6s/^# //p' "$0"; exit 2 ;;
  esac
done

load=bench/Memstore.Load/bin/Release/net10.0/Memstore.Load.dll
garnet=$ARTIFACTS/garnet/garnet-server

prepare() {
  dotnet build bench/Memstore.Load -c Release -v q -nologo --disable-build-servers >"$ARTIFACTS/logs/build-load.log" || return 1
  case ,$servers, in *,memstore,*)
    dotnet build src/Memstore.Server -c Release -v q -nologo --disable-build-servers >"$ARTIFACTS/logs/build-server.log" || return 1 ;;
  esac
  case ,$servers, in *,redis,*)
    command -v redis-server >/dev/null || { apt-get update -qq && apt-get install -y -qq redis-server; } >/dev/null || true ;;
  esac
  case ,$servers, in *,garnet,*)
    [ -x "$garnet" ] || dotnet tool install garnet-server --tool-path "$(dirname "$garnet")" --version '2.*' >/dev/null || true ;;
  esac
}

# start NAME PORT: false when the server is not to be had here.
start() {
  case $1 in
    redis) command -v redis-server >/dev/null && start_redis "$2" ;;
    garnet) [ -x "$garnet" ] && start_server garnet "$2" "$garnet" --port "$2" --bind 127.0.0.1 ;;
    memstore) start_memstore "$2" "${extra[@]}" ;;
    *) return 1 ;;
  esac
}

version() {
  case $1 in
    redis) redis-server --version | sed 's/.*v=\([^ ]*\).*/redis-server \1/' ;;
    garnet) dotnet tool list --tool-path "$(dirname "$garnet")" | awk '/garnet/ { print $1, $2 }' ;;
    memstore) echo "memstore at $(git rev-parse --short HEAD)$(git diff --quiet HEAD || echo ' with changes')${extra[*]:+ (${extra[*]})}" ;;
  esac
}

heading() {
  echo "## $1"
  echo
  echo "$(date -u '+%Y-%m-%d %H:%M UTC'), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) cores, Linux $(uname -r)."
  echo "Servers: $2. Load average at the start: $(cut -d' ' -f1-3 /proc/loadavg)."
  echo
}

# record SECTION FILE: shows it, and keeps it unless told otherwise.
record() {
  cat "$2"
  [ "$record_wanted" = 0 ] || dotnet "$load" record --file "$results" --section "$1" <"$2"
}

prepare || { tail -5 "$ARTIFACTS"/logs/build-*.log; exit 1; }
status=0

if [ "$load_wanted" = 1 ]; then
  named=() versions='' missing=''
  for server in ${servers//,/ }; do
    port=$(free_port)
    if start "$server" "$port"; then
      named+=(--server "$server=$port:$SERVER_PID")
      versions+="${versions:+, }$(version "$server")"
    else
      missing+=" $server"
    fi
  done
  page=$ARTIFACTS/compare.md
  heading "Load, compared" "$versions${missing:+; not measured, because not to be had:$missing}" >"$page"
  dotnet "$load" compare "${named[@]}" --subject "$subject" "${options[@]}" >>"$page" || status=1
  stop_servers
  record "$section" "$page"
fi

if [ "$memory_wanted" = 1 ]; then
  page=$ARTIFACTS/memory.md
  heading "Resident memory per key (16-byte keys, 32-byte values)" "$servers, each started afresh" >"$page"
  for server in ${servers//,/ }; do
    port=$(free_port)
    start "$server" "$port" || continue
    printf '%s:\n\n```\n' "$(version "$server")" >>"$page"
    dotnet "$load" memory --port "$port" --pid "$SERVER_PID" --delete 80 >>"$page" || status=1
    printf '```\n\n' >>"$page"
    stop_servers
  done
  record "$section-memory" "$page"
fi
exit $status
