package listeners

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// together is how many datagrams one call receives at most.
	together = 64
	// longest is more than any datagram of UDP.
	longest = 64 << 10
)

// inbox is room for datagrams; of the pages that are never written the host has none.
type inbox struct {
	room    []byte
	vectors [together]unix.Iovec
	heads   [together]messageHead
}

// messageHead is struct mmsghdr of recvmmsg(2).
type messageHead struct {
	unix.Msghdr
	length uint32
}

func newInbox() *inbox {
	in := &inbox{room: make([]byte, together*longest)}
	for i := range in.heads {
		in.vectors[i].Base = &in.room[i*longest]
		in.vectors[i].SetLen(longest)
		in.heads[i].Iov = &in.vectors[i]
		in.heads[i].SetIovlen(1)
	}
	return in
}

// fetch receives what is there, and waits for nothing.
func (in *inbox) fetch(fd uintptr) (n int, err error) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&in.heads[0])), together, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

// wait waits for datagrams.
func (in *inbox) wait(s *socket) (n int, err error) {
	failed := s.raw.Read(func(fd uintptr) bool {
		n, err = in.fetch(fd)
		return err != syscall.EAGAIN
	})
	if failed != nil {
		return 0, failed
	}
	return n, err
}

// rest is wait without waiting, also after the deadline.
func (in *inbox) rest(s *socket) (n int) {
	s.raw.Control(func(fd uintptr) { n, _ = in.fetch(fd) })
	return n
}

// packets are those that the last call received.
func (in *inbox) packets(n int) func(yield func(packet []byte, whole bool) bool) {
	return func(yield func([]byte, bool) bool) {
		for i := range n {
			h := &in.heads[i]
			if !yield(in.room[i*longest:][:h.length], h.Flags&unix.MSG_TRUNC == 0) {
				return
			}
		}
	}
}

// enlarge makes the kernel's buffer as large as is wanted and permitted: root may go beyond net.core.rmem_max.
func (s *socket) enlarge(bytes int) {
	forced := false
	s.raw.Control(func(fd uintptr) {
		forced = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, min(bytes, mostBuffer)) == nil
	})
	if !forced {
		s.conn.SetReadBuffer(min(bytes, mostBuffer)) // the kernel gives what it may
	}
}

// mostBuffer bounds what the kernel may hold for one socket; it doubles it.
const mostBuffer = 64 << 20

// dropped is how many datagrams the kernel had no room for since it was last called (SO_MEMINFO, since Linux 4.12; ss(8)
// shows it as d).
func (s *drops) dropped() int64 {
	var info [9]uint32 // linux/sock_diag.h: SK_MEMINFO_DROPS is the ninth
	size := uint32(unsafe.Sizeof(info))
	var errno unix.Errno
	s.raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	})
	runtime.KeepAlive(s)
	if errno != 0 || size < uint32(unsafe.Sizeof(info)) {
		return 0
	}
	n := info[8] - s.lost // it may pass 2^32
	s.lost = info[8]
	return int64(n)
}
