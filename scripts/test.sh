#!/usr/bin/env bash
# Runs every test. As root on Debian or Ubuntu it first installs what some of them need: a browser (for the console), the
# AWS CLI (a client that is not ours), and what rotates, writes and cuts off logs on real hosts. None of it is left running.
# Elsewhere it says loudly what it did not run.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
needs() { # PROGRAM PACKAGE
  command -v "$1" >/dev/null || missing+=("$2")
}
needs aws awscli
needs chromium chromium
needs xz xz-utils
needs shellcheck shellcheck
if [ "$(uname)" = Linux ]; then
  needs apache2 apache2-bin # the program alone: the service is in apache2
  needs logrotate logrotate
  PATH=$PATH:/usr/sbin needs collectd collectd-core # without a configuration its service does not start
  needs prometheus-node-exporter prometheus-node-exporter
  needs gzip gzip
  needs ip iproute2
  needs nsenter util-linux
fi
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]} (for tests alone)"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  missing=()
fi

notrun=()
if [ ${#missing[@]} -gt 0 ]; then
  notrun+=("the tests that need ${missing[*]} (install them, or run as root on Debian or Ubuntu)")
fi
if [ "$(uname)" = Linux ] && [ "$(id -u)" != 0 ]; then
  notrun+=("the tests with full disks, cut networks, and a real logrotate and apache2 (run as root: they need mounts and networks of their own)")
fi
if [ ${#notrun[@]} -eq 0 ]; then
  export NEPHOSCOPE_FULL=1 # from here on a test that cannot run is a test that failed
fi
tell() {
  [ ${#notrun[@]} -eq 0 ] || printf '\nNOT RUN: %s\n' "${notrun[@]}"
}
tell

# The race detector needs a C compiler; the concurrency is in these.
if command -v gcc >/dev/null; then
  CGO_ENABLED=1 go test -race -timeout 10m ./agent ./cloudwatch ./collectors ./config ./internal/... ./listeners ./publish ./scrape ./tailer
else
  notrun+=("the race detector (it needs gcc)")
fi
go test -timeout 15m ./...
go -C packaging/tools test -timeout 15m ./... # the packages, file by file
tell
