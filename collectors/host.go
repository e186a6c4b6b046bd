package collectors

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/shirou/gopsutil/v3/common"
)

// Host is where to read. The zero value is this machine, seen through HOST_PROC, HOST_SYS and HOST_DEV when they are set, as
// an agent in a container needs it. With a Root it is a captured machine: a folder that holds proc, sys and statfs.json.
type Host struct {
	Root string

	processes *processTable    // shared by all collectors of this host; nil: each has its own
	volumes   *attachedVolumes // shared as well; nil: nobody knows
}

// Shared is the same host for many collectors: what several of them look at is looked at once.
func (h Host) Shared() Host {
	h.processes, h.volumes = newProcessTable(h), &attachedVolumes{}
	return h
}

// processTable is the table of processes that a collector is to use.
func (h Host) processTable() *processTable {
	if h.processes == nil {
		return newProcessTable(h)
	}
	return h.processes
}

// clock tells when something was read. A captured machine has no clock but the moment of the collection.
func (h Host) clock(moment time.Time) time.Time {
	if h.Root == "" {
		return time.Now()
	}
	return moment
}

// proc is the path of a file below /proc.
func (h Host) proc(name string) string { return h.path("HOST_PROC", "proc", name) }

func (h Host) sys(name string) string { return h.path("HOST_SYS", "sys", name) }

func (h Host) dev(name string) string { return h.path("HOST_DEV", "dev", name) }

func (h Host) path(variable, folder, name string) string {
	if h.Root != "" {
		return filepath.Join(h.Root, folder, name)
	}
	return filepath.Join(cmp.Or(os.Getenv(variable), "/"+folder), name)
}

// context tells gopsutil where to read. A value of the context reaches only this call, where an environment variable would
// reach every test at once.
func (h Host) context(ctx context.Context) context.Context {
	if h.Root == "" {
		return ctx
	}
	return context.WithValue(ctx, common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: filepath.Join(h.Root, "proc"),
		common.HostSysEnvKey:  filepath.Join(h.Root, "sys"),
		common.HostDevEnvKey:  filepath.Join(h.Root, "dev"),
		common.HostEtcEnvKey:  filepath.Join(h.Root, "etc"),
		common.HostVarEnvKey:  filepath.Join(h.Root, "var"),
		common.HostRunEnvKey:  filepath.Join(h.Root, "run"),
		common.HostRootEnvKey: h.Root,
	})
}
