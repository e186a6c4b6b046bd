package tailer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nephoscope/nephoscope/config"
)

// OriginalState is one state file of the original agent, and what a switch-over would make of it.
type OriginalState struct {
	Name   string // of the state file
	Path   string // of the log file; "": the state is from an old version and names none, or cannot be read
	Offset int64  // every byte before it was acknowledged
	Gaps   bool   // so were some behind it, which would be sent again

	File   string // the file that would be read first: the one at Path, or a rotated one; "": there is none that it may be about
	From   int64  // where in it
	Size   int64  // of it, now; without a File, of what is at Path: -1 if nothing is
	Reason string // why that file
	Err    error  // why the state cannot be used; nil: it can
}

// Unread is how many bytes of File would be sent. Size counts what is compressed as it is on disk, and then it is not known: -1.
func (s OriginalState) Unread() int64 {
	if packed(s.File) {
		return -1
	}
	return max(s.Size-s.From, 0)
}

// OriginalStates lists the original's state folder, by name, without touching anything. Under a root, paths in the states are
// those of the host whose files lie there. fs.ErrNotExist: there is no such folder.
func OriginalStates(dir, root string) ([]OriginalState, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the states of the original agent: %w", err)
	}
	var all []OriginalState
	in := newFolders()
	in.moment = true
	for _, e := range entries {
		if !e.IsDir() { // otel is a folder: journald's, and traces'
			all = append(all, originalState(dir, root, e.Name(), in))
		}
	}
	return all, nil
}

func originalState(dir, root, name string, in *folders) OriginalState {
	s := OriginalState{Name: name}
	raw, saved, err := readState(dir, name)
	if err != nil {
		s.Err = err
		return s
	}
	path, l, err := parseState(raw)
	if err != nil {
		s.Err = fmt.Errorf("read state %s of the original agent: %w", name, err)
		return s
	}
	l.saved = saved
	s.Path, s.Offset, s.Gaps = path, l.offset, l.gaps
	if path == "" {
		return s
	}
	of := succession{path: path, left: l, birth: birth, folders: in}
	if root != "" {
		of.path = filepath.Join(root, path)
	}
	f, offset, why := of.find()
	s.Reason = why
	if f == nil {
		switch info, err := os.Stat(of.path); {
		case err == nil:
			s.Size = info.Size() // all of it would be sent
		case errors.Is(err, fs.ErrNotExist):
			s.Size = -1
		default:
			s.Err = err
		}
		return s
	}
	defer f.close()
	s.File, s.From, s.Size = of.pathOf(f), offset, f.info.Size()
	return s
}

// pathOf is where the file that was found lies.
func (s *succession) pathOf(f *file) string {
	for _, n := range s.suspects() {
		if os.SameFile(n.info, f.info) {
			return n.path
		}
	}
	return s.path
}

// Follows tells whether an entry of collect_list may follow a path: whether its pattern matches and its blacklist does not.
func Follows(f config.File, path string) bool {
	p, err := parsePattern(f.Path)
	return err == nil && p.leadsTo(path) && (f.Blacklist == nil || !f.Blacklist.MatchString(filepath.Base(path)))
}
