# shellcheck shell=bash
# Sourced: one line for each check, `ok` or `broken`.

# promise WHAT COMMAND…
promise() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "  ok: $what"
  else
    echo "  broken: $what: ${output//$'\n'/ / }"
  fi
}

# Runs COMMAND… and shows what it prints. It has to match every line of PATTERNS (grep -E).
# promise_output WHAT PATTERNS COMMAND…
promise_output() {
  local what=$1 patterns=$2 output status=0 pattern
  shift 2
  output=$("$@" 2>&1) || status=$?
  printf '%s\n' "$output" | cut -c1-160 | sed 's/^/    | /'
  while IFS= read -r pattern; do
    if ! grep -qE -- "$pattern" <<<"$output"; then
      echo "  broken: $what: status $status, no line like: $pattern"
      return
    fi
  done <<<"$patterns"
  echo "  ok: $what"
}
