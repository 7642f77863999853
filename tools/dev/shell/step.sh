# step NAME COMMAND…: runs the command with its output in a log; shows a line while it lasts, its time at the end, and the
# end of the log when it fails.
step() {
  local name=$1 log pid started=$SECONDS status=0
  shift
  mkdir -p build
  log=$(mktemp build/step.XXXXXX)
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  trap 'kill "$pid" 2>/dev/null || true; rm -f "$log"' EXIT
  watch_step "$pid" "$name" "$log" "$started"
  wait "$pid" || status=$?
  trap - EXIT
  if [ "$status" = 0 ]; then
    printf '✓ %s %s s\n' "$name" "$((SECONDS - started))"
  else
    printf '✗ %s ended with exit code %s; its last lines:\n' "$name" "$status" >&2
    tail -n 20 "$log" >&2
  fi
  rm -f "$log"
  return "$status"
}

# A line at once, then every ten seconds the newest line of the log.
watch_step() {
  local pid=$1 name=$2 log=$3 started=$4 ticks=0
  printf '… %s\n' "$name"
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    ticks=$((ticks + 1))
    [ $((ticks % 50)) != 0 ] || printf '    %s s: %s\n' "$((SECONDS - started))" "$(newest_line "$log")"
  done
}

newest_line() {
  grep -v '^npm warn' "$1" | tail -n 1 | tr -d '\r' | cut -c 1-100 || true
}
