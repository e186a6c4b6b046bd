#!/usr/bin/env bash
# test.sh: builds the container image and runs it as an orchestrator would, by an OCI runtime: as its own user, without any
# capability, on a read-only root, with the state as the only place to write to. A CloudWatch on loopback has to get the lines of
# a mounted log folder, each once, over a restart. Needs root, buildah and crun; everything else is in a folder that is removed.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "FAILED: $*" >&2; [ ! -s "${log:-}" ] || { echo "the agent said:"; tail -n 30 "$log"; } >&2; exit 1; }
ok() { printf '  ok  %s\n' "$*"; }
[ "$(id -u)" = 0 ] || fail "container/test.sh has to be root"
for program in buildah crun curl; do command -v "$program" >/dev/null || fail "$program is missing (apt-get install buildah crun curl)"; done

# With mounts of its own, of which nothing is left behind; and without cgroups, of which the runtime does not know all arrangements.
if [ "${1:-}" != apart ]; then
  exec unshare --mount --propagation private packaging/container/test.sh apart
fi
mount -t tmpfs -o ro none /sys/fs/cgroup

work=$(mktemp -d)
builder="buildah --root $work/storage --runroot $work/runroot --storage-driver vfs"
runtime="crun --root $work/crun --cgroup-manager=disabled"
agent=nephoscope-test-$$
clean() {
  $runtime delete -f "$agent" 2>/dev/null || true
  [ -z "${service:-}" ] || kill "$service" 2>/dev/null || true
  $builder umount --all >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT

name=localhost/nephoscope-test
NAME=$name VERSION=test BUILDER=$builder packaging/container/image.sh
image=$name:test
container=$($builder from --pull-never "$image")
root=$($builder mount "$container")

of() { $builder inspect --type image --format "$1" "$image"; }
list() { of "{{range \$i, \$e := $1}}{{if \$i}}, {{end}}{{printf \"%q\" \$e}}{{end}}"; }
[ "$(of '{{.Docker.Config.User}}')" = 10001:10001 ] || fail "the image's user is $(of '{{.Docker.Config.User}}')"
[ "$(stat -c %u:%g:%a "$root"/var/lib/nephoscope)" = 10001:10001:700 ] || fail "the state folder has the wrong owner"
[ "$(list .Docker.Config.Healthcheck.Test)" = '"CMD", "/usr/bin/nephoscope", "status", "--probe"' ] || fail "no health check: $(list .Docker.Config.Healthcheck.Test)"
[ -z "$(find "$root" -xdev -perm /6000)" ] || fail "something in the image is setuid"
ok "the image has a user, a state folder of that user's, and a health check"

CGO_ENABLED=0 go build -o "$work/nephoscope-local" ./cmd/nephoscope-local
"$work/nephoscope-local" --listen 127.0.0.1:0 >"$work/service.out" 2>&1 &
service=$!
url=; touch "$work/service.out"
for _ in $(seq 100); do
  url=$(sed -nE 's/^CloudWatch is at (http[^ ]+).*/\1/p' "$work/service.out")
  [ -z "$url" ] || break
  sleep 0.1
done
[ -n "$url" ] || fail "nephoscope-local did not start: $(cat "$work/service.out")"

mkdir -p "$work"/{bundle,logs,config,state,empty}
chmod 755 "$work" "$work"/{logs,config}
chown 10001:10001 "$work/state"
chmod 700 "$work/state"
host=$PWD/collectors/testdata/hosts/ec2-ubuntu/first
cat >"$work/config/agent.json" <<'EOF'
{
  "metrics": {"namespace": "Container", "force_flush_interval": 1, "metrics_collected": {
    "mem": {"measurement": ["total"], "metrics_collection_interval": 1}}},
  "logs": {"force_flush_interval": 1, "logs_collected": {"files": {"collect_list": [
    {"file_path": "/logs/*.log", "log_group_name": "container"}]}}}
}
EOF

# spec ROOT CONFIG ARGUMENTS [ENVIRONMENT]: what the runtime is to run.
spec() {
  cat >"$work/bundle/config.json" <<EOF
{
  "ociVersion": "1.0.2",
  "root": {"path": "$root", "readonly": true},
  "process": {
    "cwd": "/", "user": {"uid": 10001, "gid": 10001}, "noNewPrivileges": true, "args": [$2],
    "env": [$(list .Docker.Config.Env), "AWS_ENDPOINT_URL=$url", "AWS_EC2_METADATA_DISABLED=true", "AWS_REGION=eu-west-1",
      "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "POD_NAME=web-1", "HOST_PROC=/rootfs/proc"${3:+, $3}],
    "capabilities": {"bounding": [], "effective": [], "permitted": [], "inheritable": [], "ambient": []}
  },
  "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}]},
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
    {"destination": "/rootfs", "type": "bind", "source": "$host", "options": ["bind", "ro"]},
    {"destination": "/logs", "type": "bind", "source": "$work/logs", "options": ["bind", "ro"]},
    {"destination": "/etc/cwagentconfig", "type": "bind", "source": "$1", "options": ["bind", "ro"]},
    {"destination": "/var/lib/nephoscope", "type": "bind", "source": "$work/state", "options": ["bind", "rw"]}
  ]
}
EOF
}
run() { $runtime run --bundle "$work/bundle" "$@"; }
command="$(list .Docker.Config.Entrypoint), $(list .Docker.Config.Cmd)"
probe='"/usr/bin/nephoscope", "status", "--probe"'
mkdir -p "$root"/{dev,proc,rootfs,logs} # where the runtime mounts, which it cannot make itself on a root that is read-only

log=$work/agent.log
start() { spec "$work/config" "$command"; run "$agent" >>"$log" 2>&1 & running=$!; }
healthy() { $runtime exec --user 10001:10001 "$agent" /usr/bin/nephoscope status --probe; }
until_() { # WHAT COMMAND ...: waits for a command to succeed, and tells what it said last if it never does
  local what=$1; shift
  for _ in $(seq 150); do "$@" >"$work/last" 2>&1 && { ok "$what"; return; }; sleep 0.2; done
  fail "$what: never: $(tail -n 5 "$work/last")"
}
ask() { curl -fsS --aws-sigv4 "aws:amz:eu-west-1:$1" --user test:test "$url" "${@:2}"; }
logs() { ask logs -H "X-Amz-Target: Logs_20140328.GetLogEvents" -H 'Content-Type: application/x-amz-json-1.1' \
  -d '{"logGroupName": "container", "logStreamName": "web-1", "startFromHead": true}' | grep -o '"message":"[^"]*"' | cut -d'"' -f4; }
arrived() { diff <(logs) "$work/logs/app.log"; }
stop() { # SIGNAL: the agent has to end, fine, before an orchestrator would lose its patience
  $runtime kill "$agent" "$1"
  timeout 10 tail --pid="$running" -f /dev/null || fail "the agent does not stop on SIG$1"
  wait "$running" || fail "the agent ended with status $?"
}

seq -f 'line %g' 1 500 >"$work/logs/app.log"
chmod 644 "$work/logs/app.log" "$work/config/agent.json"
start
until_ "the health check says that it is healthy" healthy
until_ "500 lines arrive in the stream of the pod" arrived
total() { ask monitoring -d "Action=GetMetricStatistics&Version=2010-08-01&Namespace=Container&MetricName=mem_total&Period=60&Statistics.member.1=Maximum&StartTime=$(date -u -d '-1 hour' +%FT%TZ)&EndTime=$(date -u -d '+1 minute' +%FT%TZ)"; }
memory=$(awk '$1 == "MemTotal:" {printf "%d", $2 * 1024}' "$host/proc/meminfo")
right() { [ "$(total | grep -oE '<Maximum>[^<]*' | head -n 1 | cut -d'>' -f2 | awk '{printf "%d", $1}')" = "$memory" ]; }
until_ "memory is that of the host whose /proc is mounted, without a dimension host" right

pid=$($runtime state "$agent" | sed -nE 's/.*"pid": ([0-9]+).*/\1/p')
kill -STOP "$pid"
! healthy >/dev/null 2>&1 || fail "an agent that hangs counts as healthy"
kill -CONT "$pid"
ok "the health check says that an agent that hangs is not"

stop TERM
ok "it ends on SIGTERM"
seq -f 'line %g' 501 1000 >>"$work/logs/app.log"
spec "$work/config" "$probe"
status=0; run "$agent-probe" >/dev/null 2>&1 || status=$?
[ "$status" = 1 ] || fail "without an agent the health check ends with status $status, not 1"
ok "without an agent the health check ends with 1"
start
until_ "what was written meanwhile arrives, and nothing twice" arrived
stop TERM

spec "$work/empty" '"/usr/bin/nephoscope", "check"' '"CW_CONFIG_CONTENT={\"metrics\": {\"metrics_collected\": {\"mem\": {\"measurement\": [\"total\"]}}}}"'
run "$agent-check" >"$work/check" 2>&1 || fail "CW_CONFIG_CONTENT is not read: $(cat "$work/check")"
grep -qx fine "$work/check" || fail "CW_CONFIG_CONTENT: $(cat "$work/check")"
spec "$work/empty" "$command"
status=0; run "$agent-bare" >"$work/bare" 2>&1 || status=$?
{ [ "$status" != 0 ] && grep -q 'mount one under /etc/cwagentconfig' "$work/bare"; } || fail "without a configuration: status $status, $(cat "$work/bare")"
ok "the configuration may be in CW_CONFIG_CONTENT, and without one the agent says how to give it one"
echo "the image works"
