package tailer

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// glob follows all that a pattern matches in a folder, as an entry does.
type glob struct {
	*tail
	shipped map[string]bool // by path: sources that may have something to read
}

func newGlob(t *testing.T, pattern string, change ...func(*config.File)) *glob {
	g := &glob{tail: newTail(t)}
	g.file.Path = g.at(pattern)
	for _, c := range change {
		c(&g.file)
	}
	return g
}

func everyMatch(f *config.File) { f.PublishMultiLogs = true }

// start begins as Run does.
func (g *glob) start() {
	g.Helper()
	e, err := New(g.file, Options{Memory: NewMemory(g.store), Linger: 5 * time.Second, Log: zap.NewNop()})
	g.must(err)
	g.entry, g.shipped = e, map[string]bool{}
	e.ship = func(s *Source) { g.shipped[s.path] = true }
	e.resume(g.naming)
	g.Cleanup(e.Close)
	g.deliver()
}

func (g *glob) naming(string) cloudwatch.LogStream {
	return cloudwatch.LogStream{Group: "g", Name: "s"}
}

// deliver lets some time pass, and reads and acknowledges what there is.
func (g *glob) deliver() {
	g.Helper()
	for range 3 {
		g.entry.shipChanged()
		g.entry.discover(g.naming)
		all := g.entry.Sources()
		slices.SortFunc(all, func(a, b *Source) int { return strings.Compare(a.path, b.path) })
		for _, s := range all {
			g.source = s
			g.tail.deliver()
		}
	}
}

func (g *glob) stop() { g.entry.Close() }

func TestGlobOverNumberedRotationsSendsNothingTwice(t *testing.T) {
	f := func(restart bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			g := newGlob(t, "access.log*", everyMatch)
			want := []string{"0", "1", "2"}
			for i, name := range []string{"access.log", "access.log.1", "access.log.2"} {
				g.writeTo(name, want[i]+"\n")
			}
			g.start()
			for round := range 12 {
				if restart {
					g.stop()
				}
				g.rename("access.log.2", "access.log.3"+string(rune('a'+round)))
				g.rename("access.log.1", "access.log.2")
				g.rename("access.log", "access.log.1")
				line := "new " + string(rune('a'+round))
				g.write(line + "\n")
				want = append(want, line)
				if restart {
					g.start()
				}
				g.deliver()
			}
			g.want(want...)
		})
	}
	f(false)
	f(true)
}

func TestLinkTurnedBackGoesOnWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		turn := func(to string) {
			_ = os.Remove(a.path())
			a.must(os.Symlink(a.at(to), a.path()))
		}
		a.writeTo("blue", "blue 1\n")
		a.writeTo("green", "green 1\n")
		turn("blue")
		a.start()
		a.deliver()
		turn("green")
		a.deliver()
		a.writeTo("blue", "blue 2\n")
		turn("blue")
		a.deliver()
		a.want("blue 1", "green 1", "blue 2")
	})
}

func TestOldRotatedFileThatIsWrittenToIsNotReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		past := func(name string, ago time.Duration) {
			a.must(os.Chtimes(a.at(name), time.Time{}, time.Now().Add(-ago)))
		}
		a.write("a\n")
		a.start()
		a.deliver()
		a.rename("access.log", "access.log.1")
		a.write("b\n")
		a.deliver()
		past("access.log", time.Hour)
		a.rename("access.log.1", "access.log.2")
		a.rename("access.log", "access.log.1")
		a.writeTo("access.log.2", "late\n")
		past("access.log.2", time.Minute) // newer than b
		a.write("c\n")
		a.deliver()
		a.want("a", "b", "late", "c")
	})
}

func TestRotationTwiceOfFilesThatBeginAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("#Version\n")
		a.start()
		a.deliver()
		a.must(os.Chtimes(a.path(), time.Time{}, time.Now().Add(-time.Hour)))
		a.rename("access.log", "access.log.2")
		a.write("#Version\nb\n")
		a.rename("access.log", "access.log.1")
		a.write("#Version\nc\n")
		a.deliver()
		a.want("#Version", "#Version", "b", "#Version", "c")
	})
}

func TestCopytruncateOfFilesThatBeginAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.writeTo("access.log.2", "#Version\nold\n")
		a.must(os.Chtimes(a.at("access.log.2"), time.Time{}, time.Now().Add(-time.Hour)))
		a.write("#Version\n")
		a.start()
		a.deliver()
		a.write("unread\n")
		a.copytruncate("access.log.1")
		a.deliver()
		a.want("#Version", "unread")
	})
}

func TestCopytruncateRightAfterTheFirstLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("")
		a.start()
		a.write("first\nsecond\n")
		var b cloudwatch.LogBatch
		now := time.Now()
		a.source.look(now)
		a.source.pass(&b, now)
		a.copytruncate("access.log.1")
		a.write("another that is longer than both\n")
		for _, later := range []time.Duration{time.Minute, 2 * time.Minute} {
			a.source.look(now.Add(later))
			a.source.pass(&b, now.Add(later))
		}
		for _, m := range b.Events() {
			a.got = append(a.got, string(m))
		}
		a.want("first", "second", "another that is longer than both")
	})
}

func TestCopytruncateTwiceBetweenTwoLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("b\n")
		a.copytruncate("access.log-1")
		a.must(os.Chtimes(a.at("access.log-1"), time.Time{}, time.Now().Add(-time.Hour)))
		a.write("c\n")
		a.copytruncate("access.log-2")
		a.write("d\n")
		a.deliver()
		a.want("a", "b", "c", "d")
	})
}

func TestRenameRightAfterCopytruncate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("b\n")
		a.copytruncate("access.log-1")
		a.must(os.Chtimes(a.at("access.log-1"), time.Time{}, time.Now().Add(-time.Hour)))
		a.write("c, and more than there was\n")
		a.rename("access.log", "access.log-2")
		a.write("d\n")
		a.deliver()
		a.want("a", "b", "c, and more than there was", "d")
	})
}

func TestFileThatCannotBeReadForAWhileIsNotReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		works := a.source.files[0].f
		broken, err := os.OpenFile(a.path(), os.O_WRONLY, 0)
		a.must(err)
		defer broken.Close()
		a.source.files[0].f = broken
		a.deliver()
		a.source.files[0].f = works
		a.write("b\n")
		a.deliver()
		a.want("a", "b")
	})
}

func TestFileReadableLaterIsNotRememberedBeforeItIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.must(os.Mkdir(a.path(), 0o700))
		a.start()
		a.deliver()
		a.must(os.Remove(a.path()))
		a.write("a\nb\n")
		for range 2 { // the second is filled while the first is on the wire
			a.write("c\nd\n")
			var lost cloudwatch.LogBatch
			if a.fill(&lost, time.Minute); lost.Len() == 0 {
				t.Fatal("no events")
			}
		}
		a.stop() // nothing was acknowledged
		a.start()
		a.deliver()
		a.want("a", "b", "c", "d", "c", "d")
	})
}

func TestFileThatCameAndWentDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		var b cloudwatch.LogBatch
		mark := a.fill(&b, time.Minute)
		for _, line := range []string{"b\n", "c\n", "d\n"} { // nobody fills a batch: the last one is not taken
			a.must(os.Remove(a.path())) // as compression does
			a.write(line)
			a.entry.shipChanged()
		}
		a.take(&b, mark)
		a.deliver()
		a.want("a", "b", "c", "d")
	})
}

func TestOlderFileOfAGlobIsReadToItsEndAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGlob(t, "app-*.log")
		g.writeTo("app-1.log", "a\n")
		g.writeTo("app-0.log", "never the newest\n")
		g.must(os.Chtimes(g.at("app-0.log"), time.Time{}, time.Unix(1, 0)))
		g.start()
		g.stop()
		g.writeTo("app-1.log", "b\n")
		g.must(os.Chtimes(g.at("app-1.log"), time.Time{}, time.Unix(2, 0)))
		g.writeTo("app-2.log", "c\n")
		g.start()
		g.want("a", "b", "c")
		g.stop()
		g.start()
		g.want("a", "b", "c")
		if n := len(g.entry.Sources()); n != 1 {
			t.Errorf("%d files are followed, though one is read to its end", n)
		}
	})
}

func TestBusyFolderDoesNotHoldUpTheSafetyNet(t *testing.T) {
	w, err := NewWatcher(zap.NewNop()) // its goroutine waits for the kernel: not in the bubble
	if err != nil {
		t.Fatal(err)
	}
	defer w.fs.Close()
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		elsewhere := filepath.Join(t.TempDir(), "target")
		a.must(os.WriteFile(elsewhere, []byte("a\n"), 0o600))
		a.must(os.Symlink(elsewhere, a.path()))
		e, err := New(a.file, Options{Memory: NewMemory(a.store), Watcher: w, Linger: time.Second, Log: zap.NewNop()})
		a.must(err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		shipped := 0
		go e.Run(ctx, e.Naming("", strings.Clone), func(*Source) { shipped++ })
		for busy := time.NewTicker(time.Second); ctx.Err() == nil; {
			select {
			case <-busy.C:
				a.writeTo("../"+filepath.Base(filepath.Dir(elsewhere))+"/target", "b\n")
				e.hear(a.at("another"), true)
			case <-ctx.Done():
			}
		}
		synctest.Wait()
		e.Close()
		if shipped < 5 {
			t.Errorf("a file that the kernel says nothing about was looked at %d times in ten minutes", shipped)
		}
	})
}

func TestFileThatIsWrittenToWithoutPauseWakesItsReader(t *testing.T) {
	real, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.start()
		woken := 0
		a.entry.ship = func(*Source) { woken++ }
		fs := *real
		fs.Events, fs.Errors = make(chan fsnotify.Event), make(chan error)
		w := &Watcher{fs: &fs, log: zap.NewNop(), folders: map[string]map[*Entry]bool{a.dir: {a.entry: true}}}
		done := make(chan struct{})
		go w.Run(done)
		writes := time.NewTicker(deaf / 2)
		defer writes.Stop()
		for range 100 {
			<-writes.C
			fs.Events <- fsnotify.Event{Name: a.path(), Op: fsnotify.Write}
		}
		close(done)
		synctest.Wait()
		if woken < 30 {
			t.Errorf("woken %d times in 5 s", woken)
		}
	})
}

func TestFilteredLinesAreCommittedOnceAFlushInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t, func(f *config.File) {
			f.Filters = []config.Filter{{Include: true, Expression: regexp.MustCompile("keep")}}
		})
		a.start()
		began, commits := time.Now(), 0
		for ; time.Since(began) < time.Minute; commits++ {
			a.write("drop\ndrop\n")
			var b cloudwatch.LogBatch
			if mark := a.fill(&b, time.Minute); mark != 0 {
				a.take(&b, mark)
			}
		}
		if commits > 14 {
			t.Errorf("%d commits a minute", commits)
		}
	})
}

func TestPiecesOfOneMessageShareItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t, func(f *config.File) { f.TimestampFormat = "%Y-%m-%d" })
		long := "2026-11-20 " + strings.Repeat("x", cloudwatch.MaxMessageBytes) + " 2026-11-19 " + strings.Repeat("y", cloudwatch.MaxMessageBytes)
		invalid := "2026-11-20 \xff" + strings.Repeat("x\r\n ", cloudwatch.MaxMessageBytes/8) + "2026-11-18"
		a.write(long + "\n" + invalid + "\n2026-11-20 end\n")
		a.start()
		a.deliver()
		for i, at := range a.times {
			if want := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).UnixMilli(); at != want {
				t.Errorf("event %d of %d: time %v", i, len(a.times), time.UnixMilli(at).UTC())
			}
		}
	})
}

func TestMessageWithCarriageReturnsIsCutWithoutRepeatingAByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		fill := strings.Repeat("f", cloudwatch.MaxMessageBytes/2)
		invalid := "\xff" + strings.Repeat("x\r\n ", cloudwatch.MaxMessageBytes/6)
		text := fill + "\n" + invalid + "\nend\n" // the second piece finds the batch full
		a.write(text)
		a.start()
		a.deliver()
		norm := strings.NewReplacer("\r\n", "\n", "\xff", "\ufffd").Replace
		if got, want := norm(strings.Join(a.got, "")), norm(strings.TrimSuffix(fill+invalid, "\r\n ")+"\r\n end"); strings.ReplaceAll(got, "\n", "") != strings.ReplaceAll(want, "\n", "") {
			t.Errorf("got %d bytes in %d events, want %d", len(got), len(a.got), len(want))
		}
	})
}

func TestSourceThatIsGivenUpReadsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.must(os.Remove(a.path()))
		a.deliver()
		time.Sleep(2 * lateness)
		a.entry.shipChanged()
		if !a.source.retire() {
			t.Fatal("the source has not ended")
		}
		a.write("for another source\n")
		a.deliver()
		a.want("a")
	})
}

func TestRotatedFileThatCannotBeReadIsTriedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		f := a.source.files[0]
		f.rotated = time.Now().Add(-time.Hour)
		a.must(f.f.Close()) // every read fails from now on
		var b cloudwatch.LogBatch
		now := time.Now().Add(time.Hour)
		a.source.pass(&b, now)
		if wait := a.source.due(now).Sub(now); wait < a.entry.step {
			t.Errorf("tried again after %v", wait)
		}
	})
}

func TestAgeOfAFileDoesNotChangeWhenTheClockIsSet(t *testing.T) {
	a := newTail(t)
	a.write("a\n")
	a.must(os.Chtimes(a.path(), time.Time{}, time.Now().Add(-time.Second)))
	f, err := open(a.path(), 0)
	a.must(err)
	defer f.close()
	if f.grew == f.grew.Round(0) {
		t.Error("the time of the last change is on the clock that may be set")
	}
}

func TestDamagedMemoryOfDrainedFilesIsRefused(t *testing.T) {
	m := NewMemory(store{"/x > g > s": `{"drained":[{"head_bytes":-1}]}`})
	if _, _, err := m.load("/x", " > g > s"); err == nil {
		t.Error("a head of -1 bytes was accepted")
	}
}

func TestTimeThatNoRequestMayHoldIsTheOldestThatOneMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t, func(f *config.File) { f.TimestampFormat = "%Y-%m-%d" })
		a.write("1953-06-02 x\n2026-11-20 y\n")
		a.start()
		a.deliver()
		if len(a.times) != 2 || a.times[0] != 0 {
			t.Errorf("got %v", a.times)
		}
	})
}

func TestWritesBehindASymbolicLinkAreAnnounced(t *testing.T) {
	w, err := NewWatcher(zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer w.fs.Close()
	a := newTail(t)
	elsewhere := t.TempDir()
	a.must(os.WriteFile(filepath.Join(elsewhere, "app-2026.log"), []byte("a\n"), 0o600))
	a.must(os.Symlink(filepath.Join(elsewhere, "app-2026.log"), a.path()))
	a.start()
	a.entry.watcher = w
	if a.entry.discover(a.entry.Naming("", strings.Clone)); w.folders[elsewhere] == nil {
		t.Fatal("the folder that the link leads into is not watched")
	}
	woken := 0
	a.entry.ship = func(*Source) { woken++ }
	a.entry.hear(filepath.Join(elsewhere, "app-2026.log"), false)
	if woken != 1 {
		t.Errorf("woken %d times", woken)
	}
}

func TestEventOfAConfiguredPatternIsHeldAsLongAsTheOriginalDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t, func(f *config.File) { f.MultiLineStart = regexp.MustCompile(`^\d`) })
		a.linger = time.Second
		a.start()
		a.deliver()
		go func() {
			for _, line := range []string{"1 failed", "java.lang", "at x", "2 next"} {
				a.write(line + "\n")
				time.Sleep(1500 * time.Millisecond)
			}
		}()
		time.Sleep(time.Second)
		a.deliver()
		a.want("1 failed\njava.lang\nat x", "2 next")
	})
}
