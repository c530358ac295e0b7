#!/usr/bin/env bash
# Builds the release binary and the bench tool, then measures: bench/run.sh [--quick] [--only PART,…] [--spans COUNT]
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

bench/setup.sh

make --no-print-directory web/dist/index.html
echo "==> cargo build --release (the first time 20 minutes or more on 2 cores)"
cargo build --release --locked --workspace --bin inferscope --bin bench

echo "==> measuring (about 12 minutes; leave the machine alone meanwhile)"
exec "$target/release/bench" --inferscope "$target/release/inferscope" --nginx "$(tests/setup.sh debian nginx)" \
  --python "$(bench/setup.sh where)/bin/python" --dir "$target/bench" "$@"
