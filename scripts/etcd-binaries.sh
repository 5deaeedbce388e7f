#!/bin/sh
# Unpacks the etcd of three Debian releases side by side, for tests that start each directory with the server of its minor:
# 3.3 (bullseye), 3.4 (bookworm), 3.5 (trixie). Nothing is installed: apt works on lists of its own, checks the signatures with
# Debian's keyring, and `dpkg-deb -x` unpacks below $RAFT_INSPECTOR_ETCD_CACHE (default: raft-inspector-etcd in the temporary
# directory). Prints one line per minor: `3.4 <directory of the binaries>`. What is there already is not fetched again.
set -eu

cache=${RAFT_INSPECTOR_ETCD_CACHE:-${TMPDIR:-/tmp}/raft-inspector-etcd}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
arch=$(dpkg --print-architecture)
mkdir -p "$cache"

fetch() { # minor release
  target=$cache/$1
  if [ ! -x "$target/usr/bin/etcd" ] || [ ! -x "$target/usr/bin/etcdctl" ]; then
    work=$(mktemp -d "$cache/$1.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/etc" "$work/root"
    : > "$work/state/status"
    echo "deb [arch=$arch signed-by=$keyring] $mirror $2 main" > "$work/etc/sources.list"
    set -- "$1" "$2" -o "Dir::State=$work/state" -o "Dir::State::status=$work/state/status" -o "Dir::Cache=$work/cache" \
      -o "Dir::Etc::sourcelist=$work/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
      -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
    minor=$1
    shift 2
    apt-get -qq "$@" update >&2
    (cd "$work" && apt-get -qq "$@" download etcd-server etcd-client >&2)
    for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
    version=$("$work/root/usr/bin/etcd" --version | sed -n 's/^etcd Version: //p')
    case $version in
      "$minor".*) ;;
      *) echo "etcd of $minor was expected, $version came" >&2; exit 1 ;;
    esac
    rm -rf "$target"
    mv "$work/root" "$target"
    rm -rf "$work"
    trap - EXIT
  fi
  echo "${target##*/} $target/usr/bin"
}

fetch 3.3 bullseye
fetch 3.4 bookworm
fetch 3.5 trixie
