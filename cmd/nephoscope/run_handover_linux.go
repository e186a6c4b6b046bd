package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/internal/install"
)

// lostAndFound is root's, at the top of each file system of Linux: a state folder may be on a disk of its own.
const lostAndFound = "lost+found"

// handOverState makes a state folder and what is in it a user's. A folder that holds something and that no agent has ever
// locked is not one.
func handOverState(dir string, who account) error {
	if who.canReplace(dir) {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() && ownerOf(info) == who.uid {
			return nil // so is what is in it, or the agent says what is not
		}
		return fmt.Errorf("hand over state folder: %s lies where %s decides what is there (sudo install -d -m 700 -o %s %s, or give the agent another --state folder)", dir, who.name, who.name, dir)
	}
	// Those above it stay root's, and the user can look for its own in them.
	if err := errors.Join(durable.MakePublicDir(filepath.Dir(dir)), durable.MakeDir(dir)); err != nil {
		return fmt.Errorf("hand over state folder: %w", err)
	}
	there, err := os.ReadDir(dir)
	if info, statErr := os.Stat(dir); errors.Is(err, fs.ErrPermission) && statErr == nil && ownerOf(info) == who.uid {
		return nil // so is what is in it, unless somebody has seen to that; root without CAP_DAC_READ_SEARCH cannot tell
	}
	if err != nil {
		return fmt.Errorf("hand over state folder: %w", err)
	}
	there = slices.DeleteFunc(there, func(e fs.DirEntry) bool { return e.Name() == lostAndFound })
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("hand over state folder: %w", err)
	}
	defer root.Close()
	if lock, err := root.Lstat("lock"); len(there) > 0 && (err != nil || !lock.Mode().IsRegular()) {
		return fmt.Errorf("hand over state folder: %s holds something else (%s); give the agent a --state folder of its own", dir, there[0].Name())
	}
	if len(there) > 0 { // an agent that runs needs what it has
		unlock, err := durable.Lock(dir)
		if err == nil {
			defer unlock()
		} else if !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	kept, err := root.Lstat(lastGood)
	foreign := err == nil && ownerOf(kept) != 0 && ownerOf(kept) != who.uid // mayRunAs has to know
	var all []string
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if name == lostAndFound && d.IsDir() {
			return fs.SkipDir
		}
		if name != lastGood || !foreign {
			all = append(all, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a stray that has gone
		}
		return err
	})
	for _, name := range slices.Backward(all) { // into a folder that was handed over root may not look, if it lacks the right
		if failed := handOver(root, name, who); failed != nil && !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	if err != nil {
		return fmt.Errorf("hand over state folder: %w", err)
	}
	return nil
}

// belongsToAnother tells whether a state folder was another user's than root's before. Root may lack the right to write there
// (CAP_DAC_OVERRIDE), as it does under the unit of the package: but it can take it back.
func belongsToAnother(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && ownerOf(info) != 0
}

// handOverLog makes the agent's log, and what it was rotated to, a user's: and its folder, if that is for it alone. What
// cannot be handed over is reported by whoever opens it. In a folder that is another's, root without CAP_DAC_OVERRIDE makes no
// file: there the user does, to whom the folder has been handed over. So does a user who could put a link in the folder's place.
func handOverLog(path string, layout install.Layout, who account) error {
	if path == "" || strings.HasPrefix(path, "/dev/") || who.canReplace(filepath.Dir(path)) {
		return nil
	}
	l, err := openLogFile(path, os.Stderr) // makes it
	if err == nil {
		_ = l.Close()
	} else {
		l = &logFile{path: path}
	}
	switch {
	case err == nil && who.uid == 0:
		return nil
	case err != nil && !errors.Is(err, fs.ErrPermission):
		return nil // as whoever opens it will report
	}
	dir := filepath.Dir(path)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("hand over log: %w", err)
	}
	defer root.Close()
	names := map[string]bool{}
	for i := range maxLogFiles {
		name := filepath.Base(l.name(i))
		names[name] = true
		if err := handOver(root, name, who); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("hand over log: %w", err)
		}
	}
	alone := dir == filepath.Dir(layout.OriginalState())
	if there, err := os.ReadDir(dir); err == nil && !alone {
		alone = true
		for _, f := range there {
			alone = alone && names[f.Name()]
		}
	}
	if !alone {
		return nil // the log is emptied there, where it cannot be rotated
	}
	if err := handOver(root, ".", who); err != nil {
		return fmt.Errorf("hand over log: %w", err)
	}
	return nil
}

// canReplace tells whether a user can put another folder, or a link to one, in the place of a folder or of one above it: what
// root gives away there could be anything of the system's.
func (who account) canReplace(dir string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return true
	}
	at, rest := "/", strings.Split(dir, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		above, err := os.Lstat(at)
		if err != nil {
			return true
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		sticky := err == nil && above.Mode()&fs.ModeSticky != 0 && ownerOf(info) != who.uid
		if name != ".." && who.uid != 0 && (ownerOf(above) == who.uid || who.writes(above) && !sticky) {
			return true
		}
		if errors.Is(err, fs.ErrNotExist) {
			return false // root will make it
		}
		if err != nil {
			return true
		}
		at = next
		if info.Mode()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(next)
			if links++; err != nil || links > 40 {
				return true
			}
			if at = filepath.Dir(next); filepath.IsAbs(to) {
				at = "/"
			}
			rest = append(strings.Split(to, "/"), rest...)
		}
	}
	return false
}

// writes tells whether the mode of a folder that is another's lets a user write to it.
func (who account) writes(folder fs.FileInfo) bool {
	stat, ok := folder.Sys().(*syscall.Stat_t)
	in := ok && (int(stat.Gid) == who.gid || slices.Contains(who.groups, int(stat.Gid)))
	return !ok || folder.Mode()&0o002 != 0 || in && folder.Mode()&0o020 != 0
}

// handOver makes one folder or file a user's. What is neither, what has a second name somewhere, and what could be run is
// none of ours and left alone: who may write in there could have put it there for root to give away.
func handOver(root *os.Root, name string, who account) error {
	before, err := root.Lstat(name)
	if err != nil || !before.IsDir() && !before.Mode().IsRegular() {
		return err
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !os.SameFile(before, info) {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	foreign := info.Mode().IsRegular() && (ok && stat.Nlink > 1 || info.Mode()&(0o111|fs.ModeSetuid|fs.ModeSetgid) != 0)
	if !ok || foreign || int(stat.Uid) == who.uid && int(stat.Gid) == who.gid {
		return nil
	}
	return f.Chown(who.uid, who.gid)
}
