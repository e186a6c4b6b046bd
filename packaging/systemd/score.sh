#!/usr/bin/env bash
# score.sh: how far open systemd-analyze security finds our unit, and one with the directives of the original's, in one run. 0 is
# best, 10 is worst, below 5 is "OK". It needs systemd 250 or later, which need not run. Fails if ours is not OK.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp amazon-cloudwatch-agent.service "$work/nephoscope.service"
cat >"$work/original.service" <<'UNIT'
[Unit]
After=network.target
[Service]
Type=simple
ExecStart=/opt/aws/amazon-cloudwatch-agent/bin/start-amazon-cloudwatch-agent
KillMode=process
Restart=on-failure
RestartSec=60s
[Install]
WantedBy=multi-user.target
UNIT
score() { # UNIT
  systemd-analyze security --offline=true --no-pager "$1" 2>/dev/null | sed -nE 's/.*exposure level for .*: ([0-9.]+) ([A-Z]+).*/\1 \2/p'
}
ours=$(score "$work/nephoscope.service")
original=$(score "$work/original.service")
[ -n "$ours" ] && [ -n "$original" ] || { echo "score.sh: systemd-analyze security --offline=true says nothing (systemd 250 or later has it)" >&2; exit 1; }
systemd-analyze --version | sed 1q
echo "nephoscope  $ours"
echo "original's  $original"
awk -v n="${ours%% *}" 'BEGIN { exit !(n < 5.0) }' || { echo "score.sh: our unit is not OK" >&2; exit 1; }
