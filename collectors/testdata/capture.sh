#!/bin/sh
# Captures what the collectors read of a Linux machine into a folder that Host{Root: folder} can read:
#
#	capture.sh FOLDER
#
# proc/…, sys/…  as the kernel wrote it, but for the per-interrupt columns of proc/stat. What the caller may not read is missing.
# run/*.pid      pid files
# statfs.json    statfs(2) of every mount point, as f_bsize, f_blocks, f_bfree, f_bavail, f_files and f_ffree
# ethtool.json   what the drivers of interfaces count, where ethtool is installed
#
# autofs is not asked, as asking would mount it. What cannot be captured so: the log pages of Amazon's NVMe controllers and what
# nvidia-smi writes. netstat is tested on /proc/net, not on what sock_diag answers, which the kernel makes of the same tables.
#
# It needs no more than a busybox. For differences capture twice, into NAME/first and NAME/second, with some load between, and pack
# both, under names that hold colons, which Go modules forbid:
#
#	tar -C NAME --sort=name --mtime=@0 --owner=0 --group=0 -cf - first second | gzip -9n >hosts/NAME/capture.tar.gz
#
# Read the result before publishing it: arguments of processes may hold passwords, and mount points and network file systems names.
set -eu
to=${1:?usage: capture.sh FOLDER}
mkdir -p "$to/proc"
to=$(cd "$to" && pwd)
cd /proc
# First, as what is copied below is read by processes too, and all at once.
cp -P --parents [0-9]*/stat [0-9]*/comm [0-9]*/status [0-9]*/io [0-9]*/limits [0-9]*/cmdline [0-9]*/exe [0-9]*/fd/* "$to/proc/" 2>/dev/null || true
for process in "$to"/proc/[0-9]*; do
	if [ -s "$process/status" ]; then
		mkdir -p "$process/fd"
	else
		rm -rf "$process" # it ended meanwhile
	fi
done
cp --parents meminfo diskstats swaps vmstat loadavg uptime 1/mountinfo net/dev net/tcp net/tcp6 net/udp net/udp6 net/unix net/snmp net/netstat \
	sys/fs/file-nr sys/net/netfilter/nf_conntrack_count sys/net/netfilter/nf_conntrack_max pressure/cpu pressure/io pressure/memory "$to/proc/" 2>/dev/null || true
sed 's/^\(intr [0-9]*\).*/\1/' stat >"$to/proc/stat"
mkdir -p "$to/sys" "$to/run"
cd /sys
cp --parents class/net/*/flags class/nvme/*/model class/nvme/*/serial block/*/device/serial "$to/sys/" 2>/dev/null || true
cp /run/*.pid "$to/run/" 2>/dev/null || true # there may be none, as of all the others
for namespace in /sys/class/nvme/*/nvme*n*; do
	[ ! -d "$namespace" ] || mkdir -p "$to$namespace"
done
mkdir -p "$to/sys/dev/block" "$to/dev/mapper"
cp -P /sys/dev/block/* "$to/sys/dev/block/" 2>/dev/null || true # there may be none
for link in /dev/mapper/*; do
	[ -L "$link" ] || continue
	cp -P "$link" "$to/dev/mapper/"
	: >"$to/dev/$(basename "$(readlink "$link")")" # a device has to be there to be linked to
done

set -f -- # names may hold asterisks, too
for escaped in $(awk '$0 !~ / - autofs / { print $5 }' "$to/proc/1/mountinfo" | sort -u); do
	case $escaped in *\\*)
		escaped=$(printf '%b.' "$(printf %s "$escaped" | sed 's/\\\([0-7]\)/\\0\1/g')")
		escaped=${escaped%.}
	esac
	set -- "$@" "$escaped"
done
q=$(printf '\001') # a quotation mark of ours, while there may be some in names
{ stat -f -c "$q%n$q: {${q}bsize$q: %s, ${q}blocks$q: %b, ${q}bfree$q: %f, ${q}bavail$q: %a, ${q}files$q: %c, ${q}ffree$q: %d}" "$@" 2>/dev/null || true; } |
	sed 's/[\\"]/\\&/g' | tr '\001' '"' | awk 'BEGIN { print "{" } { printf "%s\t%s", separator, $0; separator = ",\n" } END { print "\n}" }' >"$to/statfs.json"
set +f

if command -v ethtool >/dev/null; then
	for interface in /sys/class/net/*; do
		interface=${interface##*/}
		driver=$(ethtool -i "$interface" 2>/dev/null | sed -n 's/^driver: //p')
		ethtool -S "$interface" 2>/dev/null | awk -v interface="$interface" -v driver="$driver" '
			/: [0-9]+$/ { sub(/^ */, ""); name = $0; sub(/: [0-9]+$/, "", name); stats = stats (stats == "" ? "" : ", ") "\"" name "\": " $NF }
			END { if (stats != "") printf "\"%s\": {\"driver\": \"%s\", \"stats\": {%s}}\n", interface, driver, stats }'
	done | awk 'BEGIN { print "{" } { print (NR > 1 ? ", " : "  ") $0 } END { print "}" }' >"$to/ethtool.json"
fi
