#!/usr/bin/env bash
# Builds the packages of this commit in two clones, in other folders, with another home, mask, language and time zone, and the
# second one with nothing in Go's cache, and compares every byte. What is not committed does not count.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { echo "reproduce: $1" >&2; exit 1; }

commit=$(git rev-parse HEAD) || fail "this is not a git repository"
git diff-index --quiet HEAD -- || echo "reproduce: what is not committed is not looked at" >&2
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM # which leaves nothing behind either

clone() { # FOLDER
  git clone --quiet --no-hardlinks . "$1"
  git -C "$1" -c advice.detachedHead=false checkout --quiet "$commit"
}
clone "$work/first"
clone "$work/second/in a folder"
echo "building the first time" >&2
(umask 022; cd "$work/first"; SIGN_KEY='' packaging/package.sh >/dev/null)
echo "building the second time" >&2
modules=$(go env GOMODCACHE) # not fetched a second time
mkdir "$work/home"
(umask 077; export HOME=$work/home TZ=Asia/Kathmandu LANG=C.UTF-8 GOCACHE=$work/cache GOMODCACHE=$modules; cd "$work/second/in a folder"; SIGN_KEY='' packaging/package.sh >/dev/null)
diff "$work/first/dist/SHA256SUMS" "$work/second/in a folder/dist/SHA256SUMS" || fail "the packages differ: see above"
echo "the same, byte for byte:"
cat "$work/first/dist/SHA256SUMS"
