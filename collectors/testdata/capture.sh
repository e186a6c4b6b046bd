#!/bin/sh
# Captures what the collectors read of a Linux machine into a folder that Host{Root: folder} can read:
#
#	capture.sh FOLDER
#
# proc/…       as the kernel wrote it, but for the per-interrupt columns of proc/stat
# processes.txt  the files of all processes; what others than root may not read is missing. Arguments may hold passwords: read it!
# statfs.json  statfs(2) of every mount point, as f_bsize, f_blocks, f_bfree, f_bavail, f_files and f_ffree
# links.txt    link and target of the symbolic links that give devices their names; they are listed instead of made, because
#              a colon in a file name is forbidden in Go modules
#
# autofs is not asked, as asking would mount it. Read the result before publishing it: mount points and network file systems
# carry names. For differences capture twice, into NAME/first and NAME/second, with some load between.
set -eu
to=${1:?usage: capture.sh FOLDER}
mkdir -p "$to/proc/1"
for file in meminfo diskstats swaps vmstat 1/mountinfo; do
	cat "/proc/$file" >"$to/proc/$file"
done
mkdir -p "$to/proc/net"
for file in dev tcp tcp6 udp udp6 unix; do
	cat "/proc/net/$file" >"$to/proc/net/$file" || true
done
for flags in /sys/class/net/*/flags; do
	mkdir -p "$to${flags%/flags}"
	cat "$flags" >"$to$flags"
done
for process in /proc/[0-9]*; do
	for file in stat comm status io limits cmdline; do
		text=$(cat "$process/$file" 2>/dev/null | tr '\0' '\1' | sed 's/\x01/\\0/g') || continue
		[ -z "$text" ] || printf -- '-- %s --\n%s\n\n' "${process#/proc/}/$file" "$text"
	done
	for fd in "$process"/fd/*; do
		[ ! -L "$fd" ] || printf -- '-- %s --\n\n' "${fd#/proc/}"
	done
done >"$to/processes.txt"
sed 's/^\(intr [0-9]*\).*/\1/' /proc/stat >"$to/proc/stat"

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

for link in /sys/dev/block/* /dev/mapper/* /proc/[0-9]*/exe; do
	if target=$(readlink "$link" 2>/dev/null); then
		printf '%s %s\n' "${link#/}" "$target"
	fi
done >"$to/links.txt"
