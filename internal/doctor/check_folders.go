package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/output"
)

const (
	// littleRoom is below what the agent can hardly go on: a journal that is written anew, and a log line.
	littleRoom = 16 << 20
	// logRoom is what the agent's own log may grow to: five files of 10 MiB.
	logRoom = 50 << 20
	// defaultSpool is metrics.spool_mib's default.
	defaultSpool = 64 << 20
	fewInodes    = 1000
)

// lookAtFolders asks whether the agent can keep its state, spool metrics and write its log.
func lookAtFolders(_ context.Context, w *World, r *Result) {
	if w.NoUser != nil {
		r.skip("the agent's user is not known: %v", w.NoUser)
		return
	}
	if w.State == "" {
		r.skip("no state folder is known")
		return
	}
	look := remembering(w.Host.Node)
	if !lookAtState(w, look, r) {
		return
	}
	room := uint64(logRoom + defaultSpool)
	if w.Config != nil && w.Config.Metrics != nil {
		room = logRoom + uint64(max(w.Config.Metrics.SpoolBytes, 0))
	}
	lookAtRoom(w, w.State, room, r)
	if w.Config != nil && w.Config.Agent.LogFile != "" && filepath.IsAbs(w.Config.Agent.LogFile) && !strings.HasPrefix(w.Config.Agent.LogFile, "/dev/") {
		lookAtOwnLog(w, look, w.Config.Agent, r)
	}
}

// lookAtState tells whether it makes sense to go on.
func lookAtState(w *World, look func(string) (Node, error), r *Result) bool {
	node, err := look(w.State)
	switch {
	case errors.Is(err, ErrElsewhere):
		r.skip("%v", err)
		return false
	case errors.Is(err, fs.ErrNotExist):
		above := nearest(look, w.State)
		if reach(look, w.User, above, mayWrite|mayEnter) != nil {
			r.fail(fmt.Sprintf("sudo install -d -m 700 -o %s %s", install.ShellWord(w.User.Name), install.ShellWord(w.State)), "the state folder %s is not there, and %s may not make it in %s", w.State, w.User.Name, above)
		} else {
			r.note("the state folder %s is not there yet; the agent makes it", w.State)
		}
		return true
	case err != nil:
		r.fail("run nephoscope doctor as root: sudo nephoscope doctor", "the state folder %s cannot be looked at: %v", w.State, err)
		return false
	case !node.Mode.IsDir() && node.Mode&fs.ModeSymlink == 0:
		r.fail("name another with --state", "the state folder %s is no folder", w.State)
		return false
	}
	if b := reach(look, w.User, w.State, mayRead|mayWrite|mayEnter); b != nil {
		r.fail(fmt.Sprintf("sudo chown -R %s %s && sudo chmod 700 %[2]s", install.ShellWord(w.User.Name), install.ShellWord(w.State)), "%s may not write to the state folder %s: %s is %s, owner %s", w.User.Name, w.State, b.path, b.node, w.owner(b.node.UID))
	}
	if node.Mode.IsDir() && node.Mode.Perm()&0o077 != 0 {
		r.warn("sudo chmod 700 "+install.ShellWord(w.State), "the state folder %s is open to others (mode %s): what is in it tells which files are read, and how far", w.State, node)
	}
	lookInside(w, look, r)
	return true
}

// lookInside finds state that the agent cannot rewrite, or that others can read, and how much there is.
func lookInside(w *World, look func(string) (Node, error), r *Result) {
	var size, spooled, batches int64
	var foreign, open []string
	for _, dir := range []string{w.State, filepath.Join(w.State, "spool")} {
		entries, err := w.Host.ReadDir(dir)
		if errors.Is(err, fs.ErrPermission) {
			r.note("what is in the state folder %s cannot be looked at: %v", w.State, err)
			return
		}
		if err != nil {
			continue // reach has told, or it is not there yet
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			node, err := look(path)
			if err != nil {
				continue // it is gone
			}
			if node.UID != w.User.UID && !w.User.WritesAll {
				foreign = append(foreign, path)
			}
			if node.Mode.Perm()&0o077 != 0 && node.Mode&fs.ModeSymlink == 0 {
				open = append(open, path)
			}
			if !node.Mode.IsRegular() {
				continue
			}
			if dir == w.State {
				size += node.Size
			} else {
				spooled, batches = spooled+node.Size, batches+1
			}
		}
	}
	if len(foreign) > 0 {
		r.fail(fmt.Sprintf("sudo chown -R %s %s", install.ShellWord(w.User.Name), install.ShellWord(w.State)), "%s in the state folder of somebody else than %s: %s%s", output.Count(len(foreign), "file is", "files are"), w.User.Name, foreign[0], more(len(foreign)))
	}
	if len(open) > 0 {
		r.warn(fmt.Sprintf("sudo chmod -R go= %s", install.ShellWord(w.State)), "%s open to others in the state folder: %s%s", output.Count(len(open), "file is", "files are"), open[0], more(len(open)))
	}
	r.note("%s: %s of checkpoints, %s spooled (%s)", w.State, output.Bytes(size), output.Count(int(batches), "batch of metrics", "batches of metrics"), output.Bytes(spooled))
}

func more(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n-1)
}

func lookAtOwnLog(w *World, look func(string) (Node, error), a config.Agent, r *Result) {
	folder := nearest(look, filepath.Dir(a.LogFile))
	if b := reach(look, w.User, folder, mayWrite|mayEnter); b != nil {
		dir := filepath.Dir(a.LogFile)
		r.fail(fmt.Sprintf("sudo install -d -o %s %s", install.ShellWord(w.User.Name), install.ShellWord(dir)), "%s may not write the agent's log %s: %s is %s, owner %s", w.User.Name, a.LogFile, b.path, b.node, w.owner(b.node.UID))
		return
	}
	node, err := look(a.LogFile)
	switch {
	case err == nil && !node.Mode.IsRegular():
		r.fail("name the file itself in agent.logfile", "the agent's log %s is no regular file, and the agent follows no link", a.LogFile)
		return
	case err == nil:
		if b := reach(look, w.User, a.LogFile, mayWrite); b != nil {
			r.fail(fmt.Sprintf("sudo chown %s %s", install.ShellWord(w.User.Name), install.ShellWord(a.LogFile)), "%s may not write the agent's log %s: mode %s, owner %s", w.User.Name, a.LogFile, b.node, w.owner(b.node.UID))
			return
		}
	}
	lookAtRoom(w, folder, logRoom, r)
}

// lookAtRoom asks the file system under a path for room.
func lookAtRoom(w *World, path string, room uint64, r *Result) {
	path = nearest(w.Host.Node, path)
	d, err := w.Host.Disk(path)
	if err != nil {
		r.warn("", "the room under %s is not known: %v", path, err)
		return
	}
	cure := "df -h " + install.ShellWord(path) + "; make room, or move the state with --state"
	switch {
	case d.ReadOnly:
		r.fail("sudo mount -o remount,rw the file system; dmesg says why it is so", "%s lies on a file system that is read-only", path)
	case d.Free < littleRoom:
		r.fail(cure, "%s has only %s free", path, output.Bytes(d.Free))
	case d.Inodes > 0 && d.FreeInodes == 0:
		r.fail("df -i "+install.ShellWord(path)+"; remove files", "%s has no inodes left: no file can be made", path)
	case d.Free < room:
		r.warn(cure, "%s has %s free, and the agent may need %s", path, output.Bytes(d.Free), output.Bytes(room))
	case d.Inodes > 0 && d.FreeInodes < fewInodes:
		r.warn("df -i "+install.ShellWord(path)+"; remove files", "%s has only %d inodes left", path, d.FreeInodes)
	default:
		r.note("%s free under %s", output.Bytes(d.Free), path)
	}
}

// nearest is a path, or the folder above it that is there.
func nearest(look func(string) (Node, error), path string) string {
	for ; path != filepath.Dir(path); path = filepath.Dir(path) {
		if _, err := look(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return path
}
