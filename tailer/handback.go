package tailer

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// Handed is how far a log file was read here, as the original agent can be told: it knows one offset for a path.
type Handed struct {
	Path   string // of the log file, on the host that it is a file of
	State  string // name of the original's state file
	Offset int64  // every byte before it was acknowledged, for each entry that follows the file
	Size   int64  // of what is at Path now
	Left   []Left // what the original will not look for
	Err    error  // why the checkpoint cannot be used; nil: it can
}

// Left is a file that was rotated away before it was read to its end.
type Left struct {
	Path  string // "": it is not found
	Bytes int64  // unread; of one that is not found, 0
}

// Text is what the original's state file holds then. Of nothing it has no range.
func (h Handed) Text() []byte {
	at := strconv.FormatInt(h.Offset, 10)
	text := at + "\n" + h.Path
	if h.Offset > 0 {
		text += "\n0-" + at
	}
	return []byte(text)
}

// HandBack says of each path that has a checkpoint how far it was read, by path: what a start with these entries would go on
// with, the least of it where several follow one path. It reads only. What is not there any more is left out, but for what was
// left unread of it. Under a root, paths are those of the host whose files lie there.
func HandBack(checkpoints map[string][]byte, entries []config.File, root string) (all []Handed) {
	m := NewMemory(remembered(checkpoints))
	paths := map[string]bool{}
	for _, f := range entries {
		m.claim(ownerOf(f), 1)
		for _, path := range m.paths(ownerOf(f)) {
			paths[path] = true
		}
	}
	for name := range checkpoints { // of entries that were configured before
		if path, _, ok := strings.Cut(name, nameSeparator); ok {
			paths[path] = true
		}
	}
	in := newFolders()
	in.moment = true
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		var places []checkpoint
		h := Handed{Path: path, State: stateName(path)}
		for _, f := range entries {
			if !Follows(f, path) {
				continue
			}
			cp, found, err := m.load(path, ownerOf(f))
			if h.Err = errors.Join(h.Err, err); err == nil && found {
				places = append(places, cp)
			}
		}
		if len(places) > 0 && strings.ContainsAny(path, "\r\n") {
			h.Err = errors.Join(h.Err, errors.New("its name has a line break, and what the original remembers is lines"))
		}
		if h.Err != nil || len(places) > 0 && h.settle(places, filepath.Join(root, path), in) {
			all = append(all, h)
		}
	}
	return all
}

// settle finds out which file is at the path, and where in it the checkpoints are. False: there is nothing to tell.
func (h *Handed) settle(places []checkpoint, path string, in *folders) bool {
	current, err := open(path, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.Err = err
		return true
	}
	if err == nil {
		defer current.close()
		h.Size, h.Offset = current.info.Size(), current.info.Size()
		for _, cp := range places {
			h.Offset = min(h.Offset, cp.placeIn(current))
		}
	}
	for _, cp := range places {
		h.leave(cp, current, in.rotations(path))
	}
	return err == nil || len(h.Left) > 0
}

// placeIn is how far a file was read: not at all, if it is none that the checkpoint speaks of, or was truncated since.
func (cp checkpoint) placeIn(f *file) int64 {
	for _, p := range slices.Concat(cp.Files, cp.Drained) {
		if p.isOf(f) {
			return p.Offset
		}
	}
	return 0
}

// isOf tells whether a file is the one of the position, and still holds what was read of it.
func (p position) isOf(f *file) bool {
	return f.id.is(p.identity) && p.fits(f.f) && f.info.Size() >= p.Offset
}

// leave notes what a checkpoint has as unread of files that are not the current one.
func (h *Handed) leave(cp checkpoint, current *file, rotated []neighbour) {
	for _, p := range cp.Files {
		if current != nil && p.isOf(current) {
			continue
		}
		left := Left{}
		for _, n := range rotated {
			if f := openIf(n.path, 0, p.isOf); f != nil {
				left = Left{n.path, f.info.Size() - p.Offset}
				f.close()
			}
		}
		if (left.Path == "" || left.Bytes > 0) && !slices.Contains(h.Left, left) {
			h.Left = append(h.Left, left)
		}
	}
}

// remembered are checkpoints that were read, and that nobody writes.
type remembered map[string][]byte

func (r remembered) Get(name string) (value []byte, ok bool) { value, ok = r[name]; return value, ok }
func (r remembered) Put(string, []byte) error                { return os.ErrPermission }
func (r remembered) Delete(string) error                     { return os.ErrPermission }
func (r remembered) Names() []string                         { return slices.Sorted(maps.Keys(r)) }
