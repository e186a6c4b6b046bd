package collectors

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// dollarsPerSeries is the price of a custom metric per month in us-east-1, first tier (aws.amazon.com/cloudwatch/pricing).
// Other regions and later tiers differ, so what is made of it is called an estimate.
const dollarsPerSeries = 0.30

// pseudoTypes are file systems that no disk of their own stands behind: memory, another file system's blocks, or an image
// that is always full. Most have no size and are never sent; those that have one cost as much as a disk.
var pseudoTypes = []string{
	"aufs", "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
	"fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal", "fuse.snapfuse", "fusectl", "hugetlbfs", "mqueue", "nsfs", "overlay",
	"overlayfs", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs", "selinuxfs", "squashfs", "sysfs", "tmpfs", "tracefs",
}

// pseudo tells whether the mount is one of them. What is mounted at / never is: in a container it is an overlay, and the
// only disk there is.
func (m mount) pseudo() bool { return m.path != "/" && slices.Contains(pseudoTypes, m.fstype) }

// maxNamed is how many mounts a warning names before it only counts them.
const maxNamed = 4

// Advise names the pseudo file systems that the configuration pays for, and the mount points it names in vain.
func (c *diskCollector) Advise(ctx context.Context) []config.Problem {
	all, err := c.mounts(c.host)
	if err != nil && len(all) == 0 {
		return nil // Collect will say so
	}
	problems := c.notMounted(all)
	mounts := c.choose(all)
	usages, _ := c.ask(ctx, mounts)
	paid, types := map[string]bool{}, map[string]bool{}
	for _, m := range mounts {
		if u := usages[c.reachedAt(m.path)]; u != nil && u.Total > 0 && m.pseudo() {
			paid[fmt.Sprintf("%s at %s", m.fstype, c.identity(m).path)] = true
			types[m.fstype] = true
		}
	}
	if len(paid) == 0 {
		return problems
	}
	series := len(paid) * len(c.columns)
	return append(problems, config.Suspicion(c.place,
		fmt.Sprintf("disk sends %d series about %s, with no disk behind them: about $%.2f a month (an estimate at $%.2f each)",
			series, listed(paid), float64(series)*dollarsPerSeries, dollarsPerSeries),
		fmt.Sprintf(`add "ignore_pseudo_file_systems": true, or "ignore_file_system_types": ["%s"]`,
			strings.Join(slices.Sorted(maps.Keys(types)), `", "`))))
}

// notMounted names the resources at which there is no file system now.
func (c *diskCollector) notMounted(all []mount) (problems []config.Problem) {
	for _, path := range c.resources {
		if !slices.ContainsFunc(all, func(m mount) bool { return m.path == path }) {
			problems = append(problems, config.Suspicion(c.place, fmt.Sprintf("disk collects nothing of %q: no file system is mounted there now", path),
				"resources of disk are mount points, written as in /proc/self/mountinfo"))
		}
	}
	return problems
}

func listed(set map[string]bool) string {
	names := slices.Sorted(maps.Keys(set))
	if more := len(names) - maxNamed; more > 1 {
		names = append(names[:maxNamed], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
