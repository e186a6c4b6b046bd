package collectors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/disk"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

type diskUsage = disk.UsageStat

// diskTable: free is what an ordinary user may still write (bavail), used is all that is not free to anyone (blocks − bfree),
// so the blocks reserved for root are in neither, and used_percent is that of df.
var diskTable = []row[diskUsage]{
	{"free", cloudwatch.Bytes, func(u *diskUsage) float64 { return float64(u.Free) }},
	{"inodes_free", cloudwatch.Count, func(u *diskUsage) float64 { return float64(u.InodesFree) }},
	{"inodes_total", cloudwatch.Count, func(u *diskUsage) float64 { return float64(u.InodesTotal) }},
	{"inodes_used", cloudwatch.Count, func(u *diskUsage) float64 { return float64(u.InodesTotal) - float64(u.InodesFree) }},
	{"total", cloudwatch.Bytes, func(u *diskUsage) float64 { return float64(u.Total) }},
	{"used", cloudwatch.Bytes, usedBytes},
	{"used_percent", cloudwatch.Percent, usedPercent},
}

// usedBytes distrusts a file system that has more free blocks than blocks: gopsutil's difference wraps around.
func usedBytes(u *diskUsage) float64 {
	if u.Used > u.Total {
		return math.NaN()
	}
	return float64(u.Used)
}

func usedPercent(u *diskUsage) float64 {
	whole := usedBytes(u) + float64(u.Free)
	if whole == 0 {
		return 0 // all of it is reserved for root and unused; the original sends 0
	}
	return percentOf(usedBytes(u), whole)
}

// mount is one file system where it is mounted.
type mount struct{ path, device, fstype string }

type diskCollector struct {
	host       Host
	place      config.Place
	resources  []string // mount points; nil: all
	ignored    []string // file system types
	dropDevice bool
	noPseudo   bool
	prefix     string // of the host's mounts in our own mount namespace
	mounts     func(Host) ([]mount, error)
	usage      *inquiry[*diskUsage]
	dims       map[mount][]cloudwatch.Dimension // of the last Collect
	*sheet[diskUsage]
}

func buildDisk(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, diskTable)
	if s == nil {
		return nil, problems
	}
	c := &diskCollector{
		host: h, place: p.Place, ignored: p.IgnoreFileSystemTypes, dropDevice: p.DropDevice, noPseudo: p.IgnorePseudoFileSystems,
		mounts: readMounts, usage: newInquiry(p.Interval, usageReader(h)), sheet: s,
	}
	if !slices.Contains(p.Resources, "*") {
		c.resources = p.Resources
	}
	if h.Root == "" {
		c.prefix = os.Getenv("HOST_MOUNT_PREFIX")
	}
	return c, problems
}

func (c *diskCollector) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	all, err := c.mounts(c.host)
	mounts := c.choose(all)
	usages, err2 := c.ask(ctx, mounts)
	data := make([]cloudwatch.Datum, 0, len(usages)*len(c.columns))
	dims := make(map[mount][]cloudwatch.Dimension, len(mounts))
	for _, m := range mounts {
		u := usages[c.reachedAt(m.path)]
		id := c.identity(m)
		if u == nil || u.Total == 0 || dims[id] != nil { // unanswered, nothing to measure, or the same series twice
			continue
		}
		if dims[id] = c.dims[id]; dims[id] == nil {
			dims[id] = c.dimensions("path", id.path, "device", id.device, "fstype", id.fstype)
		}
		data = c.fill(data, now, u, dims[id])
	}
	c.dims = dims
	return data, errors.Join(err, err2)
}

// choose keeps the mounts that the configuration wants. autofs is never asked: to ask is to mount.
func (c *diskCollector) choose(all []mount) []mount {
	paths := make(map[string]bool, len(all))
	for _, m := range all {
		paths[m.path] = true
	}
	return slices.DeleteFunc(all, func(m mount) bool {
		if at := c.reachedAt(m.path); at != m.path && paths[at] {
			return true // the host's own mount, which is also listed where we can reach it
		}
		return m.fstype == "autofs" || slices.Contains(c.ignored, m.fstype) ||
			len(c.resources) > 0 && !slices.Contains(c.resources, m.path) ||
			c.noPseudo && m.pseudo()
	})
}

// reachedAt is where a mount of the host is seen from here.
func (c *diskCollector) reachedAt(path string) string {
	if c.prefix == "" || strings.HasPrefix(path, c.prefix) {
		return path
	}
	return filepath.Join(c.prefix, path)
}

// identity is a mount as its dimensions name it.
func (c *diskCollector) identity(m mount) mount {
	if c.prefix != "" {
		m.path = filepath.Join("/", strings.TrimPrefix(m.path, c.prefix))
	}
	m.device = strings.ReplaceAll(m.device, "/dev/", "")
	if c.dropDevice {
		m.device = ""
	}
	return m
}

// ask collects the usage of each mount by the path it is reached at. A mount that this user may not look into, or that went
// away meanwhile, is an error only if the configuration names it: under "all" nobody asked for it in particular.
func (c *diskCollector) ask(ctx context.Context, mounts []mount) (map[string]*diskUsage, error) {
	paths := make([]string, len(mounts))
	for i, m := range mounts {
		paths[i] = c.reachedAt(m.path)
	}
	var errs []error
	usages := make(map[string]*diskUsage, len(paths))
	for path, a := range c.usage.ask(ctx, paths) {
		switch {
		case a.err == nil:
			usages[path] = a.value
		case len(c.resources) > 0 || !errors.Is(a.err, fs.ErrPermission) && !errors.Is(a.err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("read disk usage of %s: %w", path, a.err))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if more := len(errs) - maxNamed; more > 1 { // one dead server may hold thousands of mounts
		errs = append(errs[:maxNamed], fmt.Errorf("and %d more", more))
	}
	return usages, errors.Join(errs...)
}
