package collectors

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// pseudoTypes are file systems that no disk of their own stands behind: memory, another file system's blocks, or an image
// that is always full. Most have no size and are never sent; those that have one cost as much as a disk.
var pseudoTypes = []string{
	"aufs", "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devfs", "devpts", "devtmpfs", "efivarfs",
	"fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal", "fuse.snapfuse", "fusectl", "hugetlbfs", "mqueue", "nsfs", "overlay",
	"overlayfs", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs", "selinuxfs", "squashfs", "sysfs", "tmpfs", "tracefs",
}

// blocklessTypes have no size, on any Linux: their statfs is simple_statfs (fs/libfs.c), which leaves the blocks at zero. What
// has no size is not sent, so they are not asked either, unless the configuration names the mount.
var blocklessTypes = []string{
	"binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "fusectl", "mqueue", "nsfs", "proc", "pstore",
	"rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs",
}

// pseudo tells whether the mount is one of them. What is mounted at / never is: in a container it is an overlay, and the
// only disk there is.
func (m mount) pseudo() bool { return m.path != "/" && slices.Contains(pseudoTypes, m.fstype) }

// Advise names the mount points that the configuration names in vain or, where it names none, the pseudo file systems that it
// pays for unasked.
func (c *diskCollector) Advise(ctx context.Context) []config.Problem {
	all, err := c.mounts(c.host)
	if err != nil && len(all) == 0 {
		return nil // Collect will say so
	}
	if len(c.resources) > 0 {
		return c.notMounted(all)
	}
	plan := c.planFor(all)
	usages, _ := c.ask(ctx, plan.paths)
	paid, types := map[string]bool{}, map[string]bool{}
	for _, s := range plan.series {
		if u := usages[s.asked]; u != nil && u.Total > 0 && s.pseudo() {
			paid[fmt.Sprintf("%s at %s", s.fstype, s.path)] = true
			types[s.fstype] = true
		}
	}
	if len(paid) == 0 {
		return nil
	}
	return []config.Problem{config.Suspicion(c.place, "disk sends what has no disk behind it, "+costOf(paid, len(c.columns)),
		fmt.Sprintf(`add "ignore_pseudo_file_systems": true, or "ignore_file_system_types": ["%s"]`,
			strings.Join(slices.Sorted(maps.Keys(types)), `", "`)))}
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
