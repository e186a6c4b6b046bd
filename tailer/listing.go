package tailer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Listing is what an entry would begin with on this host.
type Listing struct {
	Files  []Listed // that would be followed, by their paths
	Passed []Passed // that would not, though the pattern matches them or a rotation left them beside one that would
}

// Listed is a path that would be followed.
type Listed struct {
	Path   string
	Stream cloudwatch.LogStream
	// Parts are the files that would be read, oldest first: those that were rotated away and are not finished, then what the path
	// leads to. None: it is not there, or cannot be read.
	Parts   []Part
	Start   Start
	Info    os.FileInfo // of what the path leads to; nil: it is not known
	Err     error       // why it cannot be read
	Born    time.Time   // when it was made; zero: the file system does not say
	Rotated time.Time   // when the youngest of its rotated neighbours was written to last: since then it has grown; zero: none is there
}

// Part is one file behind a path.
type Part struct {
	Path   string
	From   int64 // where reading begins; of a compressed file, in what it holds
	Size   int64 // bytes on disk
	Packed bool  // compressed
}

// Start says how it is known where a path is begun.
type Start string

const (
	FromBeginning  Start = "beginning"  // nobody has read it
	FromCheckpoint Start = "checkpoint" // our own
	FromOriginal   Start = "original"   // where the original agent stopped
)

// Passed is a file that is not followed, and why.
type Passed struct{ Path, Why string }

// Reasons of which there is no more to say.
const (
	WhyCompressed = "compressed: such files are read only as a rotation of one that is followed"
	WhyBlacklist  = "its name matches blacklist"
	WhyRotated    = "rotated: finished, or older than the agent's first look"
	WhyRead       = "its file is read under another path"
)

// List tells what Run would begin with, by doing what Run does first: it finds the files, and looks at the beginning of each.
// It watches nothing, and nothing is shipped; what is to be remembered goes to the Memory that the entry was given. The entry
// is good for nothing else afterwards.
func (e *Entry) List(naming func(path string) cloudwatch.LogStream) Listing {
	e.ship = func(*Source) {}
	e.file.AutoRemoval = false // nobody will have acknowledged anything, and yet
	adopted := e.adoptions()
	e.folders = newFolders()
	e.folders.moment = true
	refused := map[string]string{}
	e.tree.refused = func(path, reason string) { refused[path] = reason }
	e.resume(naming)
	e.everything()
	e.settle(naming, time.Now())
	var l Listing
	for _, s := range e.Sources() {
		l.Files = append(l.Files, s.listed())
	}
	e.Close()
	slices.SortFunc(l.Files, func(a, b Listed) int { return strings.Compare(a.Path, b.Path) })
	for i := range l.Files {
		f := &l.Files[i]
		f.Start = e.startOf(f.Path, adopted)
		f.probe()
		l.Passed = append(l.Passed, e.folders.rotatedFrom(f)...)
	}
	l.Passed = append(l.Passed, e.unfollowed()...)
	for path, why := range refused {
		l.Passed = append(l.Passed, Passed{path, why})
	}
	l.Passed = without(l.Passed, l.Files)
	return l
}

// adoptions are the paths that have been taken over from the original already.
func (e *Entry) adoptions() map[string]bool {
	all := map[string]bool{}
	for _, name := range e.memory.store.Names() {
		all[name] = true
	}
	return all
}

func (e *Entry) startOf(path string, before map[string]bool) Start {
	name := e.adoptionName(path)
	if _, taken := e.memory.store.Get(name); taken && !before[name] {
		return FromOriginal
	}
	if _, found, err := e.memory.load(path, e.owner); found && err == nil {
		return FromCheckpoint
	}
	return FromBeginning
}

// listed tells of a source what it holds.
func (s *Source) listed() Listed {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := Listed{Path: s.path, Stream: s.stream}
	for _, f := range s.files {
		l.Parts = append(l.Parts, Part{f.f.Name(), f.offset, f.info.Size(), f.packed})
	}
	if s.asleep != nil {
		l.Parts = append(l.Parts, Part{s.path, s.asleep.Offset, s.asleep.size, false})
	}
	return l
}

// implausible is what a file system says of files that came with its image: they were made at the epoch.
var implausible = time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC)

// probe finds out what the path leads to, and whether it can be read: not before the others are closed, which may be many.
func (l *Listed) probe() {
	if l.Info, l.Err = os.Stat(l.Path); l.Err != nil {
		return
	}
	f, _, err := openRegular(l.Path)
	if l.Err = err; err == nil {
		_ = f.Close()
	}
	if l.Born = birth(l.Path); l.Born.Before(implausible) {
		l.Born = time.Time{}
	}
	if l.Err == nil && len(l.Parts) == 0 { // there were too many to hold all open
		l.Parts = []Part{{l.Path, 0, l.Info.Size(), packed(l.Path)}}
	}
}

// unfollowed are all matches of the pattern, with the reason why one is not followed if it is not.
func (e *Entry) unfollowed() (passed []Passed) {
	for _, path := range walkedOnce(e.pattern, func(string) bool { return false }).matches() {
		why := WhyRead
		switch base := filepath.Base(path); {
		case compressed(base):
			why = WhyCompressed
		case e.blacklist != nil && e.blacklist.MatchString(base):
			why = WhyBlacklist
		case !e.all && e.newest != "":
			why = "older than " + e.newest + ": without publish_multi_logs the newest match alone is followed"
		}
		passed = append(passed, Passed{path, why})
	}
	return passed
}

// without leaves out what is followed after all, as a path or as a part of one, and what is there twice.
func without(passed []Passed, files []Listed) []Passed {
	seen := map[string]bool{}
	for _, f := range files {
		seen[f.Path] = true
		for _, p := range f.Parts {
			seen[p.Path] = true
		}
	}
	slices.SortStableFunc(passed, func(a, b Passed) int { return strings.Compare(a.Path, b.Path) })
	return slices.DeleteFunc(passed, func(p Passed) bool {
		again := seen[p.Path]
		seen[p.Path] = true
		return again
	})
}

// rotatedFrom finds what a rotation has left of a path, and notes when it last did.
func (d *folders) rotatedFrom(l *Listed) (passed []Passed) {
	for _, n := range d.rotations(l.Path) {
		l.Rotated = later(l.Rotated, n.info.ModTime())
		passed = append(passed, Passed{n.path, WhyRotated})
	}
	return passed
}
