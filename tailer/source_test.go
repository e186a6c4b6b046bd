package tailer

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

func TestBatchThatIsGivenBackIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\nc\n")
		a.start()
		for range 3 {
			var b cloudwatch.LogBatch
			if a.fill(&b, time.Minute); b.Len() == 0 {
				t.Fatal("nothing to give back")
			}
			if l := a.source.Ledger(); !l.Balanced() || l.Pending.Events != int64(b.Len()) || l.LagBytes == 0 {
				t.Errorf("while it is on its way: %+v", l)
			}
			if !a.source.Rewind(false) {
				t.Fatal("cannot be read again")
			}
			if l := a.source.Ledger(); !l.Balanced() || l.Pending.Events != 0 || l.Read.Events != 0 {
				t.Errorf("after it was given back: %+v", l)
			}
			a.write("more\n")
		}
		a.deliver()
		a.want("a", "b", "c", "more", "more", "more")
	})
}

func TestFileThatWasDrainedComesBackWithItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("b\n")
		a.must(os.Remove(a.path()))
		a.write("c\nd\n")
		time.Sleep(time.Minute)
		for range 2 {
			var b cloudwatch.LogBatch
			a.fill(&b, time.Minute)
			var got []string
			for _, m := range b.Events() {
				got = append(got, string(m))
			}
			if len(got) == 0 || got[0] != "b" {
				t.Errorf("got %q", got)
			}
			a.source.Rewind(false)
		}
		a.deliver()
		a.want("a", "b", "c", "d")
	})
}

func TestTruncationKeepsTheBatchThatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\nc\n")
		a.start()
		var b cloudwatch.LogBatch
		mark := a.fill(&b, time.Minute)
		a.must(os.Truncate(a.path(), 0)) // and there is no copy
		a.write("new\n")
		a.source.keepUp()
		if a.source.Rewind(false) {
			t.Error("what was truncated away is to be read again")
		}
		a.take(&b, mark)
		a.deliver()
		a.want("a", "b", "new")
		if l := a.source.Ledger(); l.Lost.Truncated != 2 || len(a.told) != 1 { // the held "c\n"
			t.Errorf("lost %+v, told %q", l.Lost, a.told)
		}
	})
}

func TestLossIsToldInTheStreamOnceItIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("gone\n")
		a.source.keepUp()
		a.must(os.Truncate(a.path(), 0))
		var b cloudwatch.LogBatch
		a.fill(&b, time.Minute)
		if b.Len() != 1 {
			t.Errorf("%d events", b.Len())
		}
		a.source.Rewind(false) // the telling is not lost with its batch
		a.deliver()
		if len(a.told) != 1 || !strings.Contains(a.told[0], "5 bytes were truncated away before they were read") {
			t.Errorf("told %q", a.told)
		}
	})
}

func TestLinesCarryTheTimeThatTheyWereWrittenAtThoughTheServiceWasDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.start()
		a.deliver()
		began := time.Now()
		for i := range 600 {
			a.write(fmt.Sprintln(i))
			time.Sleep(10 * time.Second)
			a.entry.shipChanged() // the safety net
		}
		a.deliver()
		for i, at := range a.times {
			written := began.Add(time.Duration(i) * 10 * time.Second)
			// Six hundred looks have become at most 64 tides.
			if off := time.UnixMilli(at).Sub(written).Abs(); off > 6000*time.Second/(maxTides/2) {
				t.Fatalf("line %d of %d is %v off", i, len(a.times), off)
			}
		}
		if !slices.IsSorted(a.times) {
			t.Error("the times are out of order")
		}
	})
}

func TestFileThatIsClosedWhileNobodyWritesIsTakenUpWhereItWas(t *testing.T) {
	f := func(name string, meanwhile func(a *tail), want ...string) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newTail(t)
				a.holding = NewHolding(0, 1<<30)
				a.write("a\nb\n")
				a.start()
				a.deliver()
				if len(a.source.files) > 0 || a.source.asleep == nil {
					t.Fatal("the file is open")
				}
				if a.source.changed() {
					t.Error("nothing has changed")
				}
				if a.source.retire() {
					t.Fatal("it was taken for ended")
				}
				meanwhile(a)
				if !a.source.changed() {
					t.Error("the change is not seen")
				}
				a.deliver()
				a.want(want...)
			})
		})
	}
	f("more is written", func(a *tail) { a.write("c\n") }, "a", "b", "c")
	f("rotated", func(a *tail) {
		a.write("c\n")
		a.rename("access.log", "access.log.1")
		a.write("d\n")
	}, "a", "b", "c", "d")
	f("copied and truncated", func(a *tail) {
		a.write("c\n")
		a.copytruncate("access.log.1")
		a.write("d\n")
	}, "a", "b", "c", "d")
	f("deleted and made anew", func(a *tail) {
		a.must(os.Remove(a.path()))
		a.write("c\n")
	}, "a", "b", "c")
	f("replaced by one that begins alike", func(a *tail) {
		a.must(os.Remove(a.path()))
		a.write("a\nb\n")
	}, "a", "b", "a", "b")
}

func TestDeletedFilesThatHoldTooMuchDiskAreGivenUpAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.holding = NewHolding(10, 7000)
		a.write("first\n")
		a.start()
		a.deliver()
		for i := range 3 { // nobody takes anything meanwhile
			a.write(fmt.Sprint(i, strings.Repeat(" ", 2998), "\n"))
			a.must(os.Remove(a.path()))
			a.source.keepUp()
			a.write(fmt.Sprint("new ", i, "\n"))
			a.source.keepUp()
		}
		a.deliver()
		l := a.source.Ledger()
		if l.Lost.Evicted != 3000 || !l.Balanced() || len(a.told) != 1 {
			t.Errorf("lost %+v, told %q", l.Lost, a.told)
		}
		if a.got[0] != "first" || slices.ContainsFunc(a.got, func(m string) bool { return strings.HasPrefix(m, "0 ") }) {
			t.Errorf("got %.200q", a.got)
		}
		if held := a.holding.deleted.Load(); held != 0 {
			t.Errorf("%d bytes are held still", held)
		}
	})
}

func TestBatchThatMayHaveArrivedIsHeldUntilThatIsKnown(t *testing.T) {
	f := func(landed, crash, rotated bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			a.write("a\nb\n")
			a.start()
			a.deliver()
			a.write("c\nd\n")
			if rotated {
				a.rename("access.log", "access.log.1")
				a.write("e\nf\ng\n")
			}
			time.Sleep(time.Minute)
			var b cloudwatch.LogBatch
			mark := a.fill(&b, time.Minute)
			b.Sort()
			a.must(a.source.Remember(mark, b.Trace(), time.Now()))
			var sent []string
			for _, m := range b.Events() {
				sent = append(sent, string(m))
			}
			if crash {
				a.stop()
				a.start()
			} else {
				a.source.Rewind(true)
			}
			d, in := a.source.Doubt()
			if !in || d.Batch != b.Trace() {
				t.Fatalf("in doubt %v: %+v", in, d)
			}
			if mark, next := a.source.Fill(time.Now(), new(cloudwatch.LogBatch)); mark != 0 || !next.IsZero() {
				t.Error("something is filled though the last batch is in doubt")
			}
			if landed {
				a.got = append(a.got, sent...)
			}
			a.must(a.source.Settle(landed))
			a.write("z\ny\n")
			a.deliver()
			want := []string{"a", "b", "c", "d"}
			if rotated {
				want = append(want, "e", "f", "g")
			}
			a.want(append(want, "z", "y")...)
			a.stop()
			a.start()
			if _, in := a.source.Doubt(); in {
				t.Error("the doubt outlived its batch")
			}
			a.deliver()
			a.want(append(want, "z", "y")...)
		})
	}
	for _, landed := range []bool{true, false} {
		for _, crash := range []bool{true, false} {
			f(landed, crash, false)
			f(landed, crash, true)
		}
	}
}

func TestStoppingAgentFillsWhatHasNotBeenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.start()
		a.deliver()
		a.write("a\nb\nunfinished")
		a.source.Hurry()
		before := time.Now()
		a.deliver()
		a.want("a", "b")
		if time.Since(before) > 0 {
			t.Error("it waited")
		}
	})
}

func TestCompressedRotationThatOnlyBeginsAlikeIsRead(t *testing.T) {
	for _, first := range []string{"", "#header\n"} {
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			a.write(first)
			a.start()
			a.deliver()
			a.must(os.Chtimes(a.path(), time.Time{}, time.Unix(1, 0)))
			a.rename("access.log", "access.log.2")
			a.write("#header\nb\n") // came and went between two looks, and was compressed at once
			a.rename("access.log", "access.log.1")
			a.pack("access.log.1", ".gz")
			a.write("c\nd\n")
			a.deliver()
			want := []string{"#header", "b", "c", "d"}
			if first != "" {
				want = append([]string{"#header"}, want...)
			}
			a.want(want...)
		})
	}
}

func TestCopytruncateOfAFileThatWasSeenEmptyOnly(t *testing.T) {
	f := func(stopped, compressed bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			a.write("1\n2\n")
			a.writeTo("access.log.7", "of long ago\n")
			touch(a, "access.log.7", -time.Hour)
			a.start()
			a.deliver()
			a.write("3\n4\n")
			a.rename("access.log", "access.log.2")
			touch(a, "access.log.2", 1*time.Second)
			a.write("") // as logrotate's create does
			touch(a, "access.log", 2*time.Second)
			var b cloudwatch.LogBatch
			if mark := a.fill(&b, 4*time.Second); mark != 0 {
				a.take(&b, mark)
			}
			a.source.keepUp()
			if stopped {
				a.stop()
			}
			a.write("5\n6\n")
			a.copytruncate("access.log.1")
			touch(a, "access.log.1", 3*time.Second)
			if compressed {
				a.pack("access.log.1", ".gz")
			}
			a.write("7\n8\n")
			if stopped {
				a.start()
			}
			a.deliver()
			a.want("1", "2", "3", "4", "5", "6", "7", "8")
		})
	}
	for _, stopped := range []bool{false, true} {
		f(stopped, false)
		f(stopped, true)
	}
}

func TestFileThatCameAndWentWhileThePathLedNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("1\n2\n")
		a.start()
		a.deliver()
		a.must(os.Remove(a.path()))
		a.deliver() // nothing is followed any more
		a.write("3\n4\n")
		a.rename("access.log", "access.log.1")
		a.deliver()
		a.write("5\n6\n")
		a.deliver()
		a.want("1", "2", "3", "4", "5", "6")
	})
}

func TestAutoRemovalRemovesWhatIsAcknowledgedAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGlob(t, "app-*.log", func(f *config.File) { f.AutoRemoval = true })
		at := func(name string, ago time.Duration) { touch(g.tail, name, -ago) }
		g.writeTo("app-1.log", "a\nunfinished")
		at("app-1.log", 3*time.Hour)
		g.start()
		g.writeTo("app-2.log", "b\n")
		at("app-2.log", 2*time.Hour)
		g.entry.discover(g.naming)
		old := g.entry.source(g.at("app-1.log"))
		g.source = old
		time.Sleep(time.Minute)
		var b cloudwatch.LogBatch
		mark := g.fill(&b, time.Hour)
		if _, err := os.Stat(g.at("app-1.log")); err != nil {
			t.Fatal("removed before it was acknowledged")
		}
		g.take(&b, mark)
		if _, err := os.Stat(g.at("app-1.log")); !os.IsNotExist(err) {
			t.Errorf("it is still there: %v", err)
		}
		g.source = g.entry.source(g.at("app-2.log"))
		g.tail.deliver()
		g.want("a", "unfinished", "b")

		g.writeTo("app-3.log", "c\n") // and the second is replaced before it is removed
		at("app-3.log", time.Hour)
		time.Sleep(time.Minute)
		g.entry.discover(g.naming)
		g.source = g.entry.source(g.at("app-2.log"))
		time.Sleep(time.Minute)
		b.Reset()
		mark = g.fill(&b, time.Hour)
		g.must(os.Rename(g.at("app-2.log"), g.at("kept")))
		g.writeTo("app-2.log", "another\n")
		g.take(&b, mark)
		for _, name := range []string{"kept", "app-2.log"} {
			if _, err := os.Stat(g.at(name)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestCheckpointOfAFileThatIsGoneIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.stop()
		a.must(os.Remove(a.path()))
		a.start()
		a.deliver()
		if a.remembersFiles() {
			t.Errorf("%v is remembered", a.store)
		}
	})
}

func TestDeletedFileStaysOpenWhenItsBatchTurnsOutToHaveArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.write("c\nd\n")
		time.Sleep(time.Minute)
		var b cloudwatch.LogBatch
		mark := a.fill(&b, time.Minute)
		b.Sort()
		a.must(a.source.Remember(mark, b.Trace(), time.Now()))
		a.write("e\nf\n")
		a.must(os.Remove(a.path()))
		a.source.Rewind(true)
		a.write("g\nh\n")
		a.source.keepUp()
		for _, m := range b.Events() {
			a.got = append(a.got, string(m))
		}
		a.must(a.source.Settle(true))
		a.deliver()
		a.want("a", "b", "c", "d", "e", "f", "g", "h")
	})
}

// A line has the time of one of the two clocks, and none between them.
func TestClockThatIsSetBackWhileLinesAreFound(t *testing.T) {
	t.Parallel()
	var all tides
	began, end := time.UnixMilli(1e12), int64(0)
	grow := func(from, to int, back time.Duration) {
		for i := from; i < to; i++ {
			now := began.Add(time.Duration(i)*250*time.Millisecond - back)
			all.rise(end, end+100, now.Add(-250*time.Millisecond), now)
			end += 100
		}
	}
	grow(0, 50, 0)
	grow(50, 400, 2*time.Hour)
	for at := range end {
		off := all.when(at, time.Time{}).Sub(began)
		if before, after := off >= -time.Second && off <= 13*time.Second, off >= 11*time.Second-2*time.Hour && off <= 101*time.Second-2*time.Hour; !before && !after {
			t.Fatalf("byte %d was written at %v: no clock showed that", at, off)
		}
	}
}

func TestTidesNeverEbbBackwards(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	var all tides
	all.rise(0, 100, now.Add(time.Second), now) // opened since the look began
	for i := range 500 {
		earlier := now
		now = now.Add(time.Duration(1+i%7) * time.Second)
		all.rise(0, int64(200+100*i), earlier, now)
	}
	last := time.Time{}
	for offset := range int64(50_000) {
		at := all.when(offset, now)
		if at.Before(last) || at.After(now) {
			t.Fatalf("byte %d at %v, the one before at %v, now %v", offset, at, last, now)
		}
		last = at
	}
	if len(all) > maxTides {
		t.Errorf("%d tides", len(all))
	}
	if all.ebb(25_050); all.when(25_050, now).After(all.when(25_060, now)) || len(all) == 0 {
		t.Error("what is left is out of order")
	}
	if all.ebb(1 << 40); all != nil {
		t.Error("something is left")
	}
}

func TestCommitDoesNotSpeakForABatchBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		var first, second cloudwatch.LogBatch
		a.fill(&first, time.Minute)
		a.write("c\nd\n")
		mark := a.fill(&second, time.Minute)
		a.must(a.source.Commit(mark, cloudwatch.Verdict{})) // the first was never acknowledged
		a.stop()
		a.start()
		a.deliver()
		a.want("a", "b", "c", "d")
	})
}

func TestDrainedFileThatComesBackCompressedWithAnotherTimeIsNotSentAgain(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			want := []string{}
			a.start()
			for round := range 6 {
				for i := range 50 {
					want = append(want, fmt.Sprint("round ", round, " line ", i))
					a.write(want[len(want)-1] + "\n")
				}
				a.deliver()
				if restart {
					a.stop()
				}
				if _, err := os.Stat(a.at("access.log.1")); err == nil { // gzip -c: it has the time at which it was made
					a.rename("access.log.1", "access.log.2")
					raw, err := os.ReadFile(a.at("access.log.2"))
					a.must(err)
					a.must(os.WriteFile(a.at("access.log.2.gz"), pack(t, ".gz", string(raw)), 0o600))
					touch(a, "access.log.2.gz", time.Hour)
					a.must(os.Remove(a.at("access.log.2")))
				}
				a.rename("access.log", "access.log.1")
				if restart {
					a.start()
				}
			}
			a.write("end\nend\n")
			a.deliver()
			a.want(append(want, "end", "end")...)
		})
	}
}

func TestLagIsWhatIsNotAcknowledgedThoughItsBatchWasGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\nc\n")
		a.start()
		for range 3 {
			var b cloudwatch.LogBatch
			a.fill(&b, time.Minute)
			a.source.Rewind(false)
			time.Sleep(10 * time.Minute)
		}
		if l := a.source.Ledger(); l.LagBytes != 6 || l.LagSince.IsZero() || time.Since(l.LagSince) < 30*time.Minute {
			t.Errorf("lag of %d bytes since %v", l.LagBytes, l.LagSince)
		}
		a.deliver()
		if l := a.source.Ledger(); l.LagBytes != 0 || !l.LagSince.IsZero() {
			t.Errorf("lag of %d bytes when all has arrived", l.LagBytes)
		}
	})
}

func TestDeletedFileHoldsNothingWhenItsBatchTurnsOutToHaveArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.write("c\nd\n")
		a.must(os.Remove(a.path()))
		a.source.keepUp()
		time.Sleep(time.Minute) // the service was away: one batch takes the rest, and the file is finished with it
		a.remembered()
		a.source.Rewind(true)
		a.source.keepUp()
		if held := a.holding.deleted.Load(); held != 4 {
			t.Errorf("%d bytes are held while 4 are not acknowledged", held)
		}
		a.must(a.source.Settle(true))
		a.source.keepUp() // and nothing is in its place
		if held := a.holding.deleted.Load(); held != 0 {
			t.Errorf("%d bytes are held when all has arrived", held)
		}
	})
}
