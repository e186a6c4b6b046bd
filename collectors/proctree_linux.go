package collectors

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/nephoscope/nephoscope/config"
)

// procTree lists processes and reads files of theirs, relative to one descriptor of /proc and into memory of its own: with
// thousands of processes every second, names and buffers made anew are most of the work.
type procTree struct {
	path    string
	fd      int
	entries []byte
	text    []byte
	name    []byte
}

func newProcTree(h Host) *procTree {
	return &procTree{path: h.proc(""), fd: -1, text: make([]byte, 0, firstRead)}
}

func (t *procTree) open() (err error) {
	t.fd, err = again(func() (int, error) {
		return syscall.Open(t.path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	})
	if err != nil {
		return &fs.PathError{Op: "open", Path: t.path, Err: err}
	}
	return nil
}

func (t *procTree) close() {
	_ = syscall.Close(t.fd) // nothing was written
	t.fd = -1
}

// Where the fields of struct linux_dirent64 are (getdents64(2)).
const (
	entryLength = 16
	entryName   = 19
)

// each visits all processes that can be seen. The inode of a process's folder is another one when its number is used again,
// and may be another one for no reason: what had the same is the same.
func (t *procTree) each(visit func(pid int, inode uint64)) error {
	if t.entries == nil {
		t.entries = make([]byte, 32<<10)
	}
	for {
		n, err := again(func() (int, error) { return syscall.ReadDirent(t.fd, t.entries) })
		if err != nil {
			return &fs.PathError{Op: "list", Path: t.path, Err: err}
		}
		if n <= 0 {
			return nil
		}
		for rest := t.entries[:n]; len(rest) > entryName; {
			length := int(binary.NativeEndian.Uint16(rest[entryLength:]))
			if length <= entryName || length > len(rest) {
				break
			}
			if pid, ok := pidOf(rest[entryName:length]); ok {
				visit(pid, binary.NativeEndian.Uint64(rest))
			}
			rest = rest[length:]
		}
	}
}

// pidOf reads a number that ends with a NUL.
func pidOf(name []byte) (pid int, ok bool) {
	for i, c := range name {
		if c == 0 {
			return pid, i > 0
		}
		if c < '0' || c > '9' || pid > 1<<31/10 {
			return 0, false
		}
		pid = pid*10 + int(c-'0')
	}
	return 0, false
}

// read returns the text of a file of a process, which is good until the next read. Such a file gives as much as fits at
// once, so a read that leaves room was the last.
func (t *procTree) read(pid int, file string) ([]byte, error) {
	fd, err := t.openAt(pid, file, syscall.O_RDONLY|syscall.O_CLOEXEC)
	if err != nil {
		return nil, err
	}
	t.text = t.text[:0]
	for err == nil {
		var n int
		n, err = again(func() (int, error) { return syscall.Read(fd, t.text[len(t.text):cap(t.text)]) })
		if t.text = t.text[:len(t.text)+max(n, 0)]; n <= 0 || len(t.text) < cap(t.text) {
			break
		}
		t.text = append(t.text, 0)[:len(t.text)]
	}
	_ = syscall.Close(fd) // nothing was written
	return t.text, err
}

// link returns where a link of a process leads, which is good until the next read.
func (t *procTree) link(pid int, file string) ([]byte, error) {
	t.nameOf(pid, file)
	for {
		room := t.text[:cap(t.text)]
		n, _, errno := syscall.Syscall6(syscall.SYS_READLINKAT, uintptr(t.fd), uintptr(unsafe.Pointer(&t.name[0])),
			uintptr(unsafe.Pointer(&room[0])), uintptr(len(room)), 0, 0)
		switch {
		case errno == syscall.EINTR:
		case errno != 0:
			return nil, errno
		case int(n) < len(room):
			return room[:n], nil
		default:
			t.text = make([]byte, 0, 2*len(room))
		}
	}
}

// count counts what is in a folder of a process.
func (t *procTree) count(pid int, folder string) (n int, err error) {
	fd, err := t.openAt(pid, folder, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd) // nothing was written
	room := t.text[:cap(t.text)]
	for {
		size, err := again(func() (int, error) { return syscall.ReadDirent(fd, room) })
		if err != nil || size <= 0 {
			return n, err
		}
		for rest := room[:size]; len(rest) > entryName; {
			length := int(binary.NativeEndian.Uint16(rest[entryLength:]))
			if length <= entryName || length > len(rest) {
				break
			}
			if rest[entryName] != '.' {
				n++
			}
			rest = rest[length:]
		}
	}
}

func (t *procTree) nameOf(pid int, file string) {
	t.name = strconv.AppendInt(t.name[:0], int64(pid), 10)
	t.name = append(append(append(t.name, '/'), file...), 0)
}

func (t *procTree) openAt(pid int, file string, flags int) (int, error) {
	t.nameOf(pid, file)
	return again(func() (int, error) {
		fd, _, errno := syscall.Syscall6(syscall.SYS_OPENAT, uintptr(t.fd), uintptr(unsafe.Pointer(&t.name[0])), uintptr(flags), 0, 0, 0)
		if errno != 0 {
			return -1, errno
		}
		return int(fd), nil
	})
}

// hidden tells whether others' processes are hidden from this one: there always is a first.
func (t *procTree) hidden() bool {
	if t.open() != nil {
		return false // whoever reads it will say so
	}
	defer t.close()
	_, err := t.read(1, "stat")
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

// adviseHidden says what a collector does not see then. The tree is not the collector's, which may be at work.
func adviseHidden(of *procTree, at config.Place, what string) []config.Problem {
	t := procTree{path: of.path, fd: -1, text: make([]byte, 0, firstRead)}
	if !t.hidden() {
		return nil
	}
	return []config.Problem{config.Suspicion(at, what+": /proc is mounted with hidepid, and hides the others",
		"run the agent as root, or mount /proc with gid= of a group that its user is in; in a unit of systemd, leave out ProtectProc=")}
}

var _ Adviser = (*processesCollector)(nil)
