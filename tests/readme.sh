#!/usr/bin/env bash
# Types what README says, in a fresh clone: the first block starts the server; then sessions of redis-cli, and blocks of shell lines that begin
# with $, must answer what is printed below each line.
# In a network of its own where the kernel allows it, because README names ports that somebody may use.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${README_WORK:-}" ]; then
  export README_WORK
  README_WORK=$(mktemp -d)
  trap 'rm -rf "$README_WORK"' EXIT
  git clone -q . "$README_WORK/clone"
  cp README.md "$README_WORK/clone/"
  (cd "$README_WORK/clone" && dotnet build src/Memstore.Server -c Release -nologo -v q)
  if unshare -rn true 2>/dev/null; then
    unshare -rn bash -c 'ip link set lo up 2>/dev/null || python3 -c "$0"; exec "$1"' \
      'import fcntl,socket,struct; s=socket.socket(); fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x41))' "$PWD/tests/readme.sh"
  else
    tests/readme.sh
  fi
  exit
fi

cd "$README_WORK/clone"
# blocks DIRECTORY: writes README's blocks without a language to files 1, 2, ...
blocks() {
  mkdir -p "$1"
  awk -v to="$1" '/^```/ { inside = !inside; plain = inside && $0 == "```"; if (plain) number++; next } plain { print > (to "/" number) }' README.md
}

# session FILE: what is typed at redis-cli's prompt, in one connection, answers what is printed below it.
session() {
  grep '^127.0.0.1:6379> ' "$1" | sed 's/^127.0.0.1:6379> //' >"$1.typed"
  grep -v '^127.0.0.1:6379> \|^\$ ' "$1" >"$1.expected"
  redis-cli --no-raw <"$1.typed" | diff "$1.expected" -
}

# commands FILE: so does each line of a shell.
commands() {
  local line typed=''
  : >"$1.expected"
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      '$ '*) [ -z "$typed" ] || answers "$typed" "$1.expected" || return 1; typed=${line#??}; : >"$1.expected" ;;
      *) echo "$line" >>"$1.expected" ;;
    esac
  done <"$1"
  answers "$typed" "$1.expected"
}

# answers COMMAND FILE: a line end too few or too many at the end does not count.
answers() { diff <(echo "$(<"$2")") <(echo "$(bash -c "$1")"); }

check() {
  if "$@"; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)); echo "failed: $(head -1 "$2")"; fi
}

PASSED=0
FAILED=0
BLOCKS=$README_WORK/blocks
blocks "$BLOCKS"
echo "typed: $(cat "$BLOCKS/1")"
bash -c "exec $(cat "$BLOCKS/1")" >"$README_WORK/server.log" 2>&1 &
server=$!
trap 'kill -TERM $server 2>/dev/null; wait $server' EXIT
# RESP is served before REST.
until { [ "$(redis-cli ping)" = PONG ] && (: </dev/tcp/127.0.0.1/8080); } 2>/dev/null || ! kill -0 $server 2>/dev/null; do sleep 0.1; done
for file in "$BLOCKS"/*; do
  case $(head -1 "$file") in
    '$ redis-cli') check session "$file" ;;
    '$ '*) check commands "$file" ;;
  esac
done
[ $FAILED = 0 ] || cat "$README_WORK/server.log"
echo "$PASSED passed, $FAILED failed"
[ $FAILED = 0 ] && [ $PASSED -gt 0 ]
