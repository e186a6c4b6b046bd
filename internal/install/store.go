package install

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
)

// change is what becomes of one file. nil is a file that is not there.
type change struct {
	path          string
	before, after []byte
}

// changes are written together, or not at all.
type changes []change

// plan notes what a file is to hold; nothing, if it does so already.
func (cs *changes) plan(path string, after []byte) error {
	before, err := ReadRegular(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		before = nil
	case err != nil:
		return fmt.Errorf("read stored configuration: %w", err)
	case before == nil:
		before = []byte{}
	}
	if (before == nil) == (after == nil) && bytes.Equal(before, after) {
		return nil
	}
	*cs = append(*cs, change{path, before, after})
	return nil
}

func (cs changes) touches(path string) bool {
	return slices.ContainsFunc(cs, func(c change) bool { return c.path == path })
}

// commit writes everything that is new, and then removes what is to go: a crash between the two leaves too much rather than
// too little, and the next run of the same command puts it right. After an error everything is as it was.
func (cs changes) commit(group int) error {
	for i, c := range cs.inOrder() {
		if err := put(c.path, c.after, group); err != nil {
			return errors.Join(fmt.Errorf("store configuration: %w", err), cs.inOrder()[:i].undo(group))
		}
	}
	return nil
}

// undo puts everything back.
func (cs changes) undo(group int) (err error) {
	for _, c := range slices.Backward(cs.inOrder()) {
		if failed := put(c.path, c.before, group); failed != nil {
			err = errors.Join(err, fmt.Errorf("put configuration back: %w", failed))
		}
	}
	return err
}

func (cs changes) inOrder() changes {
	return slices.SortedStableFunc(slices.Values(cs), func(a, b change) int {
		rank := map[bool]int{true: 1}
		return rank[a.after == nil] - rank[b.after == nil]
	})
}

func put(path string, data []byte, group int) error {
	if data == nil {
		return durable.RemoveForGood(path)
	}
	return durable.WriteShared(path, data, group)
}

// stored are the configurations that run reads, by name, and every other file that a fetch replaces.
func (l Layout) stored() (documents []config.Document, others []string, err error) {
	entries, err := os.ReadDir(l.Configs())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("read stored configurations: %w", err)
	}
	if dead := l.deadLinks(entries); len(dead) > 0 {
		return nil, nil, fmt.Errorf("read stored configurations: %s is a link that leads nowhere (remove it, or fetch-config, which replaces everything)", dead[0])
	}
	documents, _, err = config.ReadDocuments(l.Configs())
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // which is to say that there is none
		return nil, nil, err
	}
	for _, e := range entries {
		path := filepath.Join(l.Configs(), e.Name())
		known := slices.ContainsFunc(documents, func(d config.Document) bool { return d.Name == path })
		if !known && e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			others = append(others, path)
		}
	}
	return documents, others, nil
}

// deadLinks are what run would stumble over, for it reads what links lead to.
func (l Layout) deadLinks(entries []fs.DirEntry) (paths []string) {
	for _, e := range entries {
		path := filepath.Join(l.Configs(), e.Name())
		if _, err := os.Stat(path); e.Type() == fs.ModeSymlink && errors.Is(err, fs.ErrNotExist) {
			paths = append(paths, path)
		}
	}
	return paths
}

// removeDeadLinks is for a command that replaces everything.
func (c *Control) removeDeadLinks() error {
	entries, err := os.ReadDir(c.Layout.Configs())
	if err != nil {
		return fmt.Errorf("read stored configurations: %w", err)
	}
	for _, path := range c.Layout.deadLinks(entries) {
		if err := durable.RemoveForGood(path); err != nil {
			return err
		}
		c.report.Changed = true
		c.say("Removed %s, a link that led nowhere", path)
	}
	return nil
}

// Stored names the configurations that run reads.
func (l Layout) Stored() ([]string, error) {
	documents, _, err := l.stored()
	names := []string{}
	for _, d := range documents {
		names = append(names, filepath.Base(d.Name))
	}
	return names, err
}

// groupOf is the group that the agent's user is in, by the passwd file of the installation: it reads what root stores.
// known is false if that file, or the user in it, is not there.
func (l Layout) groupOf(user string) (group int, known bool) {
	raw, err := os.ReadFile(l.under("/etc/passwd"))
	if err != nil {
		return durable.NoGroup, false
	}
	for line := range strings.Lines(string(raw)) {
		fields := strings.Split(line, ":")
		if len(fields) < 4 || fields[0] != user && fields[2] != user {
			continue
		}
		if _, err := fmt.Sscanf(fields[3], "%d", &group); err == nil {
			return group, true
		}
	}
	return durable.NoGroup, false
}
