#!/bin/bash
# original.sh FOLDER [VERSION]: builds a stand-in of the Amazon CloudWatch agent's .deb and prints its path. Its layout, unit, scripts
# and control command do what the original's do, as far as installing, stopping and starting go; its agent is a shell script that
# follows the files of its configurations, keeps checkpoints as the original does, and writes what it "sends" to /var/tmp/original-sent.
set -euo pipefail
folder=$1 version=${2:-1.300060.0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
D=opt/aws/amazon-cloudwatch-agent
mkdir -p "$work"/{DEBIAN,usr/bin,etc/amazon,etc/init,etc/systemd/system,var/log/amazon,var/run/amazon} \
  "$work/$D"/{bin,etc/amazon-cloudwatch-agent.d,logs,var,doc}
cd "$work"

cat >DEBIAN/control <<END
Package: amazon-cloudwatch-agent
Version: $version-1
Section: admin
Priority: optional
Architecture: amd64
Maintainer: Nobody <nobody@example.invalid>
Description: stand-in of the Amazon CloudWatch agent, for tests
END
echo "/$D/etc/common-config.toml" >DEBIAN/conffiles
cat >DEBIAN/preinst <<'END'
#!/bin/sh
ctl=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
if [ "$1" = upgrade ]; then $ctl -a prep-restart; $ctl -a stop; fi
getent group cwagent >/dev/null || { groupadd -r cwagent; echo "create group cwagent, result: $?"; }
getent passwd cwagent >/dev/null || { useradd -r -M -d /home/cwagent -g cwagent -c "Cloudwatch Agent" -s /usr/sbin/nologin cwagent; echo "create user cwagent, result: $?"; }
END
cat >DEBIAN/postinst <<'END'
#!/bin/sh
if [ "$1" = configure ]; then /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a cond-restart; fi
END
cat >DEBIAN/prerm <<'END'
#!/bin/sh
if [ "$1" = remove ]; then /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a preun; fi
END

cat >etc/systemd/system/amazon-cloudwatch-agent.service <<END
[Unit]
Description=Amazon CloudWatch Agent
After=network.target

[Service]
Type=simple
ExecStart=/$D/bin/start-amazon-cloudwatch-agent
KillMode=process
Restart=on-failure
RestartSec=60s

[Install]
WantedBy=multi-user.target
END
echo "respawn" >etc/init/amazon-cloudwatch-agent.conf
ln -s "/$D/bin/amazon-cloudwatch-agent-ctl" usr/bin/amazon-cloudwatch-agent-ctl
ln -s "/$D/etc" etc/amazon/amazon-cloudwatch-agent
ln -s "/$D/logs" var/log/amazon/amazon-cloudwatch-agent
ln -s "/$D/var" var/run/amazon/amazon-cloudwatch-agent

cd "$D"
printf '# [credentials]\n#   shared_credential_profile = "{profile_name}"\n# [proxy]\n#   http_proxy = "{http_url}"\n' >etc/common-config.toml
printf %s "$version" >bin/CWAGENT_VERSION
for name in config-downloader config-translator amazon-cloudwatch-agent-config-wizard workload-discovery; do
  printf '#!/bin/sh\nexit 0\n' >bin/$name
done
echo '{}' >doc/amazon-cloudwatch-agent-schema.json
for name in LICENSE NOTICE THIRD-PARTY-LICENSES RELEASE_NOTES; do echo "$name of the stand-in" >$name; done

cat >bin/start-amazon-cloudwatch-agent <<'END'
#!/bin/sh
# "translates" what is configured, and becomes the agent
D=/opt/aws/amazon-cloudwatch-agent
cat $D/etc/amazon-cloudwatch-agent.json $D/etc/amazon-cloudwatch-agent.d/* 2>/dev/null | grep -o '"file_path": *"[^"]*"' |
  sed 's/.*: *"\(.*\)"/\1/' | sort -u >$D/etc/amazon-cloudwatch-agent.toml
exec $D/bin/amazon-cloudwatch-agent -config $D/etc/amazon-cloudwatch-agent.toml -pidfile $D/var/amazon-cloudwatch-agent.pid
END
cat >bin/amazon-cloudwatch-agent <<'END'
#!/bin/sh
D=/opt/aws/amazon-cloudwatch-agent
sent=/var/tmp/original-sent
say() { echo "$(date -u +%FT%TZ) I! $*" >>$D/logs/amazon-cloudwatch-agent.log; }
echo $$ >$D/var/amazon-cloudwatch-agent.pid
over=
trap 'over=yes' TERM INT # what was sent is remembered before it ends
mkdir -p $D/logs/state $sent
say "started"
while [ -z "$over" ]; do
  while read -r file; do
    name=$(printf %s "$file" | tr '/ :' '___')
    [ -f "$file" ] || continue
    at=$(head -n 1 "$D/logs/state/$name" 2>/dev/null || echo 0)
    size=$(stat -c %s "$file")
    [ "$at" -le "$size" ] || at=0
    [ "$at" -lt "$size" ] && [ -z "$(head -c "$size" "$file" | tail -c 1)" ] || continue # whole lines alone
    tail -c "+$((at + 1))" "$file" | head -c "$((size - at))" >>"$sent/$name"
    printf '%s\n%s\n0-%s' "$size" "$file" "$size" >"$D/logs/state/$name"
  done <$D/etc/amazon-cloudwatch-agent.toml
  sleep 0.2
done
say "Shutdown complete."
rm -f $D/var/amazon-cloudwatch-agent.pid
END
cat >bin/amazon-cloudwatch-agent-ctl <<'END'
#!/bin/sh
set -eu
D=/opt/aws/amazon-cloudwatch-agent
unit=amazon-cloudwatch-agent.service
if [ "$(systemctl 2>/dev/null | grep -c -E -e '-\.mount\s')" != 1 ]; then
  echo "unknown init system" >&2
  exit 1
fi
action= source=default restart=
while getopts sa:c:m: option; do
  case $option in a) action=$OPTARG ;; c) source=$OPTARG ;; s) restart=yes ;; *) ;; esac
done
running() { systemctl -q is-active $unit; }
stop() { if running; then systemctl stop $unit; fi; }
start() {
  running && return
  if [ ! -f $D/etc/amazon-cloudwatch-agent.toml ]; then # the default configuration, in the place of all others
    rm -f $D/etc/amazon-cloudwatch-agent.json $D/etc/amazon-cloudwatch-agent.d/*
    echo '{"metrics": {"metrics_collected": {"mem": {"measurement": ["mem_used_percent"]}}}}' >$D/etc/amazon-cloudwatch-agent.d/default
  fi
  systemctl daemon-reload
  systemctl enable $unit
  systemctl restart $unit
}
case $action in
start) start ;;
stop) stop ;;
status) if running; then echo '{"status": "running"}'; else echo '{"status": "stopped"}'; fi ;;
fetch-config | append-config)
  path=${source#file:}
  [ $action = append-config ] || rm -f $D/etc/amazon-cloudwatch-agent.json $D/etc/amazon-cloudwatch-agent.d/*
  cp "$path" "$D/etc/amazon-cloudwatch-agent.d/file_$(basename "$path")"
  touch $D/etc/amazon-cloudwatch-agent.toml
  if [ -n "$restart" ]; then stop; start; fi ;;
prep-restart) if running; then touch $D/etc/restart; fi ;;
cond-restart) if [ -f $D/etc/restart ]; then start; rm -f $D/etc/restart; fi ;;
preun)
  stop
  systemctl disable $unit
  systemctl daemon-reload
  systemctl reset-failed ;;
*) echo "Invalid action: $action" >&2; exit 1 ;;
esac
END
cd "$work"
chmod 755 DEBIAN/p* "$D"/bin/*
chmod 644 "$D/bin/CWAGENT_VERSION"
mkdir -p "$folder"
dpkg-deb --root-owner-group -Zgzip --build "$work" "$folder/amazon-cloudwatch-agent_$version-1_amd64.deb" >/dev/null
echo "$folder/amazon-cloudwatch-agent_$version-1_amd64.deb"
