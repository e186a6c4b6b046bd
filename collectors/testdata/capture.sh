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
copy() { # FILE ...
	for file; do
		[ -r "$file" ] || continue
		mkdir -p "$to${file%/*}"
		cat "$file" >"$to$file" 2>/dev/null || rm -f "$to$file" # there it is, but not to be read
	done
}
mkdir -p "$to/proc"
for process in /proc/[0-9]*; do # first: what is copied below is read by processes too
	[ "$process" != "/proc/$$" ] || continue
	mkdir -p "$to$process/fd"
	cp -P "$process/stat" "$process/comm" "$process/status" "$process/io" "$process/limits" "$process/cmdline" "$process/exe" "$to$process/" 2>/dev/null || true
	cp -P "$process"/fd/* "$to$process/fd/" 2>/dev/null || true
	[ -s "$to$process/stat" ] || rm -rf "${to:?}$process" # it ended meanwhile
done
for file in meminfo diskstats swaps vmstat loadavg uptime 1/mountinfo net/dev net/tcp net/tcp6 net/udp net/udp6 net/unix net/snmp net/netstat \
	sys/fs/file-nr sys/net/netfilter/nf_conntrack_count sys/net/netfilter/nf_conntrack_max pressure/cpu pressure/io pressure/memory; do
	copy "/proc/$file"
done
sed 's/^\(intr [0-9]*\).*/\1/' /proc/stat >"$to/proc/stat"
copy /sys/class/net/*/flags /sys/class/nvme/*/model /sys/class/nvme/*/serial /sys/block/*/device/serial /run/*.pid
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

{
	echo '{'
	separator=''
	awk '$0 !~ / - autofs / { print $5 }' "$to/proc/1/mountinfo" | sort -u | while read -r escaped; do
		path=$(printf '%b.' "$(printf %s "$escaped" | sed 's/\\\([0-7]\)/\\0\1/g')")
		path=${path%.}
		numbers=$(stat -f -c '"bsize": %s, "blocks": %b, "bfree": %f, "bavail": %a, "files": %c, "ffree": %d' "$path" 2>/dev/null) || continue
		printf '%s\t"%s": {%s}' "$separator" "$(printf %s "$path" | sed 's/[\\"]/\\&/g')" "$numbers"
		separator=',
'
	done
	printf '\n}\n'
} >"$to/statfs.json"

if command -v ethtool >/dev/null; then
	for interface in /sys/class/net/*; do
		interface=${interface##*/}
		driver=$(ethtool -i "$interface" 2>/dev/null | sed -n 's/^driver: //p')
		ethtool -S "$interface" 2>/dev/null | awk -v interface="$interface" -v driver="$driver" '
			/: [0-9]+$/ { sub(/^ */, ""); name = $0; sub(/: [0-9]+$/, "", name); stats = stats (stats == "" ? "" : ", ") "\"" name "\": " $NF }
			END { if (stats != "") printf "\"%s\": {\"driver\": \"%s\", \"stats\": {%s}}\n", interface, driver, stats }'
	done | awk 'BEGIN { print "{" } { print (NR > 1 ? ", " : "  ") $0 } END { print "}" }' >"$to/ethtool.json"
fi
