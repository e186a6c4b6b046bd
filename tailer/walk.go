package tailer

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxAliases bounds under how many paths one folder is entered: links between folders would otherwise multiply them without end.
const maxAliases = 8

// tree is where a pattern leads: the folders on the way and the files at its end. It is walked once; from then on it is told
// which names have changed, and reads no folder again but those that are new, or that nothing is heard of. It belongs to one
// goroutine.
type tree struct {
	pattern  pattern
	leaveOut func(name string) bool
	hear     func(real string) error // asks to be told what happens in a folder
	unhear   func(real string)
	refused  func(path, reason string) // says once why a path is not followed
	readDir  func(string) ([]os.DirEntry, error)
	isSure   func(folder string) bool // tells whether everything that happens there is announced

	base    *folder              // nil while there is none
	awaited string               // what has to come first, while there is no base
	near    string               // the folder in which it has to appear
	byPath  map[string]*folder   // all of them
	byReal  map[string][]*folder // the same by where they really are: that is how the kernel's announcements name them
	linked  map[string]*folder   // those that a symbolic link leads to
	again   map[string]bool      // paths that could not be read, or led nowhere: to be tried again
	came    map[string]bool      // matches that are new; true: or that something was announced about
	gone    map[string]bool      // matches that are no more
	doubted int                  // folders of which not everything is heard
	links   int                  // matches that are symbolic links
}

// folder is one on the way of the pattern.
type folder struct {
	path, real string
	up         *folder
	info       os.FileInfo
	ways       []string // how the pattern goes on in it
	folders    map[string]*folder
	files      map[string]match
	trust      trust
}

// match says what a file at the end of the pattern is.
type match uint8

const (
	plain    match = iota
	link           // a symbolic link to where the pattern may lead
	astray         // a symbolic link to where it may not
	dangling       // a symbolic link to nothing, for now
)

// trust is how much of what happens is announced.
type trust uint8

const (
	sure   trust = iota // all of it
	unsure              // perhaps not all: another host writes there, or under another name
	silent              // nothing: the folder cannot be watched
)

func newTree(p pattern) *tree {
	return &tree{
		pattern: p, leaveOut: func(string) bool { return false }, refused: func(string, string) {}, readDir: os.ReadDir, isSure: announces,
		byPath: map[string]*folder{}, byReal: map[string][]*folder{}, linked: map[string]*folder{}, again: map[string]bool{}, came: map[string]bool{}, gone: map[string]bool{},
	}
}

// walk reads everything, whatever is known.
func (t *tree) walk() {
	for {
		dir, next := existing(t.pattern.folder)
		t.wait(dir, next)
		if now, _ := existing(t.pattern.folder); now == dir { // nothing came before the folder was watched
			if next == "" {
				t.visit(nil, dir, t.pattern.ways, true)
			} else if t.base != nil {
				t.drop(t.base)
			}
			return
		}
	}
}

// existing tells how much of a path is there: a folder, and what has to come in it next.
func existing(path string) (dir, next string) {
	for dir = path; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() || dir == filepath.Dir(dir) {
			return dir, next
		}
		next = dir
	}
}

// wait is told what happens in the folder in which the next one is to appear.
func (t *tree) wait(dir, next string) {
	near := ""
	if next != "" {
		near = dir
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			near, next = real, filepath.Join(real, filepath.Base(next))
		}
	}
	if t.near != "" && t.near != near {
		old := t.near
		t.near = ""
		t.stopHearing(old)
	}
	if t.near, t.awaited = near, next; near != "" {
		_ = t.hear(near) // an entry without any folder is looked at by the net
	}
}

func (t *tree) stopHearing(real string) {
	if len(t.byReal[real]) == 0 && t.near != real {
		t.unhear(real)
	}
}

// touch looks at one path by its real name, about which something was announced.
func (t *tree) touch(path string) {
	if t.base == nil {
		if t.awaited == "" || within(path, t.awaited) {
			t.walk()
		}
		return
	}
	for _, f := range slices.Clone(t.byReal[filepath.Dir(path)]) {
		if t.byPath[f.path] == f {
			t.look(f, filepath.Base(path))
		}
	}
	for _, f := range slices.Collect(maps.Values(t.linked)) {
		if within(path, f.real) && t.byPath[f.path] == f {
			t.look(f.up, filepath.Base(f.path))
		}
	}
	if t.base == nil || within(path, t.base.real) {
		if t.walk(); t.base != nil {
			t.stirAll(t.base)
		}
	}
}

// retry looks again at what could not be read, or led nowhere, and at links that lead to folders by way of others: nobody says
// when those are turned.
func (t *tree) retry() {
	if t.base == nil || t.moved(t.base) {
		t.walk()
		return
	}
	for _, f := range slices.Collect(maps.Values(t.linked)) {
		if t.byPath[f.path] == f && t.moved(f) {
			t.look(f.up, filepath.Base(f.path))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(t.again)) {
		if up := t.byPath[filepath.Dir(path)]; up != nil {
			t.look(up, filepath.Base(path))
		} else if t.base != nil && path == t.base.path {
			t.walk()
		}
	}
}

// moved tells whether the path of a folder leads elsewhere now.
func (t *tree) moved(f *folder) bool {
	real, err := filepath.EvalSymlinks(f.path)
	if err != nil || real != f.real {
		return true
	}
	info, err := os.Stat(f.path)
	return err != nil || !os.SameFile(info, f.info)
}

// reread reads the folders of which not everything is heard, and what is below them.
func (t *tree) reread() {
	switch {
	case t.doubted == 0:
		return
	case t.base.trust != sure:
		t.walk()
		return
	}
	for _, f := range slices.SortedFunc(maps.Values(t.byPath), func(a, b *folder) int { return strings.Compare(a.path, b.path) }) {
		if f.trust != sure && f.up.trust == sure && t.byPath[f.path] == f {
			t.look(f.up, filepath.Base(f.path))
		}
	}
}

// look finds out what a name in a folder is now.
func (t *tree) look(f *folder, name string) {
	path := filepath.Join(f.path, name)
	info, err := os.Lstat(path)
	if err != nil {
		delete(t.again, path)
		t.forget(f, name)
		return
	}
	t.meet(f, name, info.Mode().Type())
	if m, is := f.files[name]; is && (m == plain || m == link) {
		t.came[path] = true
	}
	if sub := f.folders[name]; sub != nil {
		t.stirAll(sub)
	}
}

// note takes a match for new.
func (t *tree) note(path string) {
	if _, noted := t.came[path]; !noted {
		t.came[path] = false
	}
}

// stirAll takes everything below a folder for changed: between its coming and the watch nothing was announced.
func (t *tree) stirAll(f *folder) {
	for name, m := range f.files {
		if m == plain || m == link {
			t.came[filepath.Join(f.path, name)] = true
		}
	}
	for _, sub := range f.folders {
		t.stirAll(sub)
	}
}

// meet puts a name where it belongs: a folder on the way, a file at the end, or neither.
func (t *tree) meet(f *folder, name string, mode fs.FileMode) {
	deeper := t.pattern.below(f.ways, name)
	matches := t.pattern.names(f.ways, name) && !t.leaveOut(name)
	if deeper == nil && !matches {
		return
	}
	path, linked, dead := filepath.Join(f.path, name), mode&(fs.ModeSymlink|fs.ModeIrregular) != 0, false
	if linked {
		info, err := os.Stat(path)
		if dead = err != nil; !dead {
			mode = info.Mode().Type()
		}
	}
	delete(t.again, path)
	if linked && (dead && deeper != nil || mode.IsDir() && matches && deeper == nil) {
		t.again[path] = true // nobody says when what it leads to becomes another thing
	}
	switch {
	case mode.IsDir() && deeper != nil:
		t.forgetFile(f, name)
		t.visit(f, path, deeper, linked)
	case mode.IsDir() || !matches:
		t.forget(f, name)
	default:
		if sub := f.folders[name]; sub != nil {
			t.drop(sub)
		}
		t.place(f, name, t.judge(path, linked, dead))
	}
}

// judge tells what a match is.
func (t *tree) judge(path string, linked, dead bool) match {
	if !linked {
		return plain
	}
	switch err := t.pattern.permits(path); {
	case errors.Is(err, errAstray):
		t.refused(path, err.Error())
		return astray
	case dead || err != nil:
		return dangling
	}
	return link
}

// place notes a match.
func (t *tree) place(f *folder, name string, now match) {
	path := filepath.Join(f.path, name)
	before, known := f.files[name]
	if now == dangling {
		t.again[path] = true
	}
	if known && before == now {
		return
	}
	if known {
		t.forgetFile(f, name)
	}
	f.files[name] = now
	if now != plain {
		t.links++
	}
	switch now {
	case plain, link:
		t.note(path)
		delete(t.gone, path)
	case dangling:
		t.again[path] = true
	}
}

// visit enters a folder, or reads it again if it is the one that is known.
func (t *tree) visit(up *folder, path string, ways []string, linked bool) {
	info, err := os.Stat(path)
	known := t.byPath[path]
	if err != nil {
		if known != nil {
			t.drop(known)
		}
		return
	}
	real := path
	if linked {
		real, err = filepath.EvalSymlinks(path)
	} else if up != nil {
		real = filepath.Join(up.real, filepath.Base(path))
	}
	if known != nil {
		if err == nil && known.real == real && os.SameFile(known.info, info) {
			t.read(known)
			return
		}
		t.drop(known)
	}
	if err != nil || linked && up != nil && !t.mayEnter(up, path, real) {
		return
	}
	f := &folder{path: path, real: real, up: up, info: info, ways: ways, folders: map[string]*folder{}, files: map[string]match{}}
	if up == nil {
		t.base = f
	} else {
		up.folders[filepath.Base(path)] = f
		if linked {
			t.linked[path] = f
		}
	}
	t.byPath[path] = f
	t.byReal[real] = append(t.byReal[real], f)
	t.read(f)
}

// mayEnter tells whether a link to a folder is to be followed.
func (t *tree) mayEnter(up *folder, path, real string) bool {
	if t.pattern.wild && !within(t.base.real, real) {
		t.refused(path, fmt.Sprintf("it is a symbolic link to the folder %s, outside of %s (to follow what is in it, name that folder)", real, t.pattern.folder))
		return false
	}
	for f := up; f != nil; f = f.up {
		if f.real == real {
			return false // a loop
		}
	}
	if len(t.byReal[real]) >= maxAliases {
		t.refused(path, fmt.Sprintf("it is one of more than %d paths to the folder %s", maxAliases, real))
		return false
	}
	return true
}

// read reads a folder and everything below it. It is watched first: what happens meanwhile is announced.
func (t *tree) read(f *folder) {
	t.doubt(f, sure)
	if err := t.hear(f.real); err != nil {
		t.doubt(f, silent)
	} else if !t.isSure(f.real) {
		t.doubt(f, unsure)
	}
	entries, err := t.readDir(f.path)
	if err != nil {
		t.again[f.path] = true
		return // what is known of it may still be there
	}
	delete(t.again, f.path)
	for _, e := range entries {
		t.meet(f, e.Name(), e.Type())
	}
	there := func(name string) bool { // os.ReadDir sorts
		_, found := slices.BinarySearchFunc(entries, name, func(e os.DirEntry, name string) int { return strings.Compare(e.Name(), name) })
		return found
	}
	for name := range f.files {
		if !there(name) {
			t.forgetFile(f, name)
		}
	}
	for name, sub := range f.folders {
		if !there(name) {
			t.drop(sub)
		}
	}
}

func (t *tree) doubt(f *folder, now trust) {
	if f.trust != sure {
		t.doubted--
	}
	if f.trust = now; now != sure {
		t.doubted++
	}
}

// forget forgets whatever a name was.
func (t *tree) forget(f *folder, name string) {
	t.forgetFile(f, name)
	if sub := f.folders[name]; sub != nil {
		t.drop(sub)
	}
}

func (t *tree) forgetFile(f *folder, name string) {
	was, known := f.files[name]
	if !known {
		return
	}
	path := filepath.Join(f.path, name)
	delete(f.files, name)
	delete(t.came, path)
	delete(t.again, path)
	if was != plain {
		t.links--
	}
	if was == plain || was == link {
		t.gone[path] = true
	}
}

// drop forgets a folder and all that is below it.
func (t *tree) drop(f *folder) {
	for name := range f.files {
		t.forgetFile(f, name)
	}
	for _, sub := range f.folders {
		t.drop(sub)
	}
	t.doubt(f, sure)
	delete(t.again, f.path)
	delete(t.byPath, f.path)
	delete(t.linked, f.path)
	if f.up == nil {
		t.base = nil
	} else {
		delete(f.up.folders, filepath.Base(f.path))
	}
	if t.byReal[f.real] = slices.DeleteFunc(t.byReal[f.real], func(o *folder) bool { return o == f }); len(t.byReal[f.real]) == 0 {
		delete(t.byReal, f.real)
	}
	t.stopHearing(f.real)
}

// matches are the files that the pattern leads to now, in the order of their names.
func (t *tree) matches() (all []string) {
	for _, f := range t.byPath {
		for name, m := range f.files {
			if m == plain || m == link {
				all = append(all, filepath.Join(f.path, name))
			}
		}
	}
	slices.Sort(all)
	return all
}

// has tells whether a path is one of the matches, and how far announcements about it can be trusted.
func (t *tree) has(path string) (m match, in *folder, ok bool) {
	if in = t.byPath[filepath.Dir(path)]; in == nil {
		return 0, nil, false
	}
	m, ok = in.files[filepath.Base(path)]
	return m, in, ok && (m == plain || m == link)
}
