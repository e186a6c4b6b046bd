package tailer

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// scout is an entry that finds files with the kernel's help, and reads none of them.
type scout struct {
	*glob
	w     *Watcher
	reads int // of folders
	now   time.Time
}

func newScout(t *testing.T, pattern string, change ...func(*config.File)) *scout {
	s := &scout{glob: newGlob(t, pattern, change...)}
	var err error
	s.w, err = NewWatcher(zap.NewNop())
	s.must(err)
	t.Cleanup(func() { _ = s.w.fs.Close() })
	return s
}

func (s *scout) start() {
	s.Helper()
	e, err := New(s.file, Options{Memory: NewMemory(s.store), Watcher: s.w, Linger: 5 * time.Second, Log: zap.NewNop()})
	s.must(err)
	s.entry, s.shipped = e, map[string]bool{}
	e.ship = func(s1 *Source) { s.shipped[filepath.Base(s1.path)] = true }
	e.tree.isSure = func(string) bool { return true }
	e.tree.readDir = func(dir string) ([]os.DirEntry, error) { s.reads++; return os.ReadDir(dir) }
	s.Cleanup(e.Close)
	e.discover(s.naming)
}

// hears is told by the kernel, and does what Run does.
func (s *scout) hears(op fsnotify.Op, names ...string) {
	heard := map[string]fsnotify.Op{}
	for _, name := range names {
		heard[s.at(name)] |= op
	}
	s.reads, s.shipped = 0, map[string]bool{}
	s.w.tell(heard)
	s.entry.catchUp()
	s.now = later(s.now, time.Now()).Add(choosing)
	s.entry.settle(s.naming, s.now)
}

func (s *scout) wantShipped(want ...string) {
	s.Helper()
	if got := slices.Sorted(maps.Keys(s.shipped)); !slices.Equal(got, want) {
		s.Errorf("looked at %q, want %q", got, want)
	}
}

func (s *scout) wantFollowed(want ...string) {
	s.Helper()
	var got []string
	for _, one := range s.entry.Sources() {
		rel, _ := filepath.Rel(s.dir, one.path)
		got = append(got, filepath.ToSlash(rel))
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		s.Errorf("followed %q, want %q", got, want)
	}
}

func TestWhatHappensToOneOfManyFilesConcernsThatOne(t *testing.T) {
	s := newScout(t, "*.log", everyMatch)
	for i := range 2000 {
		s.writeTo(fmt.Sprintf("%04d.log", i), "x\n")
	}
	s.start()
	s.hears(fsnotify.Write, "0815.log")
	s.wantShipped("0815.log")
	s.hears(fsnotify.Chmod, "0816.log")
	s.wantShipped("0816.log")
	s.hears(fsnotify.Write|fsnotify.Create, "other.txt")
	s.wantShipped()
	s.writeTo("new.log", "x\n")
	s.hears(fsnotify.Create, "new.log")
	s.wantShipped("new.log")
	if s.reads != 0 {
		t.Errorf("%d folders were read", s.reads)
	}
}

func TestAnnouncementsThatWereLostHaveEverythingRead(t *testing.T) {
	s := newScout(t, "**/*.log", everyMatch)
	s.writeTo("one.log", "x\n")
	s.start()
	s.must(os.Mkdir(s.at("d"), 0o700))
	s.writeTo("d/two.log", "y\n")
	fs := *s.w.fs
	fs.Events, fs.Errors = make(chan fsnotify.Event), make(chan error)
	s.w.fs = &fs
	done, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); s.w.Run(done) }()
	fs.Errors <- fsnotify.ErrEventOverflow
	<-s.entry.news.dirty
	close(done)
	<-ended
	s.shipped = map[string]bool{}
	s.entry.catchUp()
	s.entry.settle(s.naming, time.Now())
	s.wantFollowed("d/two.log", "one.log")
	s.wantShipped("one.log", "two.log") // what was written to the first may have been lost as well
}

func TestMoreNewsThanIsRememberedHasEverythingRead(t *testing.T) {
	s := newScout(t, "*.log", everyMatch)
	s.start()
	for i := range maxNews + 1 {
		s.entry.hear(s.at(fmt.Sprint(i)), true)
	}
	if n := len(s.entry.news.heard); n > maxNews {
		t.Errorf("%d paths are remembered", n)
	}
	s.writeTo("one.log", "x\n")
	s.entry.catchUp()
	s.entry.settle(s.naming, time.Now())
	s.wantFollowed("one.log")
}

// How often a file is looked at of which nothing is heard.
func TestSafetyNetIsAsNarrowAsAnnouncementsAreDoubtful(t *testing.T) {
	f := func(what string, prepare func(*scout), isSure bool, least, most int) {
		t.Helper()
		s := newScout(t, "access.log")
		s.write("a\n")
		prepare(s)
		synctest.Test(t, func(t *testing.T) {
			e, err := New(s.file, Options{Memory: NewMemory(s.store), Watcher: s.w, Linger: time.Second, Log: zap.NewNop()})
			s.must(err)
			e.tree.isSure = func(string) bool { return isSure }
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			looks := 0
			e.Run(ctx, e.Naming("", strings.Clone), func(*Source) { looks++ }) // nobody reads: there is always something new
			e.Close()
			if looks < least || looks > most {
				t.Errorf("%s: looked at %d times in ten minutes, want %d to %d", what, looks, least, most)
			}
		})
	}
	nothing := func(*scout) {}
	f("sure", nothing, true, 10, 12)
	f("unsure file system", nothing, false, 59, 62)
	f("two names", func(s *scout) { s.must(os.Link(s.path(), s.at("other"))) }, true, 59, 62)
	f("unwatchable folder", func(s *scout) { _ = s.w.fs.Close() }, true, 590, 602)
	f("link by way of a link", func(s *scout) {
		s.rename("access.log", "real")
		s.must(os.Symlink("real", s.at("middle")))
		s.must(os.Symlink("middle", s.path()))
	}, true, 59, 62)
}

func TestFolderThatCannotBeWatchedIsReadFromTimeToTime(t *testing.T) {
	s := newScout(t, "*/*.log", everyMatch)
	s.must(os.Mkdir(s.at("d"), 0o700))
	_ = s.w.fs.Close()
	synctest.Test(t, func(t *testing.T) {
		e, err := New(s.file, Options{Memory: NewMemory(s.store), Watcher: s.w, Linger: time.Second, Log: zap.NewNop()})
		s.must(err)
		ctx, cancel := context.WithTimeout(t.Context(), unsureNet+time.Second)
		defer cancel()
		found := false
		go func() {
			time.Sleep(time.Millisecond)
			s.writeTo("d/new.log", "x\n")
		}()
		e.Run(ctx, e.Naming("", strings.Clone), func(*Source) { found = true })
		e.Close()
		if !found {
			t.Error("a new file was not found")
		}
	})
}

func TestOlderFileThatIsWrittenToAgainBecomesTheNewest(t *testing.T) {
	s := newScout(t, "app-*.log")
	for i, name := range []string{"app-1.log", "app-2.log", "app-3.log"} {
		s.writeTo(name, "x\n")
		s.must(os.Chtimes(s.at(name), time.Time{}, time.Unix(int64(1000+i), 0)))
	}
	s.start()
	s.wantFollowed("app-3.log")
	s.must(os.Chtimes(s.at("app-1.log"), time.Time{}, time.Unix(1001, 0))) // newer than it was, not the newest
	s.hears(fsnotify.Write, "app-1.log")
	s.wantFollowed("app-3.log")
	s.must(os.Chtimes(s.at("app-1.log"), time.Time{}, time.Unix(2000, 0)))
	s.hears(fsnotify.Write, "app-1.log")
	s.wantFollowed("app-1.log", "app-3.log")
	s.must(os.Remove(s.at("app-1.log")))
	s.must(os.Remove(s.at("app-3.log")))
	s.hears(fsnotify.Remove, "app-1.log", "app-3.log")
	s.wantFollowed("app-1.log", "app-2.log", "app-3.log") // those that are gone have not been read to their ends
}

func TestFolderRenamedUnderAWatchIsHeardUnderItsNewName(t *testing.T) {
	s := newScout(t, "*/sub/*.log", everyMatch)
	s.must(os.MkdirAll(s.at("a/sub"), 0o700))
	s.writeTo("a/sub/one.log", "x\n")
	s.start()
	s.rename("a", "b")
	other, err := New(s.file, Options{Memory: NewMemory(s.store), Watcher: s.w, Log: zap.NewNop()})
	s.must(err)
	other.tree.walk() // another entry comes to know it first: the kernel would go on to speak of a
	s.hears(fsnotify.Rename|fsnotify.Create, "a", "b")
	other.catchUp()
	s.wantFollowed("a/sub/one.log") // the source has the file already
	if got := s.entry.tree.matches(); !slices.Equal(got, []string{s.at("b/sub/one.log")}) {
		t.Errorf("known %q", got)
	}
	for _, folder := range []string{"b", "b/sub"} {
		if entries := s.w.folders[s.at(folder)]; !entries[s.entry] || !entries[other] {
			t.Errorf("%s: heard by %d", folder, len(entries))
		}
	}
	if s.w.folders[s.at("a/sub")] != nil || len(s.w.fs.WatchList()) != 3 {
		t.Errorf("the kernel watches %q", s.w.fs.WatchList())
	}
	s.w.forget(s.entry)
	s.w.forget(other)
	if len(s.w.folders)+len(s.w.above)+len(s.w.known)+len(s.w.ids)+len(s.w.fs.WatchList()) != 0 {
		t.Errorf("something is left of what nobody listens to: %v", s.w.folders)
	}
}

func TestSymbolicLinkThatIsTurnedIsListenedToWhereItLeads(t *testing.T) {
	s := newScout(t, "access.log")
	here, there := t.TempDir(), t.TempDir()
	s.must(os.WriteFile(filepath.Join(here, "x"), []byte("x\n"), 0o600))
	s.must(os.WriteFile(filepath.Join(there, "x"), []byte("y\n"), 0o600))
	s.must(os.Symlink(filepath.Join(here, "x"), s.path()))
	s.start()
	s.must(os.Remove(s.path()))
	s.must(os.Symlink(filepath.Join(there, "x"), s.path()))
	s.hears(fsnotify.Remove|fsnotify.Create, "access.log")
	s.wantShipped("access.log")
	if s.w.folders[here] != nil || s.w.folders[there] == nil {
		t.Errorf("heard: %v", slices.Collect(maps.Keys(s.w.folders)))
	}
	s.shipped = map[string]bool{}
	s.entry.hear(filepath.Join(there, "x"), false)
	s.wantShipped("access.log")
}

func TestFileInALinkedFolderIsHeardUnderBothNames(t *testing.T) {
	s := newScout(t, "*/*.log", everyMatch)
	s.must(os.Mkdir(s.at("real"), 0o700))
	s.must(os.Symlink("real", s.at("alias")))
	s.writeTo("real/one.log", "x\n")
	s.start()
	s.wantFollowed("alias/one.log") // once, not twice
	s.hears(fsnotify.Write, "real/one.log")
	s.wantShipped("one.log")
}

func TestWatcherIsDeafAsLongAsNobodyWantsToKnow(t *testing.T) {
	f := func(name string, events int, want time.Duration) {
		t.Helper()
		s := newScout(t, "access.log")
		s.write("x\n")
		s.start()
		synctest.Test(t, func(t *testing.T) {
			fs := *s.w.fs
			fs.Events, fs.Errors = make(chan fsnotify.Event), make(chan error)
			w := &Watcher{fs: &fs, log: zap.NewNop(), folders: map[string]map[*Entry]bool{s.dir: {s.entry: true}}}
			done := make(chan struct{})
			go w.Run(done)
			for range events {
				fs.Events <- fsnotify.Event{Name: s.at(name), Op: fsnotify.Write}
			}
			time.Sleep(quiet)
			synctest.Wait()
			before := time.Now()
			fs.Events <- fsnotify.Event{Name: s.at(name), Op: fsnotify.Write}
			if took := time.Since(before); took != want {
				t.Errorf("%d of %s: deaf for %v, want %v", events, name, took, want)
			}
			close(done)
		})
	}
	f("access.log", 1, deaf)
	f("other.log", 1, longDeaf)
	f("other.log", backlog, 0) // the kernel has more
}

// What is known from the kernel's announcements is, in the end, what a glob finds.
func TestTreeThatGrowsIsKnownFromTheKernel(t *testing.T) {
	for seed := range uint64(8) {
		s := newScout(t, "**/*.log", everyMatch)
		s.start()
		done, ended := make(chan struct{}), make(chan struct{})
		go func() { defer close(ended); s.w.Run(done) }()
		dice := rand.New(rand.NewPCG(seed, 2))
		some := func() string {
			name := fmt.Sprint("d", dice.IntN(3))
			for range dice.IntN(3) {
				name += fmt.Sprint("/d", dice.IntN(3))
			}
			return name
		}
		for range 150 {
			switch dice.IntN(4) {
			case 0, 1:
				dir := some()
				s.must(os.MkdirAll(s.at(dir), 0o700))
				s.writeTo(fmt.Sprintf("%s/%d.log", dir, dice.IntN(3)), "x\n")
			case 2:
				_ = os.Rename(s.at(some()), s.at(some())) // there may be none
			case 3:
				_ = os.RemoveAll(s.at(some()))
			}
			select {
			case <-s.entry.news.dirty:
				s.entry.catchUp()
			default:
			}
		}
		s.wantInTheEnd()
		close(done)
		<-ended
	}
}

// wantInTheEnd waits until all is known that there is.
func (s *scout) wantInTheEnd() {
	s.Helper()
	var want []string
	s.must(filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if filepath.Ext(path) == ".log" {
			want = append(want, path)
		}
		return err
	}))
	slices.Sort(want)
	for deadline := time.After(20 * time.Second); !slices.Equal(s.entry.tree.matches(), want); {
		select {
		case <-s.entry.news.dirty:
			s.entry.catchUp()
		case <-deadline:
			s.Fatalf("known %.2000q, want %.2000q", s.entry.tree.matches(), want)
		}
	}
}

// An idle file costs no more than its name and little else, besides the source that follows it.
func TestTenThousandPathsTakeLittleMemory(t *testing.T) {
	const paths = 10_000
	s := newScout(t, "**/*.log", everyMatch)
	for i := range paths {
		if i%100 == 0 {
			s.must(os.MkdirAll(s.at(fmt.Sprint("d", i/100)), 0o700))
		}
		s.must(os.WriteFile(s.at(fmt.Sprintf("d%d/service-%05d.log", i/100, i)), nil, 0o600))
	}
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	e, err := New(s.file, Options{Watcher: s.w, Log: zap.NewNop()})
	s.must(err)
	before := held()
	e.everything()
	clear(e.tree.came) // as following them does
	each := (int64(held()) - int64(before)) / paths
	if each > 1536 {
		t.Errorf("%d bytes for each path", each)
	}
	t.Logf("%d bytes for each path", each)
	runtime.KeepAlive(e)
}

func TestNewFilesAreFollowedAsSoonAsTheyAreAnnounced(t *testing.T) {
	s := newScout(t, "**/*.log", everyMatch)
	e, err := New(s.file, Options{Memory: NewMemory(s.store), Watcher: s.w, Linger: time.Second, Log: zap.NewNop()})
	s.must(err)
	e.tree.isSure = func(string) bool { return true } // the net would find them in five minutes
	ctx, cancel := context.WithCancel(t.Context())
	shipped, ended := make(chan string, 1000), make(chan struct{})
	go s.w.Run(ctx.Done())
	go func() {
		defer close(ended)
		e.Run(ctx, s.naming, func(one *Source) { shipped <- one.path })
		e.Close()
	}()
	deadline := time.After(20 * time.Second)
	for i := range 5 {
		dir := fmt.Sprintf("a%d/b/c", i)
		s.must(os.MkdirAll(s.at(dir), 0o700))
		for _, name := range []string{"one", "two"} {
			path := s.at(filepath.Join(dir, name+".log"))
			s.must(os.WriteFile(path, []byte("x\n"), 0o600))
			for got := ""; got != path; {
				select {
				case got = <-shipped:
				case <-deadline:
					t.Fatalf("%s was not found", path)
				}
			}
		}
	}
	cancel()
	<-ended
}
