#!/usr/bin/env bash
# Runs the whole test set, or the steps named: tests/run.sh [setup web-check tidy fmt clippy cargo-test build browser pytest]
#
# Every step says what it is and how long it took; its output is kept in test-results/logs. All steps
# run, whatever fails before them, save those that cannot; the exit code says whether all passed.
set -uo pipefail
cd "$(dirname "$0")/.."

logs=test-results/logs
mkdir -p "$logs"
steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(setup web-check tidy fmt clippy cargo-test build browser pytest)
venv() { tests/setup.sh where; }
failed=()
times=()

# Steps -----------------------------------------------------------------------------------------

setup() { tests/setup.sh && make web/dist/index.html; }
web-check() { (cd web && npm run check); }
tidy() { cargo xtask tidy; }
fmt() { cargo fmt --all --check; }
clippy() { cargo clippy --locked --workspace --all-targets -- -D warnings; }
cargo-test() { cargo test --locked --workspace; }
build() { cargo build --locked --workspace --bin inferscope; }
browser() { (cd tests/browser && node --test --test-concurrency=2 --test-reporter=spec); }
pytest() { "$(venv)/bin/python" -m pytest tests/e2e -n "${TEST_WORKERS:-auto}"; }

about() {
  case $1 in
    setup) echo "packages of Debian, PyPI and npm, and the web pages (first time: minutes)" ;;
    web-check) echo "types, lint and unit tests of web/" ;;
    tidy) echo "floors, names and lengths" ;;
    fmt) echo "formatting" ;;
    clippy) echo "lints (first time: 10 minutes and more on 2 cores)" ;;
    cargo-test) echo "unit and property tests (first time: 15 minutes and more on 2 cores)" ;;
    build) echo "the binary that the tests below start" ;;
    browser) echo "pages in Chromium against the real binary" ;;
    pytest) echo "end to end against the real binary" ;;
    *) echo "unknown step; known are setup web-check tidy fmt clippy cargo-test build browser pytest" && return 1 ;;
  esac
}

# Runner ----------------------------------------------------------------------------------------

run() {
  local step=$1 number=$2 start=$SECONDS verdict=passed
  echo
  echo "==> [$number/${#steps[@]}] $step: $(about "$step")"
  if ! "$step" 2>&1 | tee "$logs/$step.log"; then
    verdict=FAILED
    failed+=("$step")
  fi
  times+=("$(printf '%-10s %5d s  %s' "$step" $((SECONDS - start)) "$verdict")")
  [ "$verdict" = passed ] || [ "$step" != setup ]
}

report() {
  echo
  echo "==> times"
  printf '    %s\n' "${times[@]}"
}

for index in "${!steps[@]}"; do
  # pytest closes the run with its own last line.
  if [ "${steps[$index]}" = pytest ] && [ "$((index + 1))" = ${#steps[@]} ] && [ ${#times[@]} -gt 0 ]; then report; fi
  run "${steps[$index]}" $((index + 1)) || break
done

if [ "${#failed[@]}" -gt 0 ]; then
  report
  echo "==> failed: ${failed[*]}"
  exit 1
fi
