package install

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// processBehind is the process that answers on a socket, by the kernel's word: what it says of itself counts in its own
// container alone.
func processBehind(socket string, _ int) (pid int, err error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return 0, fmt.Errorf("ask who answers: %w", err)
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, failed); err != nil {
		return 0, fmt.Errorf("ask who answers: %w", err)
	}
	if peer.Pid <= 0 {
		return 0, errors.New("the agent runs in another container")
	}
	return int(peer.Pid), nil
}

// startOf is when a process began: proc(5), in ticks of a hundredth of a second since the host's start.
func startOf(pid int) (began time.Time, ok bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return began, false
	}
	_, rest, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ") // a name may have brackets in it
	fields := strings.Fields(rest)
	const starttime = 22 - 3
	if len(fields) <= starttime {
		return began, false
	}
	ticks, err := strconv.ParseInt(fields[starttime], 10, 64)
	host, err2 := os.ReadFile("/proc/stat")
	if errors.Join(err, err2) != nil {
		return began, false
	}
	for line := range strings.Lines(string(host)) {
		if text, found := strings.CutPrefix(strings.TrimSpace(line), "btime "); found {
			seconds, err := strconv.ParseInt(text, 10, 64)
			return time.Unix(seconds+ticks/100, 0), err == nil
		}
	}
	return began, false
}

func terminate(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }
