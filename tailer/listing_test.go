package tailer

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// listed says in a line for each file what a listing holds; paths are below the folder of the test.
func (a *tail) listed(o Options) (followed, passed []string) {
	a.Helper()
	o.Memory, o.Linger, o.Log = NewMemory(a.store), a.linger, nop
	e, err := New(a.file, o)
	a.must(err)
	e.Claim()
	l := e.List(e.Naming("host", func(s string) string { return s }))
	for _, f := range l.Files {
		line := fmt.Sprintf("%s → %s:%s %s", a.below(f.Path), f.Stream.Group, a.below(f.Stream.Name), f.Start)
		for _, p := range f.Parts {
			line += fmt.Sprintf(" %s@%d/%d", a.below(p.Path), p.From, p.Size)
		}
		if f.Err != nil {
			line += " unreadable"
		}
		followed = append(followed, line)
	}
	for _, p := range l.Passed {
		passed = append(passed, a.below(p.Path)+": "+a.below(p.Why))
	}
	return followed, passed
}

func (a *tail) below(text string) string {
	text = strings.ReplaceAll(text, strings.ReplaceAll(a.dir, "/", "_"), "")
	return strings.ReplaceAll(text, a.dir+"/", "")
}

func (a *tail) put(name, text string, age time.Duration) {
	a.Helper()
	path := filepath.Join(a.dir, name)
	a.must(os.MkdirAll(filepath.Dir(path), 0o700))
	a.must(os.WriteFile(path, []byte(text), 0o600))
	when := time.Now().Add(-age)
	a.must(os.Chtimes(path, when, when))
}

func (a *tail) expect(o Options, followed, passed []string) {
	a.Helper()
	before := maps.Clone(a.store)
	gotFollowed, gotPassed := a.listed(o)
	if !slices.Equal(gotFollowed, followed) || !slices.Equal(gotPassed, passed) {
		a.Errorf("got\n  %s\nand passed over\n  %s\nwant\n  %s\nand\n  %s", strings.Join(gotFollowed, "\n  "), strings.Join(gotPassed, "\n  "), strings.Join(followed, "\n  "), strings.Join(passed, "\n  "))
	}
	if o.Adopted == nil && !maps.Equal(before, a.store) {
		a.Errorf("the checkpoints have changed: %v", a.store)
	}
}

func TestListingOfAPatternHasTheNewestFileAlone(t *testing.T) {
	t.Parallel()
	a := newTail(t, func(f *config.File) { f.Blacklist = mustCompile(`^secret`) })
	a.file.Path = filepath.Join(a.dir, "*.log*")
	a.put("a.log", "12345\n", time.Hour)
	a.put("b.log", "123\n", time.Minute)
	a.put("b.log.1", "1\n", 2*time.Hour)
	a.put("b.log.2.gz", "x", 3*time.Hour)
	a.put("secret.log", "x\n", 0)
	a.put("other.txt", "x\n", 0)
	a.expect(Options{}, []string{"b.log → g:s beginning b.log@0/4"}, []string{
		"a.log: older than b.log: without publish_multi_logs the newest match alone is followed",
		"b.log.1: " + WhyRotated,
		"b.log.2.gz: " + WhyRotated,
		"secret.log: " + WhyBlacklist,
	})
}

func TestListingOfAllMatchesNamesAStreamForEach(t *testing.T) {
	t.Parallel()
	a := newTail(t, func(f *config.File) { f.PublishMultiLogs = true })
	a.file.Path = filepath.Join(a.dir, "**", "*.log")
	a.put("a.log", "1\n", 0)
	a.put("deep/b.log", "12\n", 0)
	a.put("c.log.gz", "x", 0)
	outside := filepath.Join(t.TempDir(), "elsewhere.log")
	a.must(os.WriteFile(outside, nil, 0o600))
	a.must(os.Symlink(outside, filepath.Join(a.dir, "link.log")))
	followed, passed := a.listed(Options{})
	if want := []string{"a.log → g:s__a.log beginning a.log@0/2", "deep/b.log → g:s__deep_b.log beginning deep/b.log@0/3"}; !slices.Equal(followed, want) {
		t.Errorf("got %q, want %q", followed, want)
	}
	if len(passed) != 1 || !strings.HasPrefix(passed[0], "link.log: it is a symbolic link to ") {
		t.Errorf("passed over: %q", passed)
	}
}

func TestListingBeginsAtTheCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.stop()
		a.write("c\n")
		a.expect(Options{}, []string{"access.log → g:s checkpoint access.log@4/6"}, nil)
		// Rotated away while nobody looked: the rest of it comes first.
		a.must(os.Rename(a.path(), a.path()+".1"))
		a.write("d\n")
		followed, passed := a.listed(Options{})
		if len(followed) != 1 || !strings.HasPrefix(followed[0], "access.log → g:s checkpoint access.log.1@4/6") || len(passed) > 0 {
			t.Errorf("after a rotation: %q, passed over %q", followed, passed)
		}
	})
}

func TestListingBeginsWhereTheOriginalStopped(t *testing.T) {
	t.Parallel()
	o := newSwitchOver(t)
	o.has("access.log", "first\nsecond\n", -time.Hour, time.Hour)
	o.left("access.log", fmt.Sprintf("6\n%s\n", o.path()))
	o.tail.expect(Options{Adopted: o.adopted}, []string{"access.log → g:s original access.log@6/13"}, nil)
}

func TestListingOfMoreFilesThanMayBeOpenTellsAll(t *testing.T) {
	t.Parallel()
	a := newTail(t, func(f *config.File) { f.PublishMultiLogs = true })
	a.file.Path = filepath.Join(a.dir, "*.log")
	for i := range 50 {
		a.put(fmt.Sprintf("%02d.log", i), "", 0)
	}
	followed, _ := a.listed(Options{Holding: NewHolding(3, 0)})
	if len(followed) != 50 || !strings.HasSuffix(followed[49], "beginning 49.log@0/0") {
		t.Errorf("%d files, the last %q", len(followed), followed[len(followed)-1])
	}
}

func TestListingNeverRemovesAFile(t *testing.T) {
	t.Parallel()
	a := newTail(t, func(f *config.File) { f.AutoRemoval = true })
	a.file.Path = filepath.Join(a.dir, "*.log")
	a.put("old.log", "", time.Hour)
	a.put("new.log", "", 0)
	a.listed(Options{})
	a.listed(Options{})
	if all, _ := filepath.Glob(a.file.Path); len(all) != 2 {
		t.Errorf("left: %q", all)
	}
}

func TestSampleCutsAsTheEntryDoes(t *testing.T) {
	t.Parallel()
	a := newTail(t, func(f *config.File) {
		f.TimestampFormat = "%Y-%m-%d %H:%M:%S"
		f.Filters = []config.Filter{{Include: false, Expression: mustCompile("debug")}}
	})
	a.put("access.log", "2026-01-02 03:04:05 start\n"+strings.Repeat("2026-01-02 03:04:06 error\n\tat somewhere\n2026-01-02 03:04:06 debug\n", 1000), 0)
	e, err := New(a.file, Options{Memory: NewMemory(a.store), Log: nop})
	a.must(err)
	s, err := e.Sample(a.path(), 6700)
	a.must(err)
	if !s.First.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || s.Kept*2 < s.Events-1 || s.Kept*2 > s.Events+1 || s.Events < 200 || s.Events > 204 || s.Bytes > 6700 || s.Bytes < 6600 {
		t.Errorf("got %+v", s)
	}
	if _, err := e.Sample(a.path()+".missing", 10); err == nil {
		t.Error("a file that is not there gives a sample")
	}
}
