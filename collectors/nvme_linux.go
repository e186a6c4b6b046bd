package collectors

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// controller is an NVMe controller of Amazon's.
type controller struct{ name, model, serial string }

type nvmeCollector struct {
	host           Host
	wanted         *regexp.Regexp // names of controllers or of their devices; nil: all
	counters       *inquiry[nvmeCounters]
	ebs, store     *sheet[nvmeReading]        // nil: not measured
	last, previous map[controller]knownVolume // previous is kept for its memory only
	data           []cloudwatch.Datum
}

// knownVolume is a controller as the last Collect saw it.
type knownVolume struct {
	counters nvmeCounters
	dims     []cloudwatch.Dimension
}

// buildNVMe is nil when nothing is measured of NVMe controllers.
func buildNVMe(p config.Plugin, h Host, ebs, store *sheet[nvmeReading]) (Collector, config.Problems) {
	if ebs == nil && store == nil {
		return nil, nil
	}
	c := &nvmeCollector{
		host: h, wanted: globs(p.Resources), ebs: ebs, store: store, last: map[controller]knownVolume{}, previous: map[controller]knownVolume{},
	}
	c.counters = newInquiry(p.Interval, c.ask)
	if h.Root != "" || mayAskDevices() {
		return c, nil
	}
	return c, config.Problems{config.Suspicion(p.Place, "diskio measures ebs_… or instance_store_…, which takes the right CAP_SYS_ADMIN: this process does not have it, nor has the agent's service unless it is given",
		"`nephoscope doctor` says how, and so does docs/metrics.md, at diskio; or leave these measurements out")}
}

// mayAskDevices tells whether the process has CAP_SYS_ADMIN. Linux sends no admin command for anybody else but some forms of
// Identify, of which the log page is none (nvme_cmd_allowed, drivers/nvme/host/ioctl.c; before 6.2 none at all).
func mayAskDevices() bool {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	return unix.Capget(&head, &sets[0]) == nil && sets[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

func (c *nvmeCollector) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	all, err := c.controllers()
	if err != nil {
		return nil, fmt.Errorf("list NVMe controllers: %w", err)
	}
	if len(all) == 0 {
		return nil, Notice{"diskio: there is no NVMe controller of EBS or of an instance store whose counters could be read"}
	}
	asked := make([]string, len(all))
	for i, one := range all {
		asked[i] = one.name + "/" + one.model
	}
	c.data = c.data[:0]
	// A controller that does not answer now is forgotten: a difference over two intervals would be told as one of one.
	c.last, c.previous = c.previous, c.last
	clear(c.last)
	var trouble troubles
	for i, answer := range c.counters.ask(ctx, asked) {
		one := all[i]
		if answer.err != nil {
			trouble.add(one.name, answer.err)
			continue
		}
		s, dimension := c.sheetOf(one.model)
		r := nvmeReading{now: answer.value}
		known, ok := c.previous[one]
		if ok {
			r.known = since(r.now[:nvmeQueue], known.counters[:nvmeQueue], r.grown[:nvmeQueue])
		} else {
			known.dims = s.dimensions(dimension, volumeOf(one.serial))
		}
		c.last[one] = knownVolume{r.now, known.dims}
		c.data = s.fill(c.data, now, &r, known.dims)
	}
	return c.data, trouble.err()
}

// sheetOf is what is measured of a model, and the dimension that tells one from the other.
func (c *nvmeCollector) sheetOf(model string) (s *sheet[nvmeReading], dimension string) {
	if model == ebsModel {
		return c.ebs, "VolumeId"
	}
	return c.store, "SerialId"
}

// controllers lists those that are measured.
func (c *nvmeCollector) controllers() (all []controller, err error) {
	names, err := os.ReadDir(c.host.sys("class/nvme"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, entry := range names {
		one := controller{name: entry.Name()}
		one.model, one.serial = c.attribute(one.name, "model"), c.attribute(one.name, "serial")
		if s, _ := c.sheetOf(one.model); s == nil || one.model != ebsModel && one.model != storeModel || !c.wants(one.name) {
			continue
		}
		all = append(all, one)
	}
	return all, nil
}

// attribute is "" where a controller is gone.
func (c *nvmeCollector) attribute(name, attribute string) string {
	text, err := os.ReadFile(c.host.sys(filepath.Join("class/nvme", name, attribute)))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// wants tells whether resources name the controller, or one of the block devices that it has.
func (c *nvmeCollector) wants(name string) bool {
	if c.wanted == nil || c.wanted.MatchString(name) {
		return true
	}
	entries, _ := os.ReadDir(c.host.sys(filepath.Join("class/nvme", name))) // one that is gone has none
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return strings.HasPrefix(e.Name(), name+"n") && c.wanted.MatchString(e.Name())
	})
}

// ask reads the log page of a controller, given as name/model.
func (c *nvmeCollector) ask(of string) (nvmeCounters, error) {
	name, model, _ := strings.Cut(of, "/")
	page, err := c.logPage(name)
	if err != nil {
		return nvmeCounters{}, err
	}
	return parseLogPage(page, model)
}

func (c *nvmeCollector) logPage(name string) ([]byte, error) {
	if c.host.Root != "" {
		text, err := os.ReadFile(filepath.Join(c.host.Root, "nvme", name+".hex"))
		if err != nil {
			return nil, err
		}
		return hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	}
	fd, err := again(func() (int, error) { return syscall.Open(c.host.dev(name), syscall.O_RDONLY|syscall.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: c.host.dev(name), Err: err}
	}
	defer syscall.Close(fd) // nothing was written
	return readLogPage(fd)
}

// nvmeAdminCommand is struct nvme_admin_cmd of linux/nvme_ioctl.h; the data are where the kernel wants their address.
type nvmeAdminCommand struct {
	opcode, flags    uint8
	_                uint16
	namespace        uint32
	_, _             uint32
	_                uint64
	data             uint64
	_, length        uint32
	dword10, dword11 uint32
	_, _, _, _       uint32
	milliseconds     uint32
	_                uint32
}

const (
	nvmeAdmin          = 0xC0484E41 // NVME_IOCTL_ADMIN_CMD
	nvmeGetLogPage     = 0x02       // NVM Express Base Specification, Get Log Page
	nvmeAllNamespaces  = 0xFFFFFFFF
	nvmePatience       = 2000 // milliseconds
	nvmeDwordsAreAbove = 16   // how many bits of command dword 10 stand before the number of dwords, less one
)

func readLogPage(fd int) ([]byte, error) {
	// The address leaves Go's sight: the page is outside of its heap, which would be free to move or reuse it.
	page, err := unix.Mmap(-1, 0, amazonLogBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("get memory for a log page: %w", err)
	}
	defer unix.Munmap(page) // it is there
	command := nvmeAdminCommand{
		opcode: nvmeGetLogPage, namespace: nvmeAllNamespaces, data: uint64(uintptr(unsafe.Pointer(&page[0]))), length: amazonLogBytes,
		dword10: (amazonLogBytes/4-1)<<nvmeDwordsAreAbove | amazonLogPage, milliseconds: nvmePatience,
	}
	status, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), nvmeAdmin, uintptr(unsafe.Pointer(&command)))
	switch {
	case errno == syscall.EACCES || errno == syscall.EPERM:
		return nil, fmt.Errorf("%w: to ask an NVMe controller takes CAP_SYS_ADMIN (docs/metrics.md, diskio)", errno)
	case errno != 0:
		return nil, errno
	case status != 0: // what the controller itself says
		return nil, fmt.Errorf("%w (NVMe status %#x)", errNoCounters, status)
	}
	return slices.Clone(page), nil
}

// troubles joins the errors of many things, and tells an equal one once.
type troubles struct {
	said []string
	of   map[string][]string
}

func (t *troubles) add(of string, err error) {
	if t.of == nil {
		t.of = map[string][]string{}
	}
	text := err.Error()
	if t.of[text] == nil {
		t.said = append(t.said, text)
	}
	t.of[text] = append(t.of[text], of)
}

func (t *troubles) err() error {
	var errs []error
	for _, text := range t.said {
		names := t.of[text]
		if more := len(names) - maxNamed; more > 1 {
			names = append(names[:maxNamed:maxNamed], fmt.Sprintf("%d more", more))
		}
		errs = append(errs, fmt.Errorf("read counters of %s: %s", strings.Join(names, ", "), text))
	}
	return errors.Join(errs...)
}
