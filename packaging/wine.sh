#!/usr/bin/env bash
# wine.sh: runs the Windows binary under Wine, in a Debian tree that has one new enough for Go: version, check, and a log file that is
# followed over a rotation into a CloudWatch on loopback. Wine has neither unix sockets nor disk counters, so that status and the
# collectors disk and diskio are not tried. Needs root and debootstrap; the tree is made once (scripts/tree.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "FAILED: $*" >&2; [ ! -s "${log:-}" ] || tail -n 20 "$log" >&2; exit 1; }
ok() { printf '  ok  %s\n' "$*"; }
if [ "${1:-}" != apart ]; then # with mounts and processes of its own, of which nothing is left behind
  tar=$(scripts/tree.sh trixie wine64 wine)
  exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private packaging/wine.sh apart "$tar"
fi

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; umount "$work/tree/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/tree" "$work/out"
tar -C "$work/tree" -xf "$2"
mount -t proc proc "$work/tree/proc"
try=$work/tree/try
drive=$try/wine/drive_c
mkdir -p "$try"
CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build -o "$try/" ./cmd/nephoscope
CGO_ENABLED=0 go build -o "$work/nephoscope-local" ./cmd/nephoscope-local

"$work/nephoscope-local" --listen 127.0.0.1:0 >"$work/out/service" 2>&1 &
url=
for _ in $(seq 100); do
  url=$(sed -nE 's/^CloudWatch is at (http[^ ]+).*/\1/p' "$work/out/service")
  [ -z "$url" ] || break
  sleep 0.1
done
[ -n "$url" ] || fail "nephoscope-local did not start"

windows() {
  timeout 120 chroot "$work/tree" /usr/bin/env -i HOME=/root PATH=/usr/bin:/bin LANG=C.UTF-8 WINEPREFIX=/try/wine WINEDEBUG=-all XDG_RUNTIME_DIR=/tmp \
    AWS_ENDPOINT_URL="$url" AWS_EC2_METADATA_DISABLED=true AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test wine "$@" </dev/null
}
nephoscope() { windows 'Z:\try\nephoscope.exe' "$@"; }

nephoscope version >"$work/out/version" 2>&1 || fail "version: $(cat "$work/out/version")"
grep -q 'windows; amd64' "$work/out/version" || fail "version: $(cat "$work/out/version")"
ok "$(grep -o 'nephoscope .*' "$work/out/version" | tr -d '\r')"

mkdir -p "$drive/logs"
cat >"$drive/config.json" <<'EOF'
{
  "agent": {"run_as_user": "cwagent", "metrics_collection_interval": 1},
  "metrics": {"namespace": "Wine", "force_flush_interval": 1, "metrics_collected": {
    "cpu": {"measurement": ["usage_idle", "usage_iowait"]}, "mem": {"measurement": ["used_percent"]}, "swap": {"measurement": ["used"]}}},
  "logs": {"force_flush_interval": 1, "logs_collected": {"files": {"collect_list": [
    {"file_path": "C:\\logs\\*.log", "log_group_name": "g", "log_stream_name": "s"}]}}}
}
EOF
nephoscope check 'C:\config.json' >"$work/out/check" 2>/dev/null || fail "check: $(cat "$work/out/check")"
grep -q '"run_as_user" does nothing on Windows' "$work/out/check" && grep -q 'cpu_usage_iowait is not measured on Windows' "$work/out/check" &&
  grep -q 'fine, with 2 warnings' "$work/out/check" || fail "check: $(cat "$work/out/check")"
ok "check names what Windows does not have"

ask() { curl -fsS --aws-sigv4 "aws:amz:eu-west-1:$1" --user test:test "$url" "${@:2}"; }
lines() { ask logs -H 'X-Amz-Target: Logs_20140328.GetLogEvents' -H 'Content-Type: application/x-amz-json-1.1' \
  -d '{"logGroupName": "g", "logStreamName": "s", "startFromHead": true}' 2>/dev/null | grep -o '"message":"[^"]*"' | cut -d'"' -f4; }
have() { diff <(lines) <(seq -f 'line %g' 1 "$1"); }
collected() { [ "$(ask monitoring -d 'Action=ListMetrics&Version=2010-08-01' | grep -oE '<MetricName>[^<]*' | sort -u | wc -l)" = 3 ]; }
until_() { # WHAT COMMAND ...
  local what=$1; shift
  for _ in $(seq 150); do "$@" >"$work/out/last" 2>&1 && { ok "$what"; return; }; sleep 0.2; done
  fail "$what: never: $(tail -n 3 "$work/out/last")"
}
log=$work/out/agent
seq -f 'line %g' 1 100 >"$drive/logs/app.log"
nephoscope run --config 'C:\config.json' >"$log" 2>&1 &
until_ "lines arrive" have 100
until_ "cpu, mem and swap arrive" collected
windows cmd /c move 'C:\logs\app.log' 'C:\logs\app.log.1' >/dev/null 2>&1 || fail "the log that is followed cannot be moved"
[ -e "$drive/logs/app.log.1" ] || fail "the log that is followed was not moved"
seq -f 'line %g' 101 200 >>"$drive/logs/app.log.1"
seq -f 'line %g' 201 300 >"$drive/logs/app.log"
until_ "a program may rotate its log by renaming it, and nothing is lost" have 300
agent=$(pgrep -f 'nephoscope.exe run' | tail -n 1)
kill -INT "$agent"
timeout 20 tail --pid="$agent" -f /dev/null || fail "the agent does not stop on Ctrl-C"
grep -q 'INFO stopped' "$log" || fail "the agent did not stop by itself"
ok "it stops on Ctrl-C"
echo "the Windows binary works"
