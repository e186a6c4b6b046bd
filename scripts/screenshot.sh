#!/usr/bin/env bash
# Makes docs/console.png from a real run of ${1:-240} seconds. Needs chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-240} listen=127.0.0.1:4587 dir=$(mktemp -d)
command -v chromium >/dev/null || { echo "chromium is missing (apt-get install chromium)"; exit 1; }
make -s build
go build -o bin/demo ./internal/demo
bin/demo -listen "$listen" -dir "$dir" &
demo=$!
trap 'kill -INT $demo; wait $demo || true; rm -rf "$dir"' EXIT
sleep "$seconds"
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,840 --virtual-time-budget=8000 \
  --screenshot=docs/console.png "http://$listen/" >/dev/null 2>&1
echo "docs/console.png"
