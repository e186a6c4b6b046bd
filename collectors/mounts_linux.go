package collectors

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// readMounts reads the mounts of process 1, which in a container with the host's /proc are the host's, or else our own.
// gopsutil also would, but it panics on a short line, and misses a mount point with both a space and a quotation mark.
func readMounts(h Host) ([]mount, error) { return (&mountTable{}).read(h) }

// mountTable is the mounts as they were read last: while the text is the same, so are they.
type mountTable struct {
	mu     sync.Mutex
	file   procFile
	text   string
	mounts []mount // of that text; nil: to be made again
	err    error
}

// read returns mounts that must not be written to.
func (t *mountTable) read(h Host) ([]mount, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, err := t.readFile(h)
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	if t.mounts != nil && t.text == string(text) {
		return t.mounts, t.err
	}
	t.text = string(text)
	lines, err := parseMountinfo(t.text)
	if t.err = err; err != nil {
		t.err = fmt.Errorf("read mounts: %w", err)
	}
	mounts, settled := make([]mount, len(lines)), true
	for i, l := range lines {
		device, found := h.realDevice(l)
		mounts[i], settled = mount{l.path, device, l.fstype}, settled && found
	}
	if t.mounts = nil; settled { // else a link may yet be made
		t.mounts = mounts
	}
	return mounts, t.err
}

func (t *mountTable) readFile(h Host) ([]byte, error) {
	t.file.path = h.proc("1/mountinfo")
	if file := os.Getenv("HOST_PROC_MOUNTINFO"); file != "" && h.Root == "" {
		t.file.path = file
	}
	text, err := t.file.read()
	if err == nil {
		return text, nil
	}
	t.file.path = h.proc("self/mountinfo")
	text, err2 := t.file.read()
	if err2 != nil {
		return nil, errors.Join(err, err2)
	}
	return text, nil
}

// mountLine is a line of mountinfo.
type mountLine struct {
	mount
	number string // major:minor
}

// realDevice finds the name that the original gives a device: what /dev/mapper/… links to, and for /dev/root, which is
// nothing but the kernel's command line, the block device of that number. Not found: it is what the line says, for now.
func (h Host) realDevice(l mountLine) (device string, found bool) {
	if name, ok := strings.CutPrefix(l.device, "/dev/mapper/"); ok {
		if real, err := filepath.EvalSymlinks(h.dev("mapper/" + name)); err == nil {
			return "/dev/" + filepath.Base(real), true
		}
		return l.device, false
	}
	if l.device == "/dev/root" {
		if link, err := os.Readlink(h.sys("dev/block/" + l.number)); err == nil {
			return "/dev/" + filepath.Base(link), true
		}
		return l.device, false
	}
	return l.device, true
}

// parseMountinfo reads lines of proc_pid_mountinfo(5). What it cannot read is an error; the other lines still count.
func parseMountinfo(text string) ([]mountLine, error) {
	lines := make([]mountLine, 0, strings.Count(text, "\n")+1)
	var bad badLines
	for line := range strings.Lines(text) {
		if l, ok := parseMount(strings.TrimSuffix(line, "\n")); ok {
			lines = append(lines, l)
		} else {
			bad.add(line)
		}
	}
	return lines, bad.err()
}

// parseMount reads
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//
// with any number of optional fields before the hyphen. Fields are parted by exactly one space: the device may be empty.
// The device stays escaped, as the original sends it.
func parseMount(line string) (mountLine, bool) {
	front, back, ok := strings.Cut(line, " - ")
	if !ok {
		return mountLine{}, false
	}
	var l mountLine
	field := 0
	for word := range strings.SplitSeq(front, " ") {
		switch field {
		case 2:
			l.number = word
		case 4:
			l.path = unescape(word)
		}
		field++
	}
	l.fstype, back, _ = strings.Cut(back, " ")
	l.device, _, _ = strings.Cut(back, " ")
	return l, field >= 6 && strings.HasPrefix(l.path, "/") && l.fstype != ""
}

// unescape undoes the kernel's \ooo for space, tab, newline, hash and backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
