#!/usr/bin/env bash
# Installs the peers that stand beside Inferscope in `make bench`. Does nothing where they are there.
#
#   bench/setup.sh          install
#   bench/setup.sh where    print the folder of the Python environment
set -euo pipefail
cd "$(dirname "$0")"

python=${PYTHON:-python3}
venv=$HOME/.cache/inferscope/bench-$({ "$python" -V; cat requirements.txt constraints.txt; } | sha256sum | cut -c1-12)

case ${1:-install} in
  where) echo "$venv" ;;
  install)
    ../tests/setup.sh
    if [ -e "$venv/complete" ]; then exit 0; fi
    echo "--> Python environment $venv with chDB, DuckDB and Phoenix (1.5 GB, a few minutes)"
    "$python" -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
    touch "$venv/complete"
    ;;
  *) echo "usage: bench/setup.sh [where]" >&2; exit 2 ;;
esac
