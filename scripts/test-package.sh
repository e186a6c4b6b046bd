#!/usr/bin/env bash
# test-package.sh SUITE...: builds the packages and tests them on Debians of these suites that boot with systemd, on what looks
# like an instance of EC2. As root on Debian or Ubuntu it installs what it needs; where it cannot run, it fails.
# RUN=REGEXP runs only the tests of that name. KEEP_PACKAGES=1 takes the packages that were built the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { echo "usage: scripts/test-package.sh SUITE... (bullseye, bookworm, trixie)" >&2; exit 2; }
fail() { printf '\nNOT RUN: make test-package: %s\n' "$*" >&2; exit 1; }

[ "$(uname)" = Linux ] || fail "it boots Linux hosts, and this is $(uname)"
[ "$(id -u)" = 0 ] || fail "it needs root, for it boots hosts with mounts and networks of their own (sudo make test-package)"
missing=()
needs() { command -v "$1" >/dev/null || missing+=("$2"); } # PROGRAM PACKAGE
needs systemd-nspawn systemd-container
needs debootstrap debootstrap
needs ip iproute2
needs nsenter util-linux
needs mkfs.ext4 e2fsprogs
needs apt-ftparchive apt-utils
needs dpkg-deb dpkg
needs gpg gnupg
needs go golang
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || fail "${missing[*]} are missing, and there is no apt-get to install them with"
  echo "installing ${missing[*]} (for tests alone)"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || fail "${missing[*]} could not be installed"
fi

made=$PWD/bin/packages
work=$(mktemp -d /var/tmp/nephoscope-packages-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p .trees

# The packages, and those of a version to upgrade to: each with a repository, which a key signs that is thrown away.
if [ -z "${KEEP_PACKAGES:-}" ] || [ ! -d "$made" ]; then
  rm -rf "$made" && mkdir -p "$made/now" "$made/newer" && mkdir -m 700 "$work/gpg"
  version=$(packaging/version.sh)
  export ARCHES FORMATS=deb GNUPGHOME=$work/gpg SIGN_KEY=test@nephoscope.invalid
  ARCHES=$(dpkg --print-architecture)
  gpg --batch --quiet --passphrase '' --quick-generate-key "$SIGN_KEY" ed25519 sign 1d
  DIST=$made/now VERSION=$version packaging/apt-repo.sh >/dev/null
  DIST=$made/newer VERSION=$version+newer packaging/apt-repo.sh >/dev/null
  gpgconf --kill all
fi

# AWS's metadata service for tests, as the tests of internal/awsapi pin it.
(cd internal/awsapi/testdata/aemm && GOFLAGS= GOWORK=off CGO_ENABLED=0 go build -o "$work/aemm" github.com/aws/amazon-ec2-metadata-mock/cmd)

# web SUITE TREE DIR: what `apt-get install apache2` needs in that tree, as an apt repository in DIR. The host's apt fetches it.
web() {
  local dir=$3 apt=(-qq -o Dir="$2" -o Dir::State::status="$2/var/lib/dpkg/status" -o Dir::Bin::methods=/usr/lib/apt/methods
    -o Dir::Cache="$work/apt" -o Dir::Cache::archives="$work/debs" -o APT::Sandbox::User=root -o Acquire::Languages=none -o APT::Install-Recommends=true)
  [ ! -e "$dir/Packages" ] || return 0
  rm -rf "$work/debs" && mkdir -p "$work/apt" "$work/debs/partial"
  apt-get "${apt[@]}" update
  apt-get "${apt[@]}" install -y --download-only apache2 >/dev/null
  rm -rf "$dir.part" && mkdir "$dir.part"
  cp "$work"/debs/*.deb "$dir.part"
  (cd "$dir.part" && apt-ftparchive packages . >Packages && apt-ftparchive release . >Release)
  mv "$dir.part" "$dir"
}

figures=$work/figures
failed=()
for suite in "$@"; do
  tar=$(scripts/tree.sh "$suite")
  tree=$work/$suite
  mkdir "$tree"
  tar -C "$tree" -xf "$tar"
  (flock 9; web "$suite" "$tree" "${tar%.tar}.apache2") 9>"${tar%.tar}.apache2.lock"
  cp -r "${tar%.tar}.apache2" "$tree/srv/web"
  rm -rf "$tree"/var/lib/apt/lists/* "$tree"/etc/apt/sources.list.d/*
  echo "deb [trusted=yes] file:/srv/web ./" >"$tree/etc/apt/sources.list"
  chroot "$tree" apt-get -qq update
  echo "== $suite"
  NEPHOSCOPE_TEST_SUITE=$suite NEPHOSCOPE_TEST_PACKAGES=$made/now NEPHOSCOPE_TEST_NEWER=$made/newer \
    NEPHOSCOPE_TEST_TREE=$tree NEPHOSCOPE_TEST_IMDS=$work/aemm NEPHOSCOPE_TEST_FIGURES=$figures \
    go test -tags packages -count=1 -timeout 20m -parallel 4 ${RUN:+-run "$RUN"} ${VERBOSE:+-v} ./packaging/packagetest || failed+=("$suite")
  rm -rf "$tree"
done
[ ! -e "$figures" ] || cat "$figures"
[ ${#failed[@]} -eq 0 ] || { echo "failed on ${failed[*]}" >&2; exit 1; }
