#!/bin/sh
# Unpacks packages of one Debian release below a directory: debian-unpack.sh <release> <directory> <package>...
# Nothing is installed: apt works on lists of its own, checks the signatures with Debian's keyring, and `dpkg-deb -x` unpacks. The
# directory appears whole or not at all.
set -eu

release=$1
target=$2
shift 2
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# The machine's own mirror carries the other releases as well.
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)}
if [ -z "$mirror" ]; then
  echo 'no mirror of Debian in the sources of apt: name one in DEBIAN_MIRROR' >&2
  exit 1
fi
arch=$(dpkg --print-architecture)
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/etc" "$work/root"
: > "$work/state/status"
echo "deb [arch=$arch signed-by=$keyring] $mirror $release main" > "$work/etc/sources.list"

own_apt() {
  apt-get -qq -o "Dir::State=$work/state" -o "Dir::State::status=$work/state/status" -o "Dir::Cache=$work/cache" \
    -o "Dir::Etc::sourcelist=$work/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o APT::Sandbox::User=root -o Acquire::Languages=none "$@" >&2
}

own_apt update
(cd "$work" && own_apt download "$@")
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
rm -rf "$target"
mv "$work/root" "$target"
