#!/usr/bin/env bash
# Types what README says, in a fresh clone: the first block starts the server, and the block of a redis-cli session must answer as it is printed.
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
# block N: the text of README's Nth block without a language.
block() { awk -v wanted="$1" '/^```/ { inside = !inside; if (inside && $0 == "```") number++; plain = inside && $0 == "```"; next } inside && plain && number == wanted' README.md; }

start=$(block 1)
echo "typed: $start"
bash -c "exec $start" >"$README_WORK/server.log" 2>&1 &
server=$!
trap 'kill -TERM $server 2>/dev/null; wait $server' EXIT
for _ in $(seq 300); do redis-cli ping >/dev/null 2>&1 && break; sleep 0.1; done
block 2 | grep '^127.0.0.1:6379> ' | sed 's/^127.0.0.1:6379> //' >"$README_WORK/typed"
block 2 | grep -v '^127.0.0.1:6379> \|^\$ ' >"$README_WORK/expected"
redis-cli --no-raw <"$README_WORK/typed" >"$README_WORK/answers" || { cat "$README_WORK/server.log"; exit 1; }
diff "$README_WORK/expected" "$README_WORK/answers"
[ -s "$README_WORK/expected" ]
