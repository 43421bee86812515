# shellcheck shell=bash
# Sourced by the client suites: counts checks and prints "N passed, N failed" at the end.

ENDPOINT=${1:-127.0.0.1:6379}
HOST=${ENDPOINT%:*}
PORT=${ENDPOINT##*:}
PASSED=0
FAILED=0

cli() { timeout 60 redis-cli -h "$HOST" -p "$PORT" "$@"; }

# check NAME TEXT PATTERN: passes when the text matches the extended regular expression.
check() {
  if grep -qE -- "$3" <<<"$2"; then
    PASSED=$((PASSED + 1))
  else
    FAILED=$((FAILED + 1))
    printf 'failed: %s\n  wanted: %s\n  got: %s\n' "$1" "$3" "$(tail -c 600 <<<"$2")"
  fi
}

# check_not NAME TEXT PATTERN: passes when it does not.
check_not() {
  if grep -qE -- "$3" <<<"$2"; then
    FAILED=$((FAILED + 1))
    printf 'failed: %s\n  not wanted: %s\n' "$1" "$(grep -E -- "$3" <<<"$2" | head -5)"
  else
    PASSED=$((PASSED + 1))
  fi
}

finish() {
  echo "$PASSED passed, $FAILED failed"
  [ "$FAILED" = 0 ]
  exit
}
