#!/usr/bin/env bash
# Fuzzes every parser for $1 (10s) each.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rhoE --include='*_test.go' '^func (Fuzz[A-Za-z0-9]+)' . -l | sort -u | while read -r file; do
  dir=$(dirname "$file")
  grep -oE '^func Fuzz[A-Za-z0-9]+' "$file" | cut -d' ' -f2 | while read -r name; do
    printf '%s %s\n' "$dir" "$name"
    go test -run '^$' -fuzz "^$name\$" -fuzztime "${1:-10s}" "$dir" </dev/null
  done
done
