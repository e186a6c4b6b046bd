package tailer

import (
	"maps"
	"regexp"
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
	t := walkedOnce(p, leftOut(f.Blacklist))
	return Present{t.matches(), slices.Sorted(maps.Keys(t.byPath)), t.near}, nil
}

// leftOut tells which names are not followed, whether or not they match.
func leftOut(blacklist *regexp.Regexp) func(name string) bool {
	return func(name string) bool { return compressed(name) || blacklist != nil && blacklist.MatchString(name) }
}

// walkedOnce finds what a pattern leads to now, and watches nothing.
func walkedOnce(p pattern, leaveOut func(name string) bool) *tree {
	t := newTree(p)
	t.hear, t.unhear, t.isSure, t.leaveOut = func(string) error { return nil }, func(string) {}, func(string) bool { return true }, leaveOut
	t.walk()
	return t
}
