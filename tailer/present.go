package tailer

import (
	"maps"
	"slices"

	"github.com/nephoscope/nephoscope/config"
)

// Present is where the file_path of an entry leads now.
type Present struct {
	Files   []string // by name; all that match, also where only the newest is followed
	Folders []string // that are read to find them, by name
	Near    string   // the nearest folder that is there, where the path begins with one that is not; else ""
}

// FindPresent finds the files of an entry once, the way a run does, and follows none.
func FindPresent(f config.File) (Present, error) {
	p, err := parsePattern(f.Path)
	if err != nil {
		return Present{}, err
	}
	t := newTree(p)
	t.hear, t.unhear, t.isSure = func(string) error { return nil }, func(string) {}, func(string) bool { return true }
	t.leaveOut = func(name string) bool {
		return compressed(name) || f.Blacklist != nil && f.Blacklist.MatchString(name)
	}
	t.walk()
	return Present{t.matches(), slices.Sorted(maps.Keys(t.byPath)), t.near}, nil
}
