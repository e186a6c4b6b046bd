package tailer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Store is where checkpoints are kept: durable once Put has returned. A durable.Journal is one.
type Store interface {
	Get(name string) (value []byte, ok bool)
	Put(name string, value []byte) error
	Delete(name string) error
	Names() []string
}

// checkpoint is what is remembered of a path: up to where each file that is or was there has been acknowledged, oldest
// first. More than one while a rotated file is being drained.
type checkpoint struct {
	Files []position `json:"files"`
	// Drained are the files that were read to their end last: a glob may match them under their new names.
	Drained []position `json:"drained,omitempty"`
	// Left is, of a path that led to nothing any more, when its last file had been written to last, by its own word;
	// nanoseconds since the epoch. What is written to later, and rotated away, has not been seen.
	Left int64 `json:"left,omitempty"`
	// Wire is the batch that was about to be sent, if it is to be looked up in its stream when no answer comes.
	Wire *doubt `json:"wire,omitempty"`
	// Edge is the trace of the newest events that are acknowledged.
	Edge cloudwatch.Trace `json:"edge,omitzero"`
	// From are the entries that had the path before, the last one last: this one went on where they had stopped.
	From []string `json:"from,omitempty"`
}

const (
	rememberDrained = 8
	rememberFrom    = 8
)

// beyond tells whether a checkpoint is at least as far as another one of the path, as far as can be told.
func (cp checkpoint) beyond(other checkpoint) bool {
	if len(other.Files) == 0 {
		return false
	}
	newest := other.Files[len(other.Files)-1]
	same := func(p position) bool {
		return p.is(newest.identity) && (p.Bytes != newest.Bytes || p.fingerprint == newest.fingerprint)
	}
	return slices.ContainsFunc(cp.Drained, same) || slices.ContainsFunc(cp.Files, func(p position) bool { return same(p) && p.Offset >= newest.Offset })
}

// covers tells whether the path leads to what was read last, and that was all of it.
func (cp checkpoint) covers(path string) bool {
	if len(cp.Files) != 1 {
		return false
	}
	p := cp.Files[0]
	f := openIf(path, p.Offset, func(c *file) bool { return c.id.is(p.identity) && p.fits(c.f) && c.info.Size() == p.Offset })
	if f == nil {
		return false
	}
	f.close()
	return true
}

// position is how far one file has been acknowledged.
type position struct {
	identity
	fingerprint
	Offset int64 `json:"offset"`
	// Quiet is when the path's files had been written to last, by their own word, as far as is known; nanoseconds since the
	// epoch. What was written to later and is not in the checkpoint has not been seen.
	Quiet int64 `json:"quiet,omitempty"`
	// Tail is, of a file that was read to its end, a checksum of its last bytes: it may come back compressed.
	Tail uint64 `json:"tail,omitempty"`
	// Landmarks tell, after a power cut, how much of the file is as it was.
	Landmarks landmarks `json:"landmarks,omitzero"`
}

// Memory is the checkpoints of all entries. A checkpoint's name is the path and, behind it, the entry's group and stream as
// they are written in the configuration: placeholders such as {date} change from run to run, the place in a file does not.
type Memory struct {
	store Store

	mu      sync.Mutex
	owner   map[string]int      // entries by their part of the name
	orphans map[string][]string // the owners of checkpoints that are no entry's any more, by path; nil: not listed yet
}

// NewMemory keeps checkpoints in a store.
func NewMemory(store Store) *Memory { return &Memory{store: store, owner: map[string]int{}} }

const nameSeparator = " > "

func (m *Memory) claim(owner string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owner[owner] += n
	m.orphans = nil
}

// load finds the checkpoint of a path: the owner's own, else one that an entry left which is no longer configured (its
// group was renamed, say), or one that such an entry left which went on from the owner's (it is renamed back): what has been
// sent once is not sent again.
func (m *Memory) load(path, owner string) (cp checkpoint, found bool, err error) {
	if cp, found, err = m.read(path + owner); err != nil {
		return cp, found, err
	}
	own := found
	for _, other := range m.orphansOf(path) {
		left, there, failed := m.read(path + other)
		if !own {
			err = errors.Join(err, failed)
		}
		further := left.beyond(cp) && (!own || slices.Contains(left.From, owner))
		if failed == nil && there && other != owner && (!found || further) {
			cp, found = left, true
			cp.From = append(slices.DeleteFunc(left.From, func(name string) bool { return name == owner }), other)
			cp.From = cp.From[max(0, len(cp.From)-rememberFrom):]
		}
	}
	return cp, found, err
}

// orphansOf are the owners of a path's checkpoints that are no longer configured. There may be as many as files: they are
// listed once for each change of what is configured.
func (m *Memory) orphansOf(path string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.orphans == nil {
		m.orphans = map[string][]string{}
		for _, name := range m.store.Names() {
			if path, owner, ok := strings.Cut(name, nameSeparator); ok && m.owner[nameSeparator+owner] == 0 {
				m.orphans[path] = append(m.orphans[path], nameSeparator+owner)
			}
		}
	}
	return m.orphans[path]
}

// paths are those of which an owner has a checkpoint.
func (m *Memory) paths(owner string) (all []string) {
	for _, name := range m.store.Names() {
		if path, own := strings.CutSuffix(name, owner); own {
			all = append(all, path)
		}
	}
	return all
}

func (m *Memory) read(name string) (cp checkpoint, found bool, err error) {
	raw, ok := m.store.Get(name)
	if !ok {
		return checkpoint{}, false, nil
	}
	if err := json.Unmarshal(raw, &cp); err != nil {
		return checkpoint{}, false, fmt.Errorf("read checkpoint %s: %w", name, err)
	}
	all := slices.Concat(cp.Files, cp.Drained)
	if cp.Wire != nil {
		all = slices.Concat(all, cp.Wire.Files, cp.Wire.Drained)
	}
	for _, p := range all {
		if p.Offset < 0 || p.Bytes < 0 || p.Bytes > headBytes {
			return checkpoint{}, false, fmt.Errorf("read checkpoint %s: offset %d, head of %d bytes", name, p.Offset, p.Bytes)
		}
		for _, one := range p.Landmarks {
			if one.Offset < 0 || one.Offset > p.Offset {
				return checkpoint{}, false, fmt.Errorf("read checkpoint %s: landmark at %d, offset %d", name, one.Offset, p.Offset)
			}
		}
	}
	return cp, true, nil
}

// forgetAfter is how long a path is remembered that leads to nothing any more.
const forgetAfter = 14 * 24 * time.Hour

// save makes a checkpoint durable; one that says nothing is forgotten.
func (m *Memory) save(name string, cp checkpoint) error {
	if len(cp.Files) == 0 && cp.Left == 0 {
		if err := m.store.Delete(name); err != nil {
			return fmt.Errorf("forget checkpoint %s: %w", name, err)
		}
		return nil
	}
	raw, err := json.Marshal(cp)
	if err != nil {
		return fmt.Errorf("write checkpoint %s: %w", name, err)
	}
	if err := m.store.Put(name, raw); err != nil {
		return fmt.Errorf("write checkpoint %s: %w", name, err)
	}
	return nil
}
