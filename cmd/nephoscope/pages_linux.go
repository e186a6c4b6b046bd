package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ownPages are the pages of the program's code and constants, which are the larger part of the memory of an idle agent: a start
// needs many that nothing needs later, and the kernel brings their neighbours along. To be asked while /proc may be read.
func ownPages() (all pages) {
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	raw, _ := os.ReadFile("/proc/self/maps") // none, and nothing is gained
	for line := range strings.Lines(string(raw)) {
		var p mapping
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &p.from, &p.to, &rights); err == nil && rights[1] == '-' && strings.HasSuffix(strings.TrimSpace(line), own) {
			all = append(all, p)
		}
	}
	return all
}

type pages []mapping

type mapping struct{ from, to uintptr }

// letGo has the kernel take them out of the process. What is needed again comes back from the file, or rather from the cache of
// it: they are read-only.
func (all pages) letGo() {
	for _, p := range all {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, p.from, p.to-p.from, unix.MADV_DONTNEED)
	}
}
