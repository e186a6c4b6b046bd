#!/usr/bin/env bash
# tree.sh SUITE [PACKAGE ...]: prints the path of a tar archive of a Debian tree with systemd, made from the mirror that this
# machine's apt uses (a minute) and kept in .trees under the name of what is in it. Needs root and debootstrap.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=$1; shift
packages=(systemd systemd-sysv dbus libpam-systemd iproute2 procps ca-certificates curl logrotate sudo "$@")
wanted=$(printf '%s\n' "$suite" "${packages[@]}" | sort -u | sha256sum | cut -c1-12)
tar=$PWD/.trees/$suite-$wanted.tar
if [ ! -e "$tar" ]; then
  mirror=$(cat /dev/null $(ls /etc/apt/sources.list.d/*.{sources,list} /etc/apt/sources.list 2>/dev/null || true) | sed -nE 's/^(URIs: *|deb +(\[[^]]*\] +)?)(https?:[^ ]+).*/\3/p' | sed 1q)
  [ -n "$mirror" ] || { echo "tree.sh: apt on this machine has no mirror" >&2; exit 1; }
  mkdir -p .trees
  exec 9>".trees/$suite-$wanted.lock"
  flock 9 # two who want the same tree make it once
  if [ ! -e "$tar" ]; then
    work=$(mktemp -d .trees/making-XXXXXX)
    trap 'rm -rf "$work" "$tar.part"' EXIT
    list=$(IFS=,; echo "${packages[*]}")
    debootstrap --variant=minbase --include="$list" "$suite" "$work/tree" "$mirror" >"$work/log" 2>&1 || { tail -5 "$work/log" >&2; exit 1; }
    rm -f "$work/tree/usr/sbin/policy-rc.d"
    tar -C "$work/tree" -cf "$tar.part" .
    mv "$tar.part" "$tar"
  fi
fi
echo "$tar"
