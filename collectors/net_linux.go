package collectors

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// linkReader reads /proc/net/dev, which is of the network namespace that the agent itself is in, also under HOST_PROC: the
// original reads the same. Whether an interface is up is asked of that namespace too.
type linkReader struct {
	host  Host
	file  *procFile
	state *linkState
}

// linkState is what is kept between two reads, for its memory.
type linkState struct {
	links []link
	names map[string]string
}

func newLinkReader(h Host) linkReader {
	return linkReader{h, &procFile{path: h.proc("net/dev")}, &linkState{names: map[string]string{}}}
}

// read returns links that are good until the next read. With onlyUp they are those that are up, but no loopback.
func (r linkReader) read(_ context.Context, onlyUp bool) ([]link, error) {
	text, err := r.file.read()
	if err != nil {
		return nil, fmt.Errorf("read network counters: %w", err)
	}
	if err = r.state.parse(text); err != nil {
		err = fmt.Errorf("read network counters: %w", err)
	}
	if !onlyUp {
		return r.state.links, err
	}
	flags := func(name string) (uint16, bool) { return r.capturedFlags(name) }
	if r.host.Root == "" {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("ask which interfaces are up: %w", err)
		}
		defer syscall.Close(fd) // nothing was written
		flags = func(name string) (uint16, bool) { return askFlags(fd, name) }
	}
	up := r.state.links[:0]
	for _, l := range r.state.links {
		if f, there := flags(l.name); there && f&syscall.IFF_UP != 0 && f&syscall.IFF_LOOPBACK == 0 {
			up = append(up, l)
		}
	}
	r.state.links = up
	return up, err
}

// askFlags asks for the flags of an interface, which may be gone by now.
func askFlags(fd int, name string) (uint16, bool) {
	var request [40]byte // struct ifreq
	if len(name) >= syscall.IFNAMSIZ {
		return 0, false
	}
	copy(request[:], name)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCGIFFLAGS, uintptr(unsafe.Pointer(&request)))
	return binary.NativeEndian.Uint16(request[syscall.IFNAMSIZ:]), errno == 0
}

// capturedFlags are those of a captured machine.
func (r linkReader) capturedFlags(name string) (uint16, bool) {
	f := procFile{path: r.host.sys("class/net/" + name + "/flags")}
	text, err := f.read()
	if err != nil {
		return 0, false
	}
	flags, err := strconv.ParseUint(strings.TrimSpace(string(text)), 0, 32)
	return uint16(flags), err == nil
}

// parse reads the lines behind the two of the heading. What it cannot read is an error; the other lines still count.
func (s *linkState) parse(text []byte) error {
	var bad badLines
	s.links = s.links[:0]
	for i := 0; len(text) > 0; i++ {
		var line []byte
		if line, text = nextLine(text); i < 2 {
			continue
		}
		// The last colon ends the name: eth0:1 was once the name of an interface.
		colon := bytes.LastIndexByte(line, ':')
		if colon < 0 {
			bad.add(string(line))
			continue
		}
		name := bytes.TrimSpace(line[:colon])
		n, ok := twelve(line[colon+1:])
		if !ok || len(name) == 0 {
			bad.add(string(line))
			continue
		}
		known, there := s.names[string(name)]
		if !there {
			known = string(name)
			s.names[known] = known
		}
		s.links = append(s.links, link{known, traffic{
			bytesIn: n[0], packetsIn: n[1], errorsIn: n[2], droppedIn: n[3],
			bytesOut: n[8], packetsOut: n[9], errorsOut: n[10], droppedOut: n[11],
		}})
	}
	if len(s.names) > 2*len(s.links)+64 { // containers come and go, and so do their interfaces
		clear(s.names)
	}
	return bad.err()
}

// twelve reads the first twelve numbers of a line.
func twelve(line []byte) (n [12]uint64, ok bool) {
	for i := range n {
		var word []byte
		word, line = nextWord(line)
		if n[i], ok = number(word); !ok {
			return n, false
		}
	}
	return n, true
}
