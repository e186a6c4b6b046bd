#!/usr/bin/env bash
# test-package-newer.sh FROM TO: the .debs of FROM again, with a higher version, in TO.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for deb in "$1"/*.deb; do
  rm -rf "$work/deb"
  dpkg-deb -R "$deb" "$work/deb"
  sed -i -E 's/^(Version: .*)$/\1+newer/' "$work/deb/DEBIAN/control"
  name=$(dpkg-deb -f "$deb" Package) arch=$(dpkg-deb -f "$deb" Architecture) version=$(dpkg-deb -f "$deb" Version)
  dpkg-deb --root-owner-group -Znone -b "$work/deb" "$2/${name}_${version}+newer_$arch.deb" >/dev/null
done
