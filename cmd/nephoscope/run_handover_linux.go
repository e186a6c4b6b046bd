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
// file: there the user does, to whom the folder has been handed over.
func handOverLog(path string, layout install.Layout, who account) error {
	if path == "" || strings.HasPrefix(path, "/dev/") {
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
