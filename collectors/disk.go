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
	volumes    bool   // the dimension VolumeId is asked for
	prefix     string // of the host's mounts in our own mount namespace
	mounts     func(Host) ([]mount, error)
	usage      *inquiry[*diskUsage]
	plan       *diskPlan // of the last Collect
	data       []cloudwatch.Datum
	*sheet[diskUsage]
}

func buildDisk(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, diskTable)
	if s == nil {
		return nil, problems
	}
	c := &diskCollector{
		host: h, place: p.Place, ignored: p.IgnoreFileSystemTypes, dropDevice: p.DropDevice, noPseudo: p.IgnorePseudoFileSystems, volumes: p.VolumeID,
		mounts: (&mountTable{}).read, usage: newInquiry(p.Interval, usageReader(h)), sheet: s,
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
	if _, _, version := c.host.volumes.look(); c.plan == nil || c.plan.version != version || !slices.Equal(c.plan.of, all) {
		c.plan = c.planFor(all)
	}
	usages, err2 := c.ask(ctx, c.plan.paths)
	c.data = c.data[:0]
	clear(c.plan.told)
	for _, s := range c.plan.series {
		u := usages[s.asked]
		if u == nil || u.Total == 0 || c.plan.told[s.twin] { // unanswered, nothing to measure, or the same series twice
			continue
		}
		c.plan.told[s.twin] = true
		c.data = c.fill(c.data, now, u, s.dims)
	}
	return c.data, errors.Join(err, err2)
}

// diskPlan is whom to ask and what to call the answers. Mounts seldom change, and so does it.
type diskPlan struct {
	of      []mount // all that there are
	version int     // of what is known of volumes
	paths   []string
	series  []diskSeries
	told    []bool
}

// diskSeries is one mount as it is sent.
type diskSeries struct {
	mount
	asked int // where in paths
	dims  []cloudwatch.Dimension
	twin  int // the first of the series with these dimensions
}

func (c *diskCollector) planFor(all []mount) *diskPlan {
	attached, waited, version := c.host.volumes.look()
	p := &diskPlan{of: all, version: version}
	paths, twins := map[string]int{}, map[mount]int{}
	var serials map[string]string
	if c.volumes {
		serials = withAttached(serialNumbers(c.host), attached)
	}
	for _, m := range c.choose(all) {
		if c.volumes && waited && isWordless(c.identity(m).device, serials) {
			continue
		}
		at := c.reachedAt(m.path)
		asked, known := paths[at]
		if !known {
			asked = len(p.paths)
			paths[at] = asked
			p.paths = append(p.paths, at)
		}
		s := diskSeries{mount: c.identity(m), asked: asked}
		twin, twice := twins[s.mount]
		if !twice {
			twin = len(p.series)
			twins[s.mount] = twin
			s.dims = c.dimensions("path", s.path, "device", s.device, "fstype", s.fstype, "VolumeId", volumeBehind(s.device, serials))
		} else {
			s.dims = p.series[twin].dims
		}
		s.twin = twin
		p.series = append(p.series, s)
	}
	p.told = make([]bool, len(p.series))
	return p
}

// choose keeps the mounts that the configuration wants. autofs is never asked: to ask is to mount.
func (c *diskCollector) choose(all []mount) (wanted []mount) {
	paths := make(map[string]bool, len(all))
	for _, m := range all {
		paths[m.path] = true
	}
	for _, m := range all {
		if at := c.reachedAt(m.path); at != m.path && paths[at] {
			continue // the host's own mount, which is also listed where we can reach it
		}
		named := len(c.resources) > 0
		if m.fstype == "autofs" || slices.Contains(c.ignored, m.fstype) || c.noPseudo && m.pseudo() ||
			named && !slices.Contains(c.resources, m.path) || !named && slices.Contains(blocklessTypes, m.fstype) {
			continue
		}
		wanted = append(wanted, m)
	}
	return wanted
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

// ask collects the usage of each path; nil: it is not known. A mount that this user may not look into, or that went away
// meanwhile, is an error only if the configuration names it: under "all" nobody asked for it in particular.
func (c *diskCollector) ask(ctx context.Context, paths []string) ([]*diskUsage, error) {
	var errs []error
	usages := make([]*diskUsage, len(paths))
	for i, a := range c.usage.ask(ctx, paths) {
		switch {
		case a.err == nil:
			usages[i] = a.value
		case len(c.resources) > 0 || !errors.Is(a.err, fs.ErrPermission) && !errors.Is(a.err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("read disk usage of %s: %w", paths[i], a.err))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if more := len(errs) - maxNamed; more > 1 { // one dead server may hold thousands of mounts
		errs = append(errs[:maxNamed], fmt.Errorf("and %d more", more))
	}
	return usages, errors.Join(errs...)
}
