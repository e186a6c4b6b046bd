#!/usr/bin/env bash
# The fast checks. $1 is the staticcheck command.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '%-12s' "$1"; shift; "$@" && echo ok; }

formatted() {
  local bad
  bad=$(gofmt -l $(git ls-files --cached --others --exclude-standard '*.go'))
  [ -z "$bad" ] || { printf 'gofmt would change:\n%s\n' "$bad"; return 1; }
}
# What makes packages is a module of its own, and pages of the manual are written behind a build tag.
vetted() {
  for os in linux darwin windows; do GOOS=$os go vet ./... || return 1; done
  go vet -tags man ./cmd/... && go vet -tags packages,vm ./packaging/... && go -C packaging/tools vet ./...
}
# Compiled for every system that there are binaries for; linked once for each that is not this one, which finds missing symbols.
crossed() {
  local out target
  out=$(mktemp -d)
  for target in linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do
    GOOS=${target%/*} GOARCH=${target#*/} CGO_ENABLED=0 go build ./cmd/nephoscope ./cmd/nephoscope-local ./cmd/nephoscope-prometheus || { rm -rf "$out"; return 1; }
  done
  for target in darwin/arm64 windows/amd64; do
    GOOS=${target%/*} GOARCH=${target#*/} CGO_ENABLED=0 go build -o "$out/" ./cmd/nephoscope || { rm -rf "$out"; return 1; }
  done
  rm -rf "$out"
}
inside() { (cd "$1" && shift && "$@"); }
tidy() { go mod tidy -diff && go -C packaging/tools mod tidy -diff; }
imports() { go test -count=1 -run 'Imports|Writes' . >/tmp/nephoscope-imports.$$ 2>&1 || { cat /tmp/nephoscope-imports.$$; rm -f /tmp/nephoscope-imports.$$; return 1; }; rm -f /tmp/nephoscope-imports.$$; }

step format formatted
step vet vetted
step cross crossed
step staticcheck $1 ./...
step of-tools inside packaging/tools $1 ./...
step imports imports
step go.mod tidy
