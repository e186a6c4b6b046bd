package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/nephoscope/nephoscope/tailer"
)

// otherFiles is how many descriptors the agent holds that are no log files: connections, state, its log, inotify.
const otherFiles = 100

// lookAtLimits compares what the configuration takes with what the kernel gives.
func lookAtLimits(ctx context.Context, w *World, r *Result) {
	folders, files := map[string]bool{}, 0
	if _, logs := w.toLogs(""); logs {
		for _, entry := range w.Config.Logs.Files {
			p, err := w.Host.Present(entry)
			if err != nil {
				continue // the configuration's mistake, which has been told
			}
			files += len(p.Files)
			for _, folder := range p.Folders {
				folders[folder] = true
			}
			if p.Near != "" {
				folders[p.Near] = true
			}
		}
	}
	if lookAtInotify(w, len(folders), r) {
		lookAtDescriptors(ctx, w, files, r)
	}
}

// lookAtInotify tells whether this is a system where there is such a thing.
func lookAtInotify(w *World, folders int, r *Result) bool {
	watches, err := w.kernelNumber("fs/inotify/max_user_watches")
	if errors.Is(err, ErrElsewhere) {
		r.skip("%v", err)
		return false
	}
	instances, err2 := w.kernelNumber("fs/inotify/max_user_instances")
	if err := errors.Join(err, err2); err != nil {
		r.warn("", "the limits of inotify are not known: %v; without it the agent looks from time to time", err)
		return true
	}
	except := 0
	if w.Status != nil {
		except = w.Status.PID
	}
	held, err := w.Host.Inotify(w.User.UID, except)
	if err != nil {
		held = Inotify{}
	}
	const missed = "; folders that cannot be watched are looked at from time to time instead"
	if free := watches - held.Watches; free < folders {
		r.warn(sysctl("fs.inotify.max_user_watches", 2*(folders+held.Watches)), "%s to watch, and of the %d watches of a user %d are taken by others%s", output.Count(folders, "folder"), watches, held.Watches, missed)
	}
	if free := instances - held.Instances; free < 1 {
		r.warn(sysctl("fs.inotify.max_user_instances", 2*max(instances, held.Instances)), "all %d inotify instances of a user are taken by others%s", instances, missed)
	}
	r.note("%s to watch, of %d", output.Count(folders, "folder"), watches)
	return true
}

func sysctl(name string, to int) string {
	to = max(to, 8192)
	return fmt.Sprintf("echo %s=%d | sudo tee /etc/sysctl.d/60-nephoscope.conf && sudo sysctl --system", name, to)
}

func (w *World) kernelNumber(name string) (int, error) {
	raw, err := w.Host.ReadFile("/proc/sys/" + name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(raw)))
}

// lookAtDescriptors compares the files that are kept open with the limit of the agent's process, or of this one.
func lookAtDescriptors(ctx context.Context, w *World, files int, r *Result) {
	limit, whose := uint64(0), "a process here"
	var err error
	if w.Status != nil {
		var raw []byte
		if raw, err = w.Host.ReadFile(fmt.Sprintf("/proc/%d/limits", w.Status.PID)); err == nil {
			limit, err = openFilesOf(string(raw))
			whose = "the agent"
		}
	} else {
		limit, err = w.Host.OpenFiles()
	}
	if err != nil {
		r.note("how many files may be open is not known: %v", err)
		return
	}
	need := uint64(min(files, tailer.DefaultOpen) + otherFiles)
	if limit < need {
		cure := fmt.Sprintf("ulimit -n %d, before the agent is started", 2*need)
		if name := w.service(ctx); name != "" {
			cure = fmt.Sprintf("sudo systemctl edit %s: [Service] LimitNOFILE=%d", name, 2*need)
		}
		r.warn(cure, "%s may have %d files open, and %s take up to %d", whose, limit, output.Count(files, "log file"), need)
		return
	}
	r.note("%s may have %d files open, and needs up to %d", whose, limit, need)
}

// openFilesOf reads the soft limit out of /proc/PID/limits.
func openFilesOf(limits string) (uint64, error) {
	for line := range strings.Lines(limits) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			fields := strings.Fields(rest)
			if len(fields) > 0 && fields[0] == "unlimited" {
				return 1 << 62, nil
			}
			if len(fields) > 0 {
				return strconv.ParseUint(fields[0], 10, 64)
			}
		}
	}
	return 0, errors.New("read limits: there is no line about open files")
}
