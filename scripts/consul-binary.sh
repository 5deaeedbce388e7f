#!/bin/sh
# Unpacks the Consul of Debian 11, for the test that starts a recovered directory with it; nothing is installed. Prints the path of the
# binary. It lands below $RAFT_INSPECTOR_CONSUL_CACHE (default: raft-inspector-consul in the temporary directory) and is fetched once.
set -eu

target=${RAFT_INSPECTOR_CONSUL_CACHE:-${TMPDIR:-/tmp}/raft-inspector-consul}
binary=$target/usr/bin/consul
[ -x "$binary" ] || "$(dirname "$0")/debian-unpack.sh" bullseye "$target" consul
case $("$binary" version) in
  'Consul v1.8.'* | 'Consul 1.8.'*) ;;
  *) echo "Consul 1.8 was expected, another version came" >&2; exit 1 ;;
esac
echo "$binary"
