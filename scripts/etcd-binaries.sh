#!/bin/sh
# Unpacks the etcd of three Debian releases side by side, for tests that start each directory with the server of its minor:
# 3.3 (bullseye), 3.4 (bookworm), 3.5 (trixie). Nothing is installed. Prints one line per minor: `3.4 <directory of the binaries>`.
# They land below $RAFT_INSPECTOR_ETCD_CACHE (default: raft-inspector-etcd in the temporary directory) and are fetched once.
set -eu

cache=${RAFT_INSPECTOR_ETCD_CACHE:-${TMPDIR:-/tmp}/raft-inspector-etcd}

fetch() { # minor release
  target=$cache/$1
  [ -x "$target/usr/bin/etcd" ] && [ -x "$target/usr/bin/etcdctl" ] || "$(dirname "$0")/debian-unpack.sh" "$2" "$target" etcd-server etcd-client
  version=$("$target/usr/bin/etcd" --version | sed -n 's/^etcd Version: //p')
  case $version in
    "$1".*) echo "$1 $target/usr/bin" ;;
    *) echo "etcd of $1 was expected, $version came" >&2; exit 1 ;;
  esac
}

fetch 3.3 bullseye
fetch 3.4 bookworm
fetch 3.5 trixie
