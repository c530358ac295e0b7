#!/usr/bin/env bash
# Installs what the tests need beyond Rust, Node 20 and Python 3.11. Does nothing where it is there.
#
#   tests/setup.sh           install
#   tests/setup.sh where     print the folder of the Python environment
#   tests/setup.sh debian X  print where the program or library X of an unpacked Debian package is
#
# Chromium is installed with apt-get (as root or through sudo). Prometheus, nginx and libfaketime are
# unpacked from their Debian packages into ~/.cache/inferscope/debian, so that no service is started on this machine.
set -euo pipefail
cd "$(dirname "$0")"

cache=$HOME/.cache/inferscope
python=${PYTHON:-python3}
venv=$cache/venv-$({ "$python" -V; cat requirements.txt; } | sha256sum | cut -c1-12)
unpacked=$cache/debian

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

apt_update_once() {
  [ -n "${apt_updated:-}" ] && return
  echo "--> apt-get update"
  as_root apt-get update -qq
  apt_updated=yes
}

install() {
  apt_update_once
  echo "--> apt-get install $1"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"
}

# unpack PACKAGE PROGRAM: the program, or the library, is then $unpacked/PROGRAM.
unpack() {
  local package=$1 program=$2
  if [ -x "$unpacked/$program" ]; then return; fi
  apt_update_once
  echo "--> unpacking $program from Debian's $package"
  local work
  work=$(mktemp -d)
  mkdir -p "$unpacked"
  # Everything happens in a folder that only this run knows: two runs at once do not meet.
  (cd "$work" && apt-get -o APT::Sandbox::User=root download -qq "$package" && dpkg-deb -x ./*.deb root)
  cp "$(find "$work/root/usr/bin" "$work/root/usr/sbin" "$work/root/usr/lib" -name "$program" -type f 2>/dev/null | head -1)" "$work/$program"
  chmod 755 "$work/$program"
  mv "$work/$program" "$unpacked/$program"
  rm -rf "$work"
}

install_python_packages() {
  mkdir -p "$cache"
  # Two runs at once: the second waits for the first.
  (
    flock 9
    if [ -e "$venv/complete" ]; then exit 0; fi
    echo "--> Python environment $venv (about a minute)"
    "$python" -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r requirements.txt
    "$venv/bin/pip" check
    touch "$venv/complete"
  ) 9>"$venv.lock"
}

case ${1:-install} in
  where) echo "$venv" ;;
  debian) echo "$unpacked/$2" ;;
  install)
    command -v chromium >/dev/null || install chromium
    # Debian's python3 comes without the module that puts pip into an environment.
    "$python" -c 'import ensurepip' 2>/dev/null || install python3-venv
    unpack prometheus prometheus
    unpack nginx nginx
    unpack libfaketime libfaketimeMT.so.1
    install_python_packages
    echo "--> ready: Python in $venv"
    ;;
  *) echo "usage: tests/setup.sh [where | debian PROGRAM]" >&2; exit 2 ;;
esac
