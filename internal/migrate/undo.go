package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/tailer"
)

// Position is how far a log file was read here, and whether the original is told.
type Position struct {
	Path    string `json:"path"`
	State   string `json:"state"`             // the original's file for it
	Offset  int64  `json:"offset"`            // from where the original goes on
	Unread  int64  `json:"unread"`            // bytes behind it
	Changed bool   `json:"changed"`           // the state says something else, or is not there
	Left    []Left `json:"left,omitempty"`    // what the original will not look for
	Problem string `json:"problem,omitempty"` // why it is not told
	text    []byte
}

// Left is a rotated file that was not read to its end.
type Left struct {
	Path  string `json:"path,omitempty"` // none: it is not found
	Bytes int64  `json:"bytes"`
}

// Positions are those that the original would be told, from the checkpoints in a state folder, which are only read. A state that
// was written after our last checkpoint is the original's own word, and stays.
func Positions(l install.Layout, state string, c *config.Config) ([]Position, error) {
	journal := filepath.Join(state, "checkpoints")
	checkpoints, err := durable.ReadJournal(journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var last os.FileInfo
	if err == nil {
		last, err = os.Stat(journal)
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	var entries []config.File
	if c != nil && c.Logs != nil {
		entries = c.Logs.Files
	}
	var all []Position
	for _, h := range tailer.HandBack(checkpoints, entries, l.Root) {
		p := Position{Path: h.Path, State: filepath.Join(l.OriginalState(), h.State), Offset: h.Offset, Unread: h.Size - h.Offset, text: h.Text()}
		for _, left := range h.Left {
			p.Left = append(p.Left, Left(left))
		}
		if h.Err != nil {
			p.Problem = h.Err.Error()
		} else {
			p.compare(last.ModTime())
		}
		all = append(all, p)
	}
	return all, nil
}

// compare looks at what the original remembers of the file now.
func (p *Position) compare(last time.Time) {
	about, err := os.Lstat(p.State)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Changed = true
		return
	case err == nil && !about.Mode().IsRegular():
		err = errors.New(p.State + " is no regular file")
	}
	var before []byte
	if err == nil {
		before, err = os.ReadFile(p.State)
	}
	switch {
	case err != nil:
		p.Problem = err.Error()
	case bytes.Equal(before, p.text):
	case about.ModTime().After(last):
		p.Problem = "the original has read it since"
	default:
		p.Changed = true
	}
}

// Tell writes the positions that are new to it where the original looks for them.
func Tell(l install.Layout, positions []Position) error {
	for _, p := range positions {
		if !p.Changed {
			continue
		}
		if about, err := os.Lstat(l.OriginalState()); err == nil && !about.IsDir() { // its user may not send us elsewhere
			return fmt.Errorf("write positions: %s is no folder", l.OriginalState())
		}
		if err := durable.MakePublicDir(l.OriginalState()); err != nil {
			return fmt.Errorf("write positions: %w", err)
		}
		if err := durable.WritePublic(p.State, p.text); err != nil {
			return fmt.Errorf("write positions: %w", err)
		}
	}
	return nil
}

// LegacyCopy is where the legacy configuration of the original was stored, if what lies there still is that: the original reads
// both. "": nowhere.
func LegacyCopy(l install.Layout) string {
	stored := filepath.Join(l.Configs(), StoredName(l.Legacy()))
	legacy, err1 := os.ReadFile(l.Legacy())
	content, err2 := os.ReadFile(stored)
	if err1 != nil || err2 != nil || !bytes.Equal(legacy, content) {
		return ""
	}
	return stored
}
