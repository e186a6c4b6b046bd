package collectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nicLink is a network interface of the agent's network namespace.
type nicLink struct {
	name         string
	up, loopback bool
}

// nicNames are a driver, and what it calls its counters. The same as long as nothing of it changes.
type nicNames struct {
	driver   string
	counters []string
}

// nicReader asks drivers of network interfaces for their counters, as the program ethtool -S does.
type nicReader struct {
	host  Host
	known map[string]*nicNames
	// room is for the answer of ETHTOOL_GSTATS: struct ethtool_stats, then eight bytes for each counter.
	room []uint64
	fd   int // by which the kernel is asked, from begin on
}

func newNICReader(h Host) *nicReader { return &nicReader{host: h, known: map[string]*nicNames{}} }

func (r *nicReader) forget(name string) { delete(r.known, name) }

// begin makes ready to read interfaces, until end.
func (r *nicReader) begin() (end func(), err error) {
	if r.host.Root != "" {
		return func() {}, nil
	}
	if r.fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return nil, err
	}
	return func() { _ = syscall.Close(r.fd) }, nil // nothing was written
}

func (r *nicReader) links() (all []nicLink, err error) {
	if r.host.Root != "" {
		return r.capturedLinks()
	}
	links, err := net.Interfaces()
	for _, l := range links {
		all = append(all, nicLink{l.Name, l.Flags&net.FlagUp != 0, l.Flags&net.FlagLoopback != 0})
	}
	return all, err
}

// read returns the counters of an interface, good until the next read; no names: it is gone, or its driver has none.
func (r *nicReader) read(name string) (*nicNames, []uint64, error) {
	if r.host.Root != "" {
		return r.captured(name)
	}
	info, err := unix.IoctlGetEthtoolDrvinfo(r.fd, name)
	if err != nil {
		return nil, nil, unlessAbsent(err)
	}
	driver, count := unix.ByteSliceToString(info.Driver[:]), int(info.N_stats)
	if count == 0 {
		return nil, nil, nil
	}
	if count > mostCounters {
		return nil, nil, fmt.Errorf("the driver %s claims to have %d counters", driver, count)
	}
	names := r.known[name]
	if names == nil || names.driver != driver || len(names.counters) != count {
		counters, err := readNames(r.fd, name, count)
		if err != nil {
			return nil, nil, unlessAbsent(err)
		}
		names = &nicNames{driver, counters}
		r.known[name] = names
	}
	counters, err := r.stats(name, count)
	if err != nil {
		return nil, nil, unlessAbsent(err)
	}
	if len(counters) != len(names.counters) { // queues were added between the questions: names and counters may not belong together
		delete(r.known, name)
		return nil, nil, nil
	}
	return names, counters, nil
}

// unlessAbsent is the error, unless it says that there is nothing to be had: a driver without counters, an interface that is gone.
func unlessAbsent(err error) error {
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENODEV) {
		return nil
	}
	return err
}

// Of linux/ethtool.h.
const (
	ethtoolGetStrings = 0x1b // ETHTOOL_GSTRINGS
	ethtoolGetStats   = 0x1d // ETHTOOL_GSTATS
	ethtoolOfStats    = 1    // ETH_SS_STATS
	ethtoolNameBytes  = 32   // ETH_GSTRING_LEN
	mostCounters      = 1 << 15
)

// spare is how many counters more there is room for than the driver said it has: the kernel writes as many as there are by then.
func spare(count int) int { return 2*count + 1024 }

// ethtoolRequest is struct ifreq with a pointer.
type ethtoolRequest struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24]byte
}

func ethtool(fd int, name string, data unsafe.Pointer) error {
	request := ethtoolRequest{data: data}
	if len(name) >= len(request.name) {
		return syscall.ENODEV
	}
	copy(request.name[:], name)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return errno
	}
	return nil
}

// readNames asks what the counters are called.
func readNames(fd int, name string, count int) ([]string, error) {
	// struct ethtool_gstrings is three words, then the names.
	const head = 12
	room := make([]byte, head+ethtoolNameBytes*spare(count))
	words := (*[3]uint32)(unsafe.Pointer(&room[0]))
	words[0], words[1], words[2] = ethtoolGetStrings, ethtoolOfStats, uint32(count)
	if err := ethtool(fd, name, unsafe.Pointer(&room[0])); err != nil {
		return nil, err
	}
	return splitNames(room[head:], int(words[2])), nil
}

// splitNames parts the names of counters, each of which has 32 bytes and is filled up with zeros.
func splitNames(text []byte, count int) []string {
	names := make([]string, min(count, len(text)/ethtoolNameBytes))
	for i := range names {
		one := text[i*ethtoolNameBytes : (i+1)*ethtoolNameBytes]
		if end := bytes.IndexByte(one, 0); end >= 0 {
			one = one[:end]
		}
		names[i] = strings.TrimSpace(string(one))
	}
	return names
}

// stats asks for the counters. struct ethtool_stats is two words, and so one counter long.
func (r *nicReader) stats(name string, count int) ([]uint64, error) {
	if len(r.room) < 1+count {
		r.room = make([]uint64, 1+spare(count))
	}
	words := (*[2]uint32)(unsafe.Pointer(&r.room[0]))
	words[0], words[1] = ethtoolGetStats, uint32(count)
	if err := ethtool(r.fd, name, unsafe.Pointer(&r.room[0])); err != nil {
		return nil, err
	}
	return r.room[1:min(1+int(words[1]), len(r.room))], nil
}

// capturedNIC is an entry of a captured machine's ethtool.json, by interface.
type capturedNIC struct {
	Driver string
	Stats  map[string]uint64
}

func (r *nicReader) captured(name string) (*nicNames, []uint64, error) {
	text, err := os.ReadFile(filepath.Join(r.host.Root, "ethtool.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	var all map[string]capturedNIC
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	of, there := all[name]
	if err != nil || !there {
		return nil, nil, err
	}
	counters := slices.Sorted(maps.Keys(of.Stats))
	names := r.known[name]
	if names == nil || names.driver != of.Driver || !slices.Equal(names.counters, counters) {
		names = &nicNames{of.Driver, counters}
		r.known[name] = names
	}
	values := make([]uint64, len(counters))
	for i, c := range counters {
		values[i] = of.Stats[c]
	}
	return names, values, nil
}

func (r *nicReader) capturedLinks() (all []nicLink, err error) {
	entries, err := os.ReadDir(r.host.sys("class/net"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		text, err := os.ReadFile(r.host.sys(filepath.Join("class/net", e.Name(), "flags")))
		if err != nil {
			continue
		}
		flags, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 0, 32)
		all = append(all, nicLink{e.Name(), flags&syscall.IFF_UP != 0, flags&syscall.IFF_LOOPBACK != 0})
	}
	return all, err
}
