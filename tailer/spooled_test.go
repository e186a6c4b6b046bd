package tailer

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// spooled is an entry whose files are the agent's own.
type spooled struct {
	*glob
	open map[string]bool // by name
}

func newSpooled(t *testing.T) *spooled {
	return &spooled{newGlob(t, "*.events", everyMatch, func(f *config.File) { f.AutoRemoval = true }), map[string]bool{}}
}

func (p *spooled) begin() {
	p.Helper()
	open := map[string]bool{}
	for name := range p.open {
		open[p.at(name)] = true
	}
	e, err := New(p.file, Options{Memory: NewMemory(p.store), Linger: 5 * time.Second, Finished: func(path string) bool { return !open[path] }, Log: zap.NewNop()})
	p.must(err)
	p.entry, p.shipped = e, map[string]bool{}
	e.ship = func(s *Source) { p.shipped[s.path] = true }
	p.Cleanup(e.Close)
	e.resume(p.naming)
	p.entry.discover(p.naming)
}

func (p *spooled) gone(name string, want bool) {
	p.Helper()
	if _, err := os.Stat(p.at(name)); os.IsNotExist(err) != want {
		p.Errorf("%s: %v", name, err)
	}
}

func TestFilesOfASpoolAreReadWithTheirTimesAndRemovedWhenTheyAreFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSpooled(t)
		p.writeTo("1.events", "946684800123 {\"a\": 1}\n946684801000 b c\n")
		p.writeTo("2.events", "946684802000 d\n")
		p.writeTo("3.events", "")
		p.open["2.events"] = true
		p.begin()
		s := p.entry.source(p.at("1.events"))
		var b cloudwatch.LogBatch
		time.Sleep(time.Minute)
		mark, _ := s.Fill(time.Now(), &b)
		var times []int64
		for at := range b.Events() {
			times = append(times, at)
		}
		if len(times) != 2 || times[0] != 946684800123 || times[1] != 946684801000 {
			t.Errorf("got times %d", times)
		}
		p.gone("1.events", false)
		p.source = s
		p.take(&b, mark)
		p.glob.deliver()
		p.want(`{"a": 1}`, "b c", "d")
		p.gone("1.events", true)
		p.gone("2.events", false)
		p.gone("3.events", true)
		if names := p.entry.memory.paths(p.entry.owner); len(names) != 1 {
			t.Errorf("remembered: %q", names)
		}
		for _, s := range p.entry.Sources() {
			if l := s.Ledger(); !l.Balanced() {
				t.Errorf("%s: %+v", s.path, l)
			}
		}
	})
}

// The disk was full in the middle of a line, of which nobody was told that it had been taken.
func TestPartOfALineThatEndsASpoolsFileIsNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSpooled(t)
		p.open["1.events"] = true
		p.writeTo("1.events", "1 a\n2 b\n3 c")
		p.writeTo("2.events", "4 ")
		p.begin()
		p.glob.deliver()
		p.want("a", "b")
		p.gone("1.events", false)
		p.gone("2.events", true)
		p.entry.over = func(string) bool { return true }
		p.entry.supersede()
		p.glob.deliver()
		p.want("a", "b")
		p.gone("1.events", true)
		for _, s := range p.entry.Sources() {
			if l := s.Ledger(); !l.Balanced() {
				t.Errorf("%s: %+v", s.path, l)
			}
		}
		if l := p.entry.Ended(); !l.Balanced() || l.Sent.Events != 2 || l.Lost != (Loss{}) {
			t.Errorf("%+v", l)
		}
	})
}

// The agent ends, and all files are finished at the next start: what was acknowledged is not sent again, the rest is, and no
// loss is told of what a run has removed without being able to say so.
func TestSpoolGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSpooled(t)
		p.open["1.events"], p.open["2.events"] = true, true
		p.writeTo("1.events", "1 a\n")
		p.writeTo("2.events", "2 b\n")
		p.begin()
		p.glob.deliver()
		p.want("a", "b")
		p.entry.Close()
		p.writeTo("1.events", "3 c\n")
		p.must(os.Remove(p.at("2.events")))
		clear(p.open)
		p.begin()
		p.glob.deliver()
		p.want("a", "b", "c")
		p.gone("1.events", true)
		var lost Loss
		for _, s := range p.entry.Sources() {
			lost.add(s.Ledger().Lost)
		}
		ended := p.entry.Ended()
		if lost.add(ended.Lost); lost != (Loss{}) {
			t.Errorf("lost: %+v", lost)
		}
		if names := p.entry.memory.paths(p.entry.owner); len(names) != 0 {
			t.Errorf("remembered: %q", names)
		}
	})
}

// An inode is used again at once, and programs say the same again: that is no reason to take a file for one that was read.
func TestFileOfASpoolThatBeginsLikeOneThatWasRemovedIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newSpooled(t)
		p.writeTo("1.events", "1 a\n")
		p.begin()
		p.glob.deliver()
		p.gone("1.events", true)
		if n := len(p.entry.shelf.done); n != 0 {
			t.Errorf("%d files that are gone are remembered by their inodes", n)
		}
		p.writeTo("2.events", "1 a\n")
		p.glob.deliver()
		p.want("a", "a")
	})
}

func TestStampedLines(t *testing.T) {
	e := &Entry{over: func(string) bool { return false }}
	f := func(line string, at int64, event string, want bool) {
		t.Helper()
		got, rest, ok := e.stamped([]byte(line))
		if ok != want || ok && (got.UnixMilli() != at || string(rest) != event) {
			t.Errorf("%q: got %v, %q, %v", line, got, rest, ok)
		}
	}
	f("12 a b", 12, "a b", true)
	f("0 ", 0, "", true)
	f(" a", 0, "", false)
	f("12", 0, "", false)
	f("x2 a", 0, "", false)
	f("-1 a", 0, "", false)
	f("99999999999999999999 a", 0, "", false)
	if _, _, ok := (&Entry{}).stamped([]byte("12 a")); ok {
		t.Error("a log file is no spool")
	}
}
