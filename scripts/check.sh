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
  go vet -tags man ./cmd/... && go -C packaging/tools vet ./...
}
inside() { (cd "$1" && shift && "$@"); }
tidy() { go mod tidy -diff && go -C packaging/tools mod tidy -diff; }
imports() { go test -count=1 -run 'Imports|Writes' . >/tmp/nephoscope-imports.$$ 2>&1 || { cat /tmp/nephoscope-imports.$$; rm -f /tmp/nephoscope-imports.$$; return 1; }; rm -f /tmp/nephoscope-imports.$$; }

step format formatted
step vet vetted
step staticcheck $1 ./...
step of-tools inside packaging/tools $1 ./...
step imports imports
step go.mod tidy
