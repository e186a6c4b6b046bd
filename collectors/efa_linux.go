package collectors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

type efaCollector struct {
	host           Host
	asked          []int                 // which of efaCounted are measured
	last, previous map[efaPort]knownPort // previous is kept for its memory only
	data           []cloudwatch.Datum
	*sheet[efaReading]
}

type efaPort struct{ device, port string }

// knownPort is a port as the last Collect saw it.
type knownPort struct {
	counters efaCounters
	dims     []cloudwatch.Dimension
}

func buildEFA(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, efaTable)
	if s == nil {
		return nil, problems
	}
	c := &efaCollector{host: h, last: map[efaPort]knownPort{}, previous: map[efaPort]knownPort{}, sheet: s}
	for i, counted := range efaCounted {
		if s.has(counted.name) {
			c.asked = append(c.asked, i)
		}
	}
	return c, problems
}

func (c *efaCollector) Collect(_ context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	ports, err := c.ports()
	if err != nil {
		return nil, fmt.Errorf("list fabric adapters: %w", err)
	}
	if len(ports) == 0 {
		return nil, Notice{"efa: this host has no Elastic Fabric Adapter"}
	}
	c.data = c.data[:0]
	// A port that is not seen now is forgotten: what comes back under its name may be another one.
	c.last, c.previous = c.previous, c.last
	clear(c.last)
	var trouble troubles
	for _, port := range ports {
		counters, err := c.read(port)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is gone
		}
		if err != nil {
			trouble.add(port.device+" port "+port.port, err)
			continue
		}
		var r efaReading
		known, ok := c.previous[port]
		if ok {
			r = counters.since(&known.counters)
		} else {
			r = counters.since(nil)
			known.dims = c.dimensions("device", port.device, "port", port.port)
		}
		c.last[port] = knownPort{counters, known.dims}
		c.data = c.fill(c.data, now, &r, known.dims)
	}
	return c.data, trouble.err()
}

// ports lists those that have counters of their hardware.
func (c *efaCollector) ports() (all []efaPort, err error) {
	devices, err := os.ReadDir(c.host.sys("class/infiniband"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, d := range devices {
		ports, _ := os.ReadDir(c.host.sys(filepath.Join("class/infiniband", d.Name(), "ports"))) // one that is gone has none
		for _, p := range ports {
			all = append(all, efaPort{d.Name(), p.Name()})
		}
	}
	return all, nil
}

// read leaves out what the driver does not have or, of this hardware, does not count.
func (c *efaCollector) read(port efaPort) (n efaCounters, err error) {
	folder := c.host.sys(filepath.Join("class/infiniband", port.device, "ports", port.port, "hw_counters"))
	if _, err := os.Stat(folder); err != nil {
		return n, err
	}
	for _, i := range c.asked {
		text, err := os.ReadFile(filepath.Join(folder, efaCounted[i].file))
		if slices.ContainsFunc([]error{fs.ErrNotExist, syscall.EOPNOTSUPP, syscall.EINVAL}, func(absent error) bool { return errors.Is(err, absent) }) {
			continue
		}
		if err != nil {
			return n, err
		}
		if n[i].n, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err != nil {
			return n, fmt.Errorf("%s makes no sense: %.80q", efaCounted[i].file, strings.TrimSpace(string(text)))
		}
		n[i].there = true
	}
	return n, nil
}
