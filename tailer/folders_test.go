package tailer

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// quieten makes it so long since a name last came into the folder of the test, or went.
func (a *tail) quieten(age time.Duration) {
	a.Helper()
	then := time.Now().Add(-age)
	a.must(os.Chtimes(a.dir, then, then))
}

func newSureFolders() *folders {
	d := newFolders()
	d.times = func(string) bool { return true }
	return d
}

func TestFolderIsReadOnceWhileNoNameComesOrGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		d := newSureFolders()
		isKept := func(what string, want bool) {
			t.Helper()
			first, err := d.read(a.dir)
			a.must(err)
			if again, _ := d.read(a.dir); (again == first) != want {
				t.Errorf("%s: read once: %v, want %v", what, again == first, want)
			}
		}
		a.put("access.log", "x\n", 0)
		a.quieten(coarse)
		isKept("changed a moment ago", false)
		a.quieten(coarse + 1)
		isKept("quiet", true)
		time.Sleep(time.Millisecond)
		a.quieten(fine)
		isKept("changed a moment ago, where milliseconds are kept", false)
		a.quieten(fine + 1)
		isKept("quiet, where milliseconds are kept", true)
		before, _ := d.read(a.dir)
		a.put("access.log.1", "x\n", 0)
		a.quieten(time.Minute)
		if after, _ := d.read(a.dir); after == before || len(after.names) != 2 {
			t.Errorf("a name that has come is not seen")
		}
		isKept("quiet again", true)
		time.Sleep(shortly)
		synctest.Wait()
		if len(d.known) != 0 {
			t.Errorf("%d folders are kept without end", len(d.known))
		}
		d.times = func(string) bool { return false }
		isKept("on a file server", false)
		if _, err := d.read(filepath.Join(a.dir, "none")); err == nil {
			t.Error("a folder that is not there can be read")
		}
	})
}

func TestFoldersReadOnceTellTheSameRotations(t *testing.T) {
	t.Parallel()
	a := newTail(t)
	names := []string{"app.log", "app.log.1", "app.log.2.gz", "app.log.3.xz", "app.log-20260101", "app-20260101.log", "app.log.old", "app.log.bak.1", "apple.log", "app.logs", "app", "app.1", "other.log.1", "app-2.log.zst", "aapp.log.1"}
	for i, name := range names {
		a.put(name, "x", time.Duration(i*7%5)*time.Hour)
	}
	a.must(os.Mkdir(filepath.Join(a.dir, "app.log.4"), 0o700))
	a.must(os.Symlink("app.log.1", filepath.Join(a.dir, "app.log.5")))
	d := newFolders()
	d.moment = true
	for _, name := range names {
		path := filepath.Join(a.dir, name)
		var got, want []string
		for _, n := range d.rotations(path) {
			got = append(got, filepath.Base(n.path))
		}
		for _, other := range names {
			if rotatedName(path, other) && (!compressed(other) || packed(other)) {
				want = append(want, other)
			}
		}
		if !slices.IsSortedFunc(d.rotations(path), func(a, b neighbour) int { return a.info.ModTime().Compare(b.info.ModTime()) }) {
			t.Errorf("%s: not the oldest first: %q", name, got)
		}
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if name == "app.log" && len(want) != 5 {
			t.Errorf("rotations of app.log: %q", want)
		}
	}
}

// The folder has been read for the first file when the second is rotated, under a name that was not there.
func TestRotationInTheMiddleOfASwitchOverLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newSwitchOver(t, func(f *config.File) { f.PublishMultiLogs = true })
		o.file.Path = filepath.Join(o.dir, "*.log")
		o.holding.folders = newSureFolders()
		o.has("a.log", "a1\na2\n", -time.Hour, time.Minute)
		o.has("bb.log", "b1\nb2\n", -time.Hour, time.Minute)
		for _, name := range []string{"a.log", "bb.log"} {
			o.left(name, "3\n%s\n0-3")
		}
		o.tail.quieten(time.Hour)
		known := o.adopted.birth
		o.adopted.birth = func(path string) time.Time {
			if rotated := o.at("bb.log-20260102"); path == o.at("a.log") && !exists(rotated) {
				if len(o.holding.folders.known) != 1 {
					t.Error("the folder is not kept: nothing is tested here")
				}
				o.must(os.Rename(o.at("bb.log"), rotated))
				o.has("bb.log", "b3\n", 2*time.Minute, 2*time.Minute)
			}
			return known(path)
		}
		o.start()
		o.want("a2", "b2", "b3")
	})
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// After a start thousands may be looked for in one folder, which is read for all of them; one is renamed meanwhile.
func TestFileThatIsRenamedWhileOthersAreLookedForIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.stop()
		a.write("c\n")
		a.must(os.Rename(a.path(), a.path()+".1"))
		a.put("access.log", "d\n", 0)
		a.quieten(time.Minute)
		a.holding.folders = newSureFolders()
		if _, err := a.holding.folders.read(a.dir); err != nil || len(a.holding.folders.known) != 1 {
			t.Fatal("the folder is not kept: nothing is tested here", err)
		}
		for i := range 3 {
			a.must(os.Rename(fmt.Sprint(a.path(), ".", i+1), fmt.Sprint(a.path(), ".", i+2)))
		}
		a.got = nil
		a.start()
		a.deliver()
		if got := strings.Join(a.got, " "); got != "c d" {
			t.Errorf("got %s", got)
		}
	})
}

// Of many who ask for a folder while it is being read, each is given a reading that began after he asked.
func TestFolderIsReadForAllWhoWaitForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		d := newFolders()
		first := &round{done: make(chan struct{})}
		d.rounds[a.dir] = first // somebody is reading it
		given := make(chan *reading, 100)
		for range cap(given) {
			go func() {
				r, err := d.read(a.dir)
				if err != nil {
					t.Error(err)
				}
				given <- r
			}()
		}
		synctest.Wait()
		a.put("came.log", "x", 0) // after they asked; a reading of their own may have it
		if len(given) > 0 {
			t.Fatal("somebody was given a reading that began before he asked")
		}
		if _, err := d.run(a.dir, first); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		all := map[*reading]bool{}
		for range cap(given) {
			r := <-given
			all[r] = true
			if r == first.reading || len(r.names) != 1 {
				t.Fatalf("somebody was given a reading with %d names", len(r.names))
			}
		}
		if len(all) != 1 || len(d.rounds) != 0 {
			t.Errorf("%d readings for those who waited; %d are under way", len(all), len(d.rounds))
		}
	})
}

func TestReadingThatHangsHoldsUpNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		d := newFolders()
		stuck := &round{done: make(chan struct{})}
		d.rounds[a.dir] = stuck // and does not end
		began := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if r, err := d.read(a.dir); err != nil || r == nil {
					t.Error(r, err)
				}
			})
		}
		all.Wait()
		if waited := time.Since(began); waited > 2*hung {
			t.Errorf("waited for %s", waited)
		}
		if len(d.rounds) != 0 {
			t.Error("those who come now would wait again")
		}
		if _, err := d.run(a.dir, stuck); err != nil || len(d.rounds) != 0 {
			t.Error("the end of what was hanging is taken for another's", err)
		}
	})
}
