#!/usr/bin/env bash
# Builds the release binary and the bench tool, then measures: bench/run.sh [--quick]
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

nginx=$(tests/setup.sh debian nginx)
[ -x "$nginx" ] || tests/setup.sh

make --no-print-directory web/dist/index.html
echo "==> cargo build --release (the first time 20 minutes or more on 2 cores)"
cargo build --release --locked --workspace --bin inferscope --bin bench

echo "==> measuring (3 to 4 minutes; leave the machine alone meanwhile)"
exec "$target/release/bench" --inferscope "$target/release/inferscope" --nginx "$nginx" --dir "$target/bench" "$@"
