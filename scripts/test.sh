#!/usr/bin/env bash
# Runs every test. As root on Debian or Ubuntu it first installs what some of them need: a browser (for the console) and the
# AWS CLI (a client that is not ours). Elsewhere it says loudly what it did not run.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v aws >/dev/null || missing+=(awscli)
command -v chromium >/dev/null || missing+=(chromium)
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]} (for tests alone)"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  missing=()
fi

notrun=""
if [ ${#missing[@]} -eq 0 ]; then
  export NEPHOSCOPE_FULL=1 # from here on a test that cannot run is a test that failed
else
  notrun="NOT RUN: the tests that need ${missing[*]} (install them, or run as root on Debian or Ubuntu)"
  printf '\n%s\n\n' "$notrun"
fi

# The race detector needs a C compiler; the concurrency is in these.
if command -v gcc >/dev/null; then
  CGO_ENABLED=1 go test -race -timeout 10m ./agent ./cloudwatch ./collectors ./config ./internal/... ./publish ./tailer
else
  notrun="${notrun:+$notrun$'\n'}NOT RUN: the race detector (it needs gcc)"
fi
go test -timeout 15m ./...

if [ -n "$notrun" ]; then
  printf '\n%s\n' "$notrun"
fi
