//go:build unix

package agent

import "syscall"

// noUnixSockets is the error of a system without them.
const noUnixSockets = syscall.EAFNOSUPPORT

// forOwner gives a socket its mode before it has a name. Linux makes the file with it; elsewhere there is a moment until
// the mode is set, in which the state folder keeps others out.
func forOwner(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
}
