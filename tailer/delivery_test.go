package tailer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// remembered fills a batch and remembers it, as before it is sent.
func (a *tail) remembered() (b *cloudwatch.LogBatch) {
	a.Helper()
	b = new(cloudwatch.LogBatch)
	mark := a.fill(b, time.Minute)
	if b.Len() == 0 {
		a.Fatal("nothing to be in doubt")
	}
	b.Sort()
	a.must(a.source.Remember(mark, b.Trace(), time.Now()))
	return b
}

// arrived notes that a batch is in its stream though no answer came.
func (a *tail) arrived(b *cloudwatch.LogBatch) {
	for _, m := range b.Events() {
		if strings.HasPrefix(string(m), "nephoscope: ") {
			a.told = append(a.told, string(m))
		} else {
			a.got = append(a.got, string(m))
		}
	}
}

func TestFilesThatBeginAlikeAreNotTakenForEachOtherWhenADoubtIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		header := strings.Repeat("#", 1100) + "\n"
		a := newTail(t)
		a.write(header)
		a.start()
		a.deliver()
		a.write("old 1\nold 2\nold 3\nold 4\n")
		a.rename("access.log", "access.log.1")
		a.write(header)
		a.write("new 1\nnew 2\n")
		a.source.keepUp()
		time.Sleep(time.Minute)
		b := a.remembered() // the end of the one, the beginning of the other
		a.source.Rewind(true)
		a.arrived(b)
		a.must(a.source.Settle(true))
		for i := range 9 {
			a.write(fmt.Sprintf("new %d\n", i+3))
		}
		a.deliver()
		a.got = slices.DeleteFunc(a.got, func(m string) bool { return m[0] == '#' })
		a.want("old 1", "old 2", "old 3", "old 4", "new 1", "new 2", "new 3", "new 4", "new 5", "new 6", "new 7", "new 8", "new 9", "new 10", "new 11")
	})
}

func TestFileThatCameWhileABatchWasInDoubtIsNotTakenForAnOldOneThatBeginsAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("started\nended\n") // each run of a job writes the same
		a.start()
		a.deliver()
		a.rename("access.log", "access.log.1")
		a.write("second\nrun\n")
		a.deliver()
		a.write("more\nof it\n")
		time.Sleep(time.Minute)
		b := a.remembered()
		a.source.Rewind(true)
		a.rename("access.log", "access.log.2")
		a.write("started\nended\n")
		a.source.keepUp()
		a.arrived(b)
		a.must(a.source.Settle(true))
		a.deliver()
		a.write("and more\nof that\n")
		a.deliver()
		a.want("started", "ended", "second", "run", "more", "of it", "started", "ended", "and more", "of that")
	})
}

func TestCopytruncateWhileABatchIsInDoubtRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.write("c\nd\n")
		time.Sleep(time.Minute)
		b := a.remembered()
		a.source.Rewind(true)
		a.write("e\nf\n") // less than a fingerprint's bytes: it grows with the file
		a.source.keepUp()
		a.copytruncate("access.log.1")
		a.write("g\nh\n")
		a.source.keepUp()
		a.arrived(b)
		a.must(a.source.Settle(true))
		a.deliver()
		a.want("a", "b", "c", "d", "e", "f", "g", "h")
	})
}

func TestFileThatWasGivenUpStaysSoWhenItsBatchIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.holding = NewHolding(10, 7000)
		a.write("first\n")
		a.start()
		a.deliver()
		for i := range 3 {
			a.write(fmt.Sprint(i, strings.Repeat(" ", 2998), "\n"))
			a.must(os.Remove(a.path()))
			a.source.keepUp()
			a.write(fmt.Sprint("new ", i, "\n"))
			a.source.keepUp()
		}
		for range 5 { // nobody takes anything
			var b cloudwatch.LogBatch
			a.fill(&b, time.Minute)
			a.source.Rewind(false)
			a.source.keepUp()
			time.Sleep(time.Minute)
		}
		a.deliver()
		if l := a.source.Ledger(); l.Lost.Bytes() != 3000 || !l.Balanced() {
			t.Errorf("lost %+v, told %q", l.Lost, a.told)
		}
	})
}

func TestLossIsToldOnceThoughItsBatchWasInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("gone\n")
		a.source.keepUp()
		a.must(os.Truncate(a.path(), 0))
		b := a.remembered()
		a.source.Rewind(true)
		a.arrived(b)
		a.must(a.source.Settle(true))
		a.deliver()
		if len(a.told) != 1 {
			t.Errorf("told %q", a.told)
		}
	})
}

func TestDrainedFilesAreClosedThoughNobodyWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.holding = NewHolding(0, 1<<30)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.write("c\n")
		a.rename("access.log", "access.log.1")
		a.write("d\n")
		a.deliver()
		a.want("a", "b", "c", "d")
		for range 60 { // the safety net, for an hour; logrotate deletes it meanwhile
			time.Sleep(time.Minute)
			woken := false
			a.entry.ship = func(*Source) { woken = true }
			if a.entry.shipChanged(); woken {
				a.deliver()
			}
		}
		if n := len(a.source.late); n > 0 {
			t.Errorf("%d drained files are open after an hour", n)
		}
	})
}

func TestWindowsAreNotKeptByThoseWhoWaitForTheirNextTurn(t *testing.T) {
	g := newGlob(t, "*.log", everyMatch)
	for i := range 200 {
		g.writeTo(fmt.Sprint(i, ".log"), strings.Repeat("x\n", 100_000))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	g.start0()
	var b cloudwatch.LogBatch
	for _, s := range g.entry.Sources() { // as ship does at the end of a turn: filled, taken, and behind the others
		for range 2 {
			b.Reset()
			mark, next := s.Fill(time.Now(), &b)
			if mark == 0 || next.After(time.Now()) {
				t.Fatal("there is more to come")
			}
			g.must(s.Commit(mark, cloudwatch.Verdict{}))
		}
	}
	runtime.GC()
	runtime.GC() // what the pool keeps
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 8<<20 {
		t.Errorf("200 files that wait for a lane keep %d MiB", kept>>20)
	}
	runtime.KeepAlive(g)
}

// start0 begins as Run does, and delivers nothing.
func (g *glob) start0() {
	g.Helper()
	e, err := New(g.file, Options{Memory: NewMemory(g.store), Holding: g.holding, Linger: 5 * time.Second, Log: nop})
	g.must(err)
	g.entry, g.shipped = e, map[string]bool{}
	e.ship = func(s *Source) { g.shipped[s.path] = true }
	e.resume(g.naming)
	e.everything()
	e.settle(g.naming, time.Now())
	g.Cleanup(e.Close)
}

func TestFolderThatBecomesALinkToElsewhereIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outside := t.TempDir()
		g := newGlob(t, "*/app.log", everyMatch)
		g.must(os.Mkdir(g.at("a"), 0o700))
		g.writeTo("a/app.log", "mine\nmine too\n")
		g.start()
		g.source = g.entry.source(g.at("a/app.log"))
		g.must(os.WriteFile(outside+"/app.log", []byte("secret\nsecret too\n"), 0o600))
		g.must(os.Rename(g.at("a"), g.at(".b")))
		g.must(os.Symlink(outside, g.at("a")))
		g.source.keepUp() // as catchUp does, before it asks the tree
		g.deliver()
		g.tail.deliver()
		g.want("mine", "mine too")
	})
}

func TestCheckpointOfAFileThatVanishedWhileStoppedIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGlob(t, "*.log", everyMatch)
		g.writeTo("app-1.log", "a\nb\n")
		g.start()
		g.stop()
		g.must(os.Remove(g.at("app-1.log")))
		g.start0() // Run goes on at once; the lane may come to it later
		for _, s := range g.entry.Sources() {
			g.source = s
			g.tail.deliver()
		}
		if g.remembersFiles() {
			t.Errorf("%v is remembered, and nobody follows it", g.store)
		}
	})
}

func TestRotatedFileThatIsTruncatedBeforeItsBatchIsTakenIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("b\nc\n")
		a.rename("access.log", "access.log.1")
		a.write("d\n")
		var b cloudwatch.LogBatch
		mark := a.fill(&b, time.Minute)
		a.must(os.Truncate(a.at("access.log.1"), 0))
		a.source.keepUp()
		if a.source.Rewind(false) {
			a.deliver()
		} else {
			a.take(&b, mark)
			a.deliver()
		}
		if l := a.source.Ledger(); l.Lost.Bytes() == 0 && len(a.got) < 4 {
			t.Errorf("got %q, lost %+v", a.got, l.Lost)
		}
	})
}

// broken is a file of a disk that gives errors.
type broken struct{ content }

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errors.New("input/output error") }

func TestFileThatCouldNotBeReadForLongBeforeItsRotationIsTriedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("b\nc\n")
		f := a.source.files[0]
		whole := f.f
		f.f = broken{whole}
		var b cloudwatch.LogBatch
		for range 20 * 60 {
			if mark, _ := a.source.Fill(time.Now(), &b); mark != 0 {
				t.Fatal("read what cannot be read")
			}
			time.Sleep(time.Second)
		}
		a.rename("access.log", "access.log.1")
		a.write("d\n")
		if mark, _ := a.source.Fill(time.Now(), &b); mark != 0 {
			a.take(&b, mark)
		}
		f.f = whole // a second later the disk answers
		time.Sleep(time.Second)
		a.deliver()
		a.want("a", "b", "c", "d")
		if l := a.source.Ledger(); l.Lost.Bytes() > 0 {
			t.Errorf("given up as it was rotated: %+v", l.Lost)
		}
	})
}

func TestLineWithoutAnEndIsNotReadAgainForEachWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		f := a.source.files[0]
		counted := &counting{content: f.f}
		f.f = counted
		const most = 500_000
		a.write(strings.Repeat("x", most))
		for range 600 { // a minute of progress, ten times a second
			a.write("x")
			if !a.source.expects(time.Now()) {
				a.source.Fill(time.Now(), new(cloudwatch.LogBatch))
			}
			time.Sleep(100 * time.Millisecond)
		}
		if counted.bytes > 61*most { // once a second
			t.Errorf("%d MiB were read of half a megabyte that grew by 600 bytes in a minute", counted.bytes>>20)
		}
	})
}

type counting struct {
	content
	bytes int
}

func (c *counting) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.content.ReadAt(p, at)
	c.bytes += n
	if errors.Is(err, io.EOF) && n > 0 {
		err = io.EOF
	}
	return n, err
}

func TestLookAtAFileThatWasDeletedCostsTheSameInAFullFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cost := func(strangers int) float64 {
			a := newTail(t)
			for i := range strangers {
				a.writeTo(fmt.Sprint("other-", i, ".log"), "")
			}
			a.write("a\nb\n")
			a.start()
			a.deliver()
			a.write("c\n")
			a.must(os.Remove(a.path()))
			for range 3 {
				a.source.keepUp()
			}
			return testing.AllocsPerRun(5, a.source.keepUp)
		}
		few, many := cost(1), cost(5000)
		if many > 10*few {
			t.Errorf("a look allocates %v times beside one file, %v times beside 5000", few, many)
		}
	})
}

func TestTwoEntriesOfOneFileIntoOneStreamKeepTheirPlacesApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		filter := func(pattern string) func(*config.File) {
			return func(f *config.File) { f.Filters = []config.Filter{{Include: true, Expression: mustCompile(pattern)}} }
		}
		a, b := newTail(t, filter("A")), newTail(t, filter("B"))
		b.dir, b.store, b.file.Path = a.dir, a.store, a.file.Path
		a.write("A 1\nB 1\n")
		a.start()
		b.start()
		b.deliver()
		a.deliver()
		a.write("A 2\nB 2\nend\n")
		a.deliver() // b is not asked before the crash
		a.stop()
		b.stop()
		a.start()
		b.start()
		a.deliver()
		b.deliver()
		a.want("A 1", "A 2")
		b.want("B 1", "B 2")
	})
}

func TestWriterOfADeletedFilePausesAndGoesOn(t *testing.T) {
	f := func(replaced bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			f, err := os.OpenFile(a.path(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			a.must(err)
			defer f.Close()
			write := func(text string) {
				_, err := f.WriteString(text)
				a.must(err)
			}
			write("a\n")
			a.start()
			a.deliver()
			a.must(os.Remove(a.path())) // and nobody told the writer
			write("b\n")
			a.source.keepUp()
			if replaced {
				a.write("of another\n")
			}
			a.deliver()
			a.got = slices.DeleteFunc(a.got, func(m string) bool { return m == "of another" })
			a.want("a", "b")
			time.Sleep(5 * time.Second)
			write("c\n")
			a.source.keepUp()
			a.deliver()
			a.got = slices.DeleteFunc(a.got, func(m string) bool { return m == "of another" })
			if !slices.Equal(a.got, []string{"a", "b", "c"}) {
				t.Errorf("replaced %v: got %q", replaced, a.got)
			}
		})
	}
	f(false)
	f(true)
}

func TestLateLineOfARotatedFileThatThePatternDoesNotMatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGlob(t, "*.log", everyMatch)
		g.writeTo("app.log", "a\nb\n")
		g.start()
		g.rename("app.log", "app.log.1")
		g.writeTo("app.log", "c\nd\n")
		g.deliver()
		time.Sleep(30 * time.Second)
		g.writeTo("app.log.1", "late\n") // an old child of Apache with a long request
		g.deliver()
		g.writeTo("app.log", "e\nf\n")
		touch(g.tail, "app.log.1", 0)
		touch(g.tail, "app.log", time.Minute)
		g.deliver()
		g.rename("app.log", "app.log.2")
		g.writeTo("app.log", "g\nh\n")
		g.deliver()
		slices.Sort(g.got)
		g.want("a", "b", "c", "d", "e", "f", "g", "h", "late")
	})
}

func TestBatchThatIsGivenBackLeavesNoDecoderBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.write(strings.Repeat("of a long file\n", 50_000))
		a.source.stopLooking(func() {
			a.rename("access.log", "access.log.1")
			a.pack("access.log.1", ".gz")
			a.write("new\n")
		})
		var b cloudwatch.LogBatch
		a.fill(&b, time.Minute)
		a.source.Rewind(false)
		for _, f := range a.source.files {
			if u, is := f.f.(*unpacked); is && u.in != nil {
				t.Error("a decoder, of up to 8 MiB, waits for the end of the outage")
			}
		}
	})
}

// stopLooking does something while the source has nothing open, as after a restart.
func (s *Source) stopLooking(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cp := s.acknowledged()
	for _, f := range s.files {
		s.entry.shelf.leave(f, s, nil)
		f.close()
	}
	s.files = nil
	do()
	s.restore(cp)
}
