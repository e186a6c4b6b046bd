#!/usr/bin/env bash
# Builds the packages into dist: .deb, .rpm and .tar.gz of nephoscope and nephoscope-local, for amd64 and arm64. The same
# commit gives the same bytes, in any folder and at any time.
#   VERSION, SOURCE_DATE_EPOCH   of something that is not in git
#   ARCHES="amd64"               fewer of them
#   DIST=folder                  elsewhere
set -euo pipefail
cd "$(dirname "$0")/.."
repo=$PWD

fail() { echo "package: $1" >&2; exit 1; }
step() { printf '%s\n' "$*" >&2; }

version=${VERSION:-$(packaging/version.sh)}
[[ $version =~ ^[0-9][A-Za-z0-9.+~]*$ ]] || fail "$version is no version of a package: it begins with a digit and holds letters, digits and . + ~ alone"
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} || fail "when this was made is not known: set SOURCE_DATE_EPOCH"
read -ra arches <<<"${ARCHES:-amd64 arm64}"
mkdir -p "${DIST:=dist}"
dist=$(cd "$DIST" && pwd)

# Nothing of this machine, its user or the time goes into a package.
umask 022
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=$epoch PACKAGE_VERSION=$version CGO_ENABLED=0 GOFLAGS= GOOS=linux GOAMD64=v1 GOARM64=v8.0

work=$(mktemp -d "$dist/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT

nfpm=$(GOOS='' go tool -modfile=packaging/tools/go.mod -n nfpm)
[ -x "$nfpm" ] || GOOS='' go tool -modfile=packaging/tools/go.mod nfpm --version >/dev/null

stage() { # ARCH: a folder with all that goes into the packages for it
  local to=$work/$1
  mkdir -p "$to/scripts"
  for program in nephoscope nephoscope-local; do
    GOARCH=$1 go build -trimpath -buildvcs=auto -ldflags "-s -w -X main.version=$version" -o "$to/$program" "./cmd/$program"
  done
  printf '%s\n' "$version" >"$to/CWAGENT_VERSION"
  install -m 644 packaging/etc/common-config.toml packaging/systemd/amazon-cloudwatch-agent.service packaging/etc/tmpfiles.conf docs/schema.json "$to"
  install -m 755 packaging/scripts/{preinst,postinst,prerm,postrm} "$to/scripts"
  find "$to" -exec touch -h -d "@$epoch" {} +
}

for arch in "${arches[@]}"; do
  step "building for $arch"
  stage "$arch"
  for name in nephoscope nephoscope-local; do
    for format in deb rpm; do
      step "packing ${name}_${version}_$arch.$format"
      (cd "$work/$arch" && ARCH=$arch "$nfpm" package --config "$repo/packaging/nfpm/$name.yaml" --packager $format --target "$dist/${name}_${version}_$arch.$format" >/dev/null)
    done
  done
done
ls -l "$dist"
