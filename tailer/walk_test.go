package tailer

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
)

// woods is a tree over a folder, and a kernel that announces what happens there as inotify does.
type woods struct {
	*testing.T
	*tree
	dir     string
	watched map[string]bool
	reads   []string        // folders that were read
	closed  map[string]bool // folders that may not be read
	links   int
}

func newWoods(t *testing.T, pattern string) *woods {
	w := &woods{T: t, dir: t.TempDir(), watched: map[string]bool{}, closed: map[string]bool{}}
	p, err := parsePattern(filepath.Join(w.dir, pattern))
	if err != nil {
		t.Skip(err)
	}
	w.tree = newTree(p)
	w.hear = func(real string) error { w.watched[real] = true; return nil }
	w.unhear = func(real string) { delete(w.watched, real) }
	w.readDir = func(path string) ([]os.DirEntry, error) {
		if w.closed[path] {
			return nil, fs.ErrPermission
		}
		w.reads = append(w.reads, path)
		return os.ReadDir(path)
	}
	return w
}

func (w *woods) at(name string) string { return filepath.Join(w.dir, name) }

func (w *woods) make(names ...string) {
	w.Helper()
	for _, name := range names {
		w.must(os.MkdirAll(filepath.Dir(w.at(name)), 0o700))
		w.must(os.WriteFile(w.at(name), nil, 0o600))
	}
}

func (w *woods) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// announce says what happened to names, as far as it is heard.
func (w *woods) announce(names ...string) { w.tell(w.real(names)) }

// real is under which names the kernel speaks of what is there now.
func (w *woods) real(names []string) (all []string) {
	for _, name := range names {
		path := w.at(name)
		if up, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			path = filepath.Join(up, filepath.Base(path))
		}
		all = append(all, path)
	}
	return all
}

// tell does as a Watcher does with a burst: first of all nothing is heard any more of folders that are not where they were.
func (w *woods) tell(paths []string) {
	heard := map[string]bool{}
	for _, path := range paths {
		heard[path] = w.watched[filepath.Dir(path)] || w.watched[path]
	}
	for path, is := range heard {
		for folder := range w.watched {
			if is && within(path, folder) {
				delete(w.watched, folder)
			}
		}
	}
	for path, is := range heard {
		if is {
			w.touch(path)
		}
	}
}

func (w *woods) wantMatches(want ...string) {
	w.Helper()
	got := w.matches()
	for i := range got {
		got[i] = strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(got[i], w.dir)), "/")
	}
	if !slices.Equal(got, want) {
		w.Errorf("got %q, want %q", got, want)
	}
}

func TestNewFileDeepInATreeIsFoundWithoutReadingAFolder(t *testing.T) {
	w := newWoods(t, "**/*.log")
	w.make("a/b/c/one.log", "x/y/other")
	w.walk()
	w.wantMatches("a/b/c/one.log")
	w.reads = nil
	w.make("a/b/c/two.log", "x/y/three.log", "x/y/four.txt")
	w.announce("a/b/c/two.log", "x/y/three.log", "x/y/four.txt")
	w.wantMatches("a/b/c/one.log", "a/b/c/two.log", "x/y/three.log")
	if len(w.reads) != 0 {
		t.Errorf("read %q", w.reads)
	}
}

func TestNewFolderIsReadWithWhatIsInItAlready(t *testing.T) {
	w := newWoods(t, "**/*.log")
	w.make("a/one.log")
	w.walk()
	w.reads = nil
	w.make("n/deep/two.log", "n/three.log")
	w.announce("n")
	w.wantMatches("a/one.log", "n/deep/two.log", "n/three.log")
	if want := []string{w.at("n"), w.at("n/deep")}; !slices.Equal(w.reads, want) {
		t.Errorf("read %q, want %q", w.reads, want)
	}
}

func TestFolderRenamedInAndOut(t *testing.T) {
	w := newWoods(t, "in/**/*.log")
	w.make("in/one.log", "out/d/e/two.log")
	w.walk()
	w.must(os.Rename(w.at("out/d"), w.at("in/d")))
	w.announce("out/d", "in/d")
	w.wantMatches("in/d/e/two.log", "in/one.log")
	w.must(os.Rename(w.at("in/d"), w.at("in/f")))
	w.announce("in/d", "in/f")
	w.wantMatches("in/f/e/two.log", "in/one.log")
	w.must(os.Rename(w.at("in/f"), w.at("out/f")))
	w.announce("in/f", "out/f")
	w.wantMatches("in/one.log")
	if w.watched[w.at("in/f/e")] {
		t.Error("a folder that is gone is watched")
	}
}

func TestOnlyFoldersOnTheWayAreRead(t *testing.T) {
	f := func(pattern string, want ...string) {
		t.Helper()
		w := newWoods(t, pattern)
		w.make("app-1/logs/x.log", "app-1/data/x.log", "app-1/logs/old/x.log", "db/logs/x.log")
		w.walk()
		for i := range w.reads {
			w.reads[i] = strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(w.reads[i], w.dir)), "/")
		}
		if !slices.Equal(w.reads, want) {
			t.Errorf("%s: read %q, want %q", pattern, w.reads, want)
		}
	}
	f("app-*/logs/*.log", "", "app-1", "app-1/logs")
	f("{app-1/data,db/logs}/*.log", "", "app-1", "app-1/data", "db", "db/logs")
	f("app-*/**", "", "app-1", "app-1/data", "app-1/logs", "app-1/logs/old")
	f("*.log", "")
}

func TestTwoStarsWithinANameStandForFoldersAsInTheOriginal(t *testing.T) {
	f := func(pattern string, want ...string) {
		t.Helper()
		w := newWoods(t, pattern)
		w.make("app.log", "app/x.log", "app/a/b/y.log", "app/a/b/z.txt", "other/app.log")
		w.walk()
		w.wantMatches(want...)
	}
	f("**.log", "app.log", "app/a/b/y.log", "app/x.log", "other/app.log")
	f("app**", "app.log", "app/a/b/y.log", "app/a/b/z.txt", "app/x.log")
	f("app**.txt", "app/a/b/z.txt")
	f("app/**.log", "app/a/b/y.log", "app/x.log")
	f("[!o]*/[^x].log")
	f("app/[!y].log", "app/x.log")
}

func TestLoopOfLinksIsNotEntered(t *testing.T) {
	w := newWoods(t, "**/*.log")
	w.make("a/one.log", "b/two.log")
	w.must(os.Symlink(w.dir, w.at("a/up")))
	w.must(os.Symlink(w.at("a"), w.at("b/a")))
	w.must(os.Symlink(w.at("b"), w.at("a/b")))
	w.walk()
	w.wantMatches("a/b/two.log", "a/one.log", "b/a/one.log", "b/two.log")
}

func TestKnotOfLinksEndsSomewhere(t *testing.T) {
	w := newWoods(t, "**/*.log")
	for i := range 9 {
		w.make(fmt.Sprintf("%d/x.log", i))
		for j := range 9 {
			w.must(os.Symlink(w.at(fmt.Sprint(j)), w.at(fmt.Sprintf("%d/to%d", i, j))))
		}
	}
	w.walk()
	if n := len(w.matches()); n < 9 || n > 9*(maxAliases+1) {
		t.Errorf("%d matches of 9 files", n)
	}
}

func TestFolderThatCannotBeReadIsTriedAgain(t *testing.T) {
	w := newWoods(t, "**/*.log")
	w.make("a/one.log", "b/two.log")
	w.closed[w.at("a")] = true
	w.walk()
	w.wantMatches("b/two.log")
	w.reads = nil
	w.closed = nil
	w.retry()
	w.wantMatches("a/one.log", "b/two.log")
	if want := []string{w.at("a")}; !slices.Equal(w.reads, want) {
		t.Errorf("read %q, want %q", w.reads, want)
	}
	if len(w.again) != 0 {
		t.Errorf("to be tried again: %v", w.again)
	}
}

func TestFolderWhosePermissionsAreAnnouncedIsReadAtOnce(t *testing.T) {
	w := newWoods(t, "**/*.log")
	w.make("a/one.log")
	w.closed[w.at("a")] = true
	w.walk()
	w.closed = nil
	w.announce("a")
	w.wantMatches("a/one.log")
}

func TestSymbolicLinkThatIsTurned(t *testing.T) {
	w := newWoods(t, "*/*.log")
	w.make("r1/one.log", "r2/two.log")
	turn := func(to string) {
		_ = os.Remove(w.at("now"))
		w.must(os.Symlink(to, w.at("now")))
		w.announce("now")
	}
	w.walk()
	turn(w.at("r1"))
	w.wantMatches("now/one.log", "r1/one.log", "r2/two.log")
	turn(w.at("r2"))
	w.wantMatches("now/two.log", "r1/one.log", "r2/two.log")
	w.make("r2/three.log")
	w.announce("r2/three.log")
	w.wantMatches("now/three.log", "now/two.log", "r1/one.log", "r2/three.log", "r2/two.log")
	turn(t.TempDir()) // outside
	w.wantMatches("r1/one.log", "r2/three.log", "r2/two.log")
}

func TestLinkAboveTheFolderOfThePatternIsTurned(t *testing.T) {
	w := newWoods(t, "now/logs/*.log")
	w.make("r1/logs/one.log", "r2/logs/two.log")
	w.must(os.Symlink("r1", w.at("now")))
	w.walk()
	w.wantMatches("now/logs/one.log")
	w.must(os.Remove(w.at("now")))
	w.must(os.Symlink("r2", w.at("now")))
	w.retry()
	w.wantMatches("now/logs/two.log")
	if w.watched[w.at("r1/logs")] || !w.watched[w.at("r2/logs")] {
		t.Errorf("watched: %v", w.watched)
	}
}

func TestLinkToAFolderByWayOfAnotherIsTurned(t *testing.T) {
	w := newWoods(t, "app*/*.log")
	w.make("r1/one.log", "r2/two.log")
	w.must(os.Symlink("r1", w.at("now")))
	w.must(os.Symlink("now", w.at("app")))
	w.walk()
	w.wantMatches("app/one.log")
	w.must(os.Remove(w.at("now")))
	w.must(os.Symlink("r2", w.at("now")))
	w.retry()
	w.wantMatches("app/two.log")
}

func TestLinkToAFileThatComesLater(t *testing.T) {
	w := newWoods(t, "*.log")
	w.must(os.Symlink(w.at("real"), w.at("a.log")))
	w.walk()
	w.wantMatches()
	w.make("real")
	w.retry()
	w.wantMatches("a.log")
}

func TestFolderOfThePatternThatComesLater(t *testing.T) {
	f := func(pattern string) {
		t.Helper()
		w := newWoods(t, pattern)
		w.walk()
		w.wantMatches()
		w.must(os.Mkdir(w.at("var"), 0o700))
		w.announce("var")
		w.make("var/log/app/one.log")
		w.announce("var/log")
		w.wantMatches("var/log/app/one.log")
		w.must(os.RemoveAll(w.at("var")))
		w.announce("var/log/app", "var/log", "var")
		w.wantMatches()
		w.make("var/log/app/one.log")
		w.announce("var")
		w.wantMatches("var/log/app/one.log")
	}
	f("var/log/app/*.log")
	f("var/log/app/one.log")
}

func TestPatternThatCannotBeMatchedFolderByFolderIsRefused(t *testing.T) {
	if _, err := parsePattern("/x/[a/b]"); err == nil {
		t.Error("a folder within brackets was accepted")
	}
	if _, err := parsePattern("/x/" + strings.Repeat("{a/b,c/d}", 20)); err == nil {
		t.Error("a million paths were accepted")
	}
	if _, err := parsePattern("/x/" + strings.Repeat("a**b/", 30)); err == nil {
		t.Error("a billion paths were accepted")
	}
}

// grow does something to the woods, at random. It returns which paths changed.
func (w *woods) grow(dice *rand.Rand) []string {
	names := []string{"a", "b", "ab", "x.log"}
	name, other := names[dice.IntN(len(names))], names[dice.IntN(len(names))]
	for range dice.IntN(3) {
		name = filepath.Join(names[dice.IntN(len(names))], name)
	}
	changed := append(prefixes(name), other)
	if to, err := os.Readlink(w.at(name)); err == nil { // what is written comes into being there
		changed = append(changed, strings.TrimPrefix(to, w.dir))
	}
	before := w.real(changed)
	switch dice.IntN(7) {
	case 0, 1:
		if os.MkdirAll(w.at(filepath.Dir(name)), 0o700) == nil {
			_ = os.WriteFile(w.at(name), nil, 0o600) // something may stand in the way
		}
	case 2:
		_ = os.MkdirAll(w.at(name), 0o700)
	case 3:
		_ = os.RemoveAll(w.at(name))
	case 4, 5:
		_ = os.Rename(w.at(name), w.at(other))
	case 6:
		if w.links++; w.links >= maxAliases {
			break
		}
		// Folders only of which none holds links itself: doublestar would go round in circles.
		target := []string{"z", "z/a", "z/x.log", "z/a/x.log", "nothing"}[dice.IntN(5)]
		if up, err := filepath.EvalSymlinks(filepath.Dir(w.at(name))); err == nil && !within(w.at("z"), up) {
			_ = os.Symlink(w.at(target), w.at(name))
		}
	}
	return append(before, w.real(changed)...)
}

func prefixes(name string) (all []string) {
	for ; name != "."; name = filepath.Dir(name) {
		all = append(all, name)
	}
	return all
}

// FuzzPattern: whatever comes, goes and is renamed, what is known from announcements is what a glob finds.
func FuzzPattern(f *testing.F) {
	for i, pattern := range []string{"**/*.log", "*/*", "a/**", "**", "{a,b/a}/*", "a*/**/x*", "**/a/**/b", "*/{a,**}/x.log", "[!a]/*", "?b/?.log", "{a/b,**/ab}/*", "{,a/}x.log", "*/**"} {
		for j := range 4 {
			f.Add(pattern, uint64(i*10+j))
		}
	}
	f.Fuzz(func(t *testing.T, pattern string, seed uint64) {
		if len(pattern) > 40 || strings.ContainsAny(pattern, "\\\x00") || filepath.IsAbs(pattern) {
			t.Skip("not such a pattern")
		}
		if strings.Contains(pattern, "{}") || !doublestar.ValidatePattern(filepath.ToSlash(filepath.Clean(pattern))) {
			t.Skip("not a pattern")
		}
		for _, way := range spread(filepath.ToSlash(filepath.Clean(pattern))) {
			for _, name := range strings.Split(way, "/") {
				if name == "" || name == "." || name == ".." || name != "**" && strings.Contains(name, "**") {
					t.Skip("means something else to a glob")
				}
			}
		}
		if strings.Contains(pattern, "*{") || strings.Contains(pattern, "}*") || strings.Contains(pattern, "}{") {
			t.Skip("a glob may take it for **")
		}
		if strings.Count(pattern, "**") > 4 || strings.Count(pattern, "{") > 4 {
			t.Skip("takes a glob too long")
		}
		w := newWoods(t, pattern)
		if !w.pattern.wild || w.pattern.folder != w.dir && !within(w.dir, w.pattern.folder) {
			t.Skip("not a pattern")
		}
		w.make("z/x.log", "z/a/x.log", "z/a/b")
		dice := rand.New(rand.NewPCG(seed, 1))
		w.walk()
		for range 30 {
			var changed []string
			for range 1 + dice.IntN(3) {
				changed = append(changed, w.grow(dice)...)
			}
			w.tell(changed)
			w.retry()
			for _, path := range w.matches() { // as an entry does with those that lead to what was announced
				if m, in, ok := w.has(path); ok && m == link {
					w.look(in, filepath.Base(path))
				}
			}
			if got, want := w.matches(), w.glob(); !slices.Equal(got, want) {
				t.Fatalf("%s after %.2000q:\ngot  %.2000q\nwant %.2000q", w.pattern.text, changed, got, want)
			}
		}
	})
}

// glob is what the pattern matches, found without any memory.
func (w *woods) glob() []string {
	found, err := doublestar.FilepathGlob(w.pattern.text, doublestar.WithFilesOnly())
	w.must(err)
	base, _ := filepath.EvalSymlinks(w.pattern.folder)
	found = slices.DeleteFunc(found, func(path string) bool {
		real, err := filepath.EvalSymlinks(path)
		return err != nil || !within(base, real)
	})
	slices.Sort(found)
	return slices.Compact(found)
}
