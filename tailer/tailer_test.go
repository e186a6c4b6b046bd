package tailer

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// store is a checkpoint store in memory.
type store map[string]string

func (s store) Get(name string) ([]byte, bool)      { v, ok := s[name]; return []byte(v), ok }
func (s store) Put(name string, value []byte) error { s[name] = string(value); return nil }
func (s store) Delete(name string) error            { delete(s, name); return nil }
func (s store) Names() (all []string) {
	for name := range s {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// tail follows access.log in a folder of its own, and delivers what it reads into got.
type tail struct {
	*testing.T
	dir     string
	file    config.File
	store   store
	linger  time.Duration
	entry   *Entry
	source  *Source
	got     []string
	told    []string // what the stream was told of losses
	times   []int64
	holding *Holding
}

func newTail(t *testing.T, change ...func(*config.File)) *tail {
	a := &tail{T: t, dir: t.TempDir(), store: store{}, linger: 5 * time.Second, holding: NewHolding(100, 1<<30)}
	a.file = config.File{Path: filepath.Join(a.dir, "access.log"), LogGroupName: "g", LogStreamName: "s", Timezone: time.UTC}
	for _, c := range change {
		c(&a.file)
	}
	return a
}

// start begins to follow the path, as after a start of the agent.
func (a *tail) start() {
	a.Helper()
	e, err := New(a.file, Options{Memory: NewMemory(a.store), Holding: a.holding, Linger: a.linger, Log: zap.NewNop()})
	if err != nil {
		a.Fatal(err)
	}
	e.ship = func(*Source) {}
	a.entry = e
	cp, _, err := e.memory.load(a.path(), e.owner)
	if err != nil {
		a.Error(err)
	}
	_ = e.follow(a.path(), cp, e.Naming("", func(s string) string { return s }))
	a.source = e.sources[a.path()]
	a.Cleanup(a.source.Close)
}

// stop ends it as kill -9 would: what is not committed is forgotten.
func (a *tail) stop() { a.source.Close() }

// deliver reads and acknowledges all there is, until the source is idle.
func (a *tail) deliver() {
	a.Helper()
	for range 10_000 {
		var b cloudwatch.LogBatch
		mark := a.fill(&b, 24*time.Hour)
		if mark == 0 {
			return
		}
		a.take(&b, mark)
	}
	a.Fatal("the source never comes to rest")
}

// take acknowledges a batch.
func (a *tail) take(b *cloudwatch.LogBatch, mark uint64) {
	a.Helper()
	b.Sort()
	for at, message := range b.Events() {
		if bytes.HasPrefix(message, []byte("nephoscope: ")) {
			a.told = append(a.told, string(message))
			continue
		}
		a.got, a.times = append(a.got, string(message)), append(a.times, at)
	}
	a.must(a.source.Commit(mark, cloudwatch.Verdict{}))
	if l := a.source.Ledger(); !l.Balanced() {
		a.Errorf("the ledger does not add up: %+v", l)
	}
}

// fill waits for a batch, for so long; mark 0: none came, and none will.
func (a *tail) fill(b *cloudwatch.LogBatch, atMost time.Duration) uint64 {
	a.Helper()
	for began, idle := time.Now(), 0; ; {
		now := time.Now()
		mark, next := a.source.Fill(now, b)
		if mark != 0 {
			return mark
		}
		if b.Len() > 0 {
			a.Fatal("a batch without a mark")
		}
		if next.IsZero() || next.Sub(began) > atMost {
			return 0
		}
		if idle++; !next.After(now) && idle > 1000 {
			a.Fatal("the source is always due and gives nothing")
		}
		time.Sleep(next.Sub(now))
	}
}

func (a *tail) want(want ...string) {
	a.Helper()
	if !slices.Equal(a.got, want) {
		a.Errorf("got %.2000q, want %.2000q", a.got, want)
	}
}

// remembersFiles tells whether a checkpoint speaks of a file, and not only of when the last one was written to.
func (a *tail) remembersFiles() bool {
	for _, value := range a.store {
		if strings.Contains(value, `"files":[{`) {
			return true
		}
	}
	return false
}

func (a *tail) path() string           { return filepath.Join(a.dir, "access.log") }
func (a *tail) at(name string) string  { return filepath.Join(a.dir, name) }
func (a *tail) write(text string)      { a.writeTo("access.log", text) }
func (a *tail) rename(from, to string) { a.must(os.Rename(a.at(from), a.at(to))) }
func (a *tail) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}
func (a *tail) writeTo(name, text string) {
	a.Helper()
	f, err := os.OpenFile(a.at(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	a.must(err)
	_, err = f.WriteString(text)
	a.must(err)
	a.must(f.Close())
}

func (a *tail) copytruncate(to string) {
	a.Helper()
	raw, err := os.ReadFile(a.path())
	a.must(err)
	a.must(os.WriteFile(a.at(to), raw, 0o600))
	a.must(os.Truncate(a.path(), 0))
}

func TestLinesBecomeEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\r\n\nc\n  d\nunfinished")
		a.start()
		a.deliver()
		a.want("a", "b\n", "c\n  d") // a blank line belongs to the event before it, as in the original
		a.write(" line\n")
		a.deliver()
		a.want("a", "b\n", "c\n  d", "unfinished line")
	})
}

func TestQuietLineIsSentAfterTheFlushInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.start()
		a.deliver()
		a.write("alone\n")
		before := time.Now()
		a.deliver()
		a.want("alone")
		if took := time.Since(before); took > 5*time.Second+100*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestRestartGoesOnWhereItWasAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.stop()
		a.write("c\n")
		a.start()
		a.deliver()
		a.want("a", "b", "c")
	})
}

func TestWhatWasNotAcknowledgedIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		var lost cloudwatch.LogBatch
		if mark := a.fill(&lost, time.Minute); mark == 0 || lost.Len() != 1 {
			t.Fatalf("mark %d, %d events", mark, lost.Len())
		}
		a.stop() // before Commit
		a.start()
		a.deliver()
		a.want("a", "b")
	})
}

func TestRotationByRename(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("b\n")
		a.rename("access.log", "access.log.1")
		a.write("c\n")
		a.writeTo("access.log.1", "late\nunterminated")
		a.deliver()
		a.want("a", "b", "late", "unterminated", "c")
	})
}

func TestRotationByRenameBeforeTheNewFileExists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.rename("access.log", "access.log.1")
		a.writeTo("access.log.1", "b\n")
		a.deliver()
		a.writeTo("access.log.1", "c\n")
		a.write("d\n")
		a.deliver()
		a.want("a", "b", "c", "d")
	})
}

func TestRotationTwiceBetweenTwoLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("b\n")
		a.must(os.Chtimes(a.path(), time.Time{}, time.Now().Add(-time.Hour)))
		a.rename("access.log", "access.log.2")
		a.write("c\n")
		a.rename("access.log", "access.log.1")
		a.write("d\n")
		a.deliver()
		a.want("a", "b", "c", "d")
	})
}

func TestRotationByCopytruncate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("unread\n")
		a.copytruncate("access.log.1")
		a.write("b\n")
		a.deliver()
		a.want("a", "unread", "b")
	})
}

func TestCopytruncateThatRegrewPastTheOffset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("first\n")
		a.start()
		a.deliver()
		a.copytruncate("access.log.1")
		a.write("second line, longer than what was there before\n")
		a.deliver()
		a.want("first", "second line, longer than what was there before")
	})
}

func TestRotationByRenameWhileStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.stop()
		a.write("b\n")
		a.rename("access.log", "access.log.1")
		a.write("c\n")
		a.start()
		a.deliver()
		a.want("a", "b", "c")
	})
}

func TestRotationTwiceWhileStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.stop()
		a.write("b\n")
		a.must(os.Chtimes(a.path(), time.Time{}, time.Now().Add(-time.Hour)))
		a.rename("access.log", "access.log-20260101")
		a.write("c\n")
		a.rename("access.log", "access.log-20260102")
		a.write("d\n")
		a.start()
		a.deliver()
		a.want("a", "b", "c", "d")
	})
}

func TestCopytruncateWhileStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.stop()
		a.write("b\n")
		a.copytruncate("access.log.1")
		a.write("c\n")
		a.start()
		a.deliver()
		a.want("a", "b", "c")
	})
}

func TestRestartWhileARotatedFileIsBeingDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.rename("access.log", "access.log.1")
		a.write("b\n")
		a.writeTo("access.log.1", "late 1\n")
		var b cloudwatch.LogBatch
		if mark := a.fill(&b, time.Second); mark != 0 {
			a.take(&b, mark)
		}
		a.stop()
		a.writeTo("access.log.1", "late 2\n")
		a.start()
		a.deliver()
		a.want("a", "late 1", "late 2", "b")
	})
}

func TestDeletedFileIsReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("b\nlast words")
		a.must(os.Remove(a.path()))
		a.deliver()
		a.want("a", "b", "last words")
		time.Sleep(2 * lateness)
		a.entry.shipChanged()
		if !a.source.hasEnded() || a.remembersFiles() {
			t.Errorf("ended %v, checkpoints %v", a.source.hasEnded(), a.store)
		}
		a.write("new\n")
		a.deliver()
		a.want("a", "b", "last words", "new")
	})
}

func TestFileUnreadableAtStartIsReadLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.must(os.Mkdir(a.path(), 0o700)) // root can read everything but a folder
		a.start()
		a.deliver()
		a.must(os.Remove(a.path()))
		a.write("a\n")
		if !a.source.changed() {
			t.Error("the safety net does not look again")
		}
		a.deliver()
		a.want("a")
	})
}

func TestLineOf5MBArrivesInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		line := strings.Repeat("0123456789ä", 5<<20/12)
		a.write("before\n" + line + "\nafter\n")
		a.start()
		a.deliver()
		if got := strings.Join(a.got, ""); got != "before"+line+"after" || len(a.got) < 7 {
			t.Errorf("got %d events, %d bytes, want %d bytes", len(a.got), len(got), len(line)+11)
		}
		if a.source.Ledger().Pieces < 4 {
			t.Errorf("%d pieces counted", a.source.Ledger().Pieces)
		}
	})
}

func TestGarbageArrivesAndIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		garbage := make([]byte, 3<<20)
		for i := range garbage {
			garbage[i] = byte(128 + rand.N(128))
		}
		a.write("nul\x00nul\nbad \xff utf-8\n" + string(garbage) + "\nend\n")
		a.start()
		a.deliver()
		if len(a.got) < 6 || a.got[0] != "nul\x00nul" || a.got[1] != "bad \ufffd utf-8" || a.got[len(a.got)-1] != "end" {
			t.Errorf("got %d events: %.60q … %q", len(a.got), a.got[:2], a.got[len(a.got)-1])
		}
		if a.source.Ledger().Replaced < 2 {
			t.Errorf("%d events counted as not UTF-8", a.source.Ledger().Replaced)
		}
		if read, size := a.source.Ledger().Read.Bytes, int64(len(garbage)+8+13+1+3+1); read < size-1 || read > size {
			t.Errorf("%d of %d bytes are accounted for", read, size)
		}
	})
}

func TestFilteredEventsAdvanceTheCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t, func(f *config.File) {
			f.Filters = []config.Filter{{Include: true, Expression: regexp.MustCompile("keep")}, {Expression: regexp.MustCompile("secret")}}
		})
		a.write("keep 1\ndrop\nkeep secret\n")
		a.start()
		a.deliver()
		a.want("keep 1")
		if n := a.source.Ledger().Filtered.Events; n != 2 {
			t.Errorf("%d filtered", n)
		}
		before := a.store.Names()
		a.stop()
		a.start()
		a.deliver()
		a.want("keep 1")
		if n := a.source.Ledger().Filtered.Events; n != 0 {
			t.Errorf("%d filtered again after a restart; checkpoints %v", n, before)
		}
	})
}

func TestMultiLineStartPattern(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t, func(f *config.File) { f.MultiLineStart = regexp.MustCompile(`^\d{4}`) })
		a.write("2026 one\nat a\nat b\n2026 two\n")
		a.start()
		a.deliver()
		a.want("2026 one\nat a\nat b", "2026 two")
	})
}

func TestTimestampIsTakenFromTheLineElseFromTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t, func(f *config.File) { f.TimestampFormat = "%d/%b/%Y:%H:%M:%S %z" })
		a.write("1.2.3.4 - - [20/Nov/2026:10:00:00 +0100] x\nno time\n1.2.3.4 - - [20/Nov/2026:10:00:01 +0100] y\n")
		a.start()
		a.deliver()
		nine := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC).UnixMilli()
		if !slices.Equal(a.times, []int64{nine, nine, nine + 1000}) {
			t.Errorf("got %v", a.times)
		}
	})
}

func TestGroupRenamedInTheConfigurationSendsNothingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.stop()
		a.file.LogGroupName = "other"
		a.write("b\n")
		a.start()
		a.deliver()
		a.want("a", "b")
	})
}

// A reload that fails goes back to the old name as well.
func TestGroupRenamedAgainAndBackSendsNothingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		var want []string
		for i, group := range []string{"g", "other", "g", "z", "a", "g", "g", "a", "z", "other", "g"} {
			want = append(want, fmt.Sprint("line ", i))
			a.write(want[i] + "\n")
			a.file.LogGroupName = group
			a.start()
			a.deliver()
			a.stop()
		}
		a.want(want...)
	})
}

// Two entries had a file side by side: what the one was sent is no reason not to send it to the other.
func TestEntryThatFellBehindAnotherCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.stop()
		one := a.store[a.path()+" > g > s"]
		a.write("b\n")
		a.start()
		a.deliver()
		a.stop()
		a.store[a.path()+" > other > s"], a.store[a.path()+" > g > s"] = a.store[a.path()+" > g > s"], one
		a.start()
		a.deliver()
		a.want("a", "b", "b")
	})
}

func TestDamagedCheckpointReadsFromTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.store[a.path()+" > g > s"] = `{"files":[{"offset":-1}]}`
		e, _ := New(a.file, Options{Memory: NewMemory(a.store), Log: zap.NewNop()})
		if _, _, err := e.memory.load(a.path(), e.owner); err == nil {
			t.Error("a negative offset was accepted")
		}
	})
}

func TestGlobTakesTheNewestOnlyUnlessAllAreWanted(t *testing.T) {
	f := func(all bool, want ...string) {
		t.Helper()
		a := newTail(t, func(f *config.File) { f.Path = strings.TrimSuffix(f.Path, ".log") + "*"; f.PublishMultiLogs = all })
		for i, name := range []string{"access.log", "access.old", "access.log.1.gz", "other"} {
			a.writeTo(name, "x\n")
			a.must(os.Chtimes(a.at(name), time.Time{}, time.Unix(int64(2000-i), 0)))
		}
		e, err := New(a.file, Options{Log: zap.NewNop()})
		a.must(err)
		e.tree.walk()
		got := e.choose(e.tree.matches())
		for i := range got {
			got[i] = filepath.Base(got[i])
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	f(false, "access.log")
	f(true, "access.log", "access.old")
}

func TestSymbolicLinkOutOfTheFolderIsNotFollowed(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for _, name := range []string{filepath.Join(outside, "secret"), filepath.Join(dir, "real.log")} {
		if err := os.WriteFile(name, []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"evil.log": filepath.Join(outside, "secret"), "good.log": filepath.Join(dir, "real.log")} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	e, err := New(config.File{Path: filepath.Join(dir, "*.log"), PublishMultiLogs: true}, Options{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	e.tree.walk()
	for _, path := range e.choose(e.tree.matches()) {
		if filepath.Base(path) == "evil.log" {
			t.Error("the link out of the folder was chosen")
		}
	}
}

func TestStreamNames(t *testing.T) {
	f := func(file config.File, path, group, stream string) {
		t.Helper()
		file.Path = path
		e, err := New(file, Options{Log: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		expand := strings.NewReplacer("{instance_id}", "i-1").Replace
		if got := e.Naming("{instance_id}", expand)(path); got.Group != group || got.Name != stream {
			t.Errorf("%s: got %s %s, want %s %s", path, got.Group, got.Name, group, stream)
		}
	}
	f(config.File{}, "/var/log/app.log", "/var/log/app", "i-1")
	f(config.File{LogGroupName: "g", LogStreamName: "x-{instance_id}"}, "/var/log/app.log", "g", "x-i-1")
	f(config.File{PublishMultiLogs: true}, "/var/log/a b.log", "/var/log/a_b.log", "i-1")
	f(config.File{PublishMultiLogs: true, LogGroupName: "g", LogStreamName: "s"}, "/var/log/x.log", "g", "s__var_log_x.log")
}

func TestRotatedNames(t *testing.T) {
	f := func(name string, want bool) {
		t.Helper()
		if got := rotatedName("/l/access.log", "/l/"+name); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	f("access.log.1", true)
	f("access.log-20261120", true)
	f("access.log-2026-11-20T10", true)
	f("access-20261120.log", true)
	f("access.log.bak", false)
	f("access.log", false)
	f("access_errors.log", false)
}

func TestPatternsThatDoNotParseAreRefused(t *testing.T) {
	if _, err := New(config.File{Path: "/var/log/[a"}, Options{Log: zap.NewNop()}); err == nil {
		t.Error("an unclosed [ was accepted")
	}
}

// A compressed neighbour is never mistaken for text.
func TestCompressedNeighbourIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write([]byte("a\n"))
		_ = w.Close()
		a.writeTo("access.log.2.gz", z.String())
		a.rename("access.log", "access.log.1")
		a.write("b\n")
		a.deliver()
		a.want("a", "b")
	})
}

func FuzzTimestampFormat(f *testing.F) {
	f.Add("%d/%b/%Y:%H:%M:%S %z", "[20/Nov/2026:10:00:00 +0100]")
	f.Add("%Y-%m-%dT%H:%M:%S.%f", "2026-11-20T10:00:00.123456")
	f.Add("%b %-d %-I:%M %p (", "Nov 2 3:04 PM (")
	f.Fuzz(func(t *testing.T, format, line string) {
		p, err := parseTimestampFormat(format, time.UTC)
		if err != nil {
			return
		}
		_, from, to, ok := p.find([]byte(line), time.Unix(0, 0))
		if ok && (from < 0 || to > len(line) || from > to) {
			t.Errorf("found at %d:%d of %d", from, to, len(line))
		}
	})
}

func TestTimestampFormats(t *testing.T) {
	now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	f := func(format, line, want string) {
		t.Helper()
		p, err := parseTimestampFormat(format, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		at, _, _, ok := p.find([]byte(line), now)
		got := "none"
		if ok {
			got = at.UTC().Format("2006-01-02T15:04:05.000")
		}
		if got != want {
			t.Errorf("%s on %q: got %s, want %s", format, line, got, want)
		}
	}
	f("%Y-%m-%d %H:%M:%S", "x 2026-11-20 10:11:12 y", "2026-11-20T10:11:12.000")
	f("%Y-%m-%dT%H:%M:%S.%f", "2026-11-20T10:11:12.123456 y", "2026-11-20T10:11:12.123")
	f("%Y-%m-%d %H:%M:%S,%f", "2026-11-20 10:11:12,5 y", "2026-11-20T10:11:12.500")
	f("%d/%b/%Y:%H:%M:%S %z", "[02/Nov/2026:10:11:12 -0130]", "2026-11-02T11:41:12.000")
	f("%b %d %H:%M:%S", "Dec 31 23:59:59 host", "2025-12-31T23:59:59.000")
	f("%b %-d %H:%M:%S", "Jan  9 23:59:59 host", "2026-01-09T23:59:59.000")
	f("%B %d %Y", "September 09 2026", "2026-09-09T00:00:00.000")
	f("%m/%d/%y %-I:%M %p", "1/2/26 3:04 PM", "2026-01-02T15:04:00.000")
	f("%Y-%m-%d", "no time here", "none")
	f("%Y-%m-%d", "2026-19-39", "none")
}

// Random histories of one path: whatever happens, every line arrives at least once and, the path's rotations being
// seen, in order.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { history(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func history(t *testing.T, dice *rand.Rand) {
	a := newTail(t)
	a.write("0\n")
	a.start()
	a.deliver()
	lines, rotated, stamp := 1, 0, time.Now()
	for range 60 {
		switch dice.IntN(8) {
		case 0, 1, 2:
			for range 1 + dice.IntN(20) {
				a.write(fmt.Sprintf("%d %s\n", lines, strings.Repeat("x", dice.IntN(200))))
				lines++
			}
		case 3, 4:
			a.deliver()
		case 5:
			stamp = stamp.Add(time.Second) // real clocks tick between rotations
			a.must(os.Chtimes(a.path(), time.Time{}, stamp))
			rotated++
			a.rename("access.log", fmt.Sprintf("access.log-%04d", rotated))
			a.write(fmt.Sprintf("%d first of a new file\n", lines))
			lines++
			stamp = stamp.Add(time.Second)
			a.must(os.Chtimes(a.path(), time.Time{}, stamp))
		case 6:
			a.stop()
			a.start()
		case 7:
			a.deliver() // so that the copy is the only file that holds what is unread
			a.write(fmt.Sprintf("%d before copytruncate\n", lines))
			lines++
			rotated++
			stamp = stamp.Add(time.Second)
			a.copytruncate(fmt.Sprintf("access.log-%04d", rotated))
			a.must(os.Chtimes(a.at(fmt.Sprintf("access.log-%04d", rotated)), time.Time{}, stamp))
			a.write(fmt.Sprintf("%d first after copytruncate\n", lines))
			lines++
			a.deliver()
		}
	}
	a.deliver()
	next := 0
	for _, message := range a.got {
		var n int
		if _, err := fmt.Sscan(message, &n); err != nil {
			t.Fatalf("not a line: %q", message)
		}
		if n > next {
			t.Fatalf("line %d arrived when %d was due", n, next)
		}
		if n == next {
			next++
		}
	}
	if next != lines {
		t.Errorf("%d of %d lines arrived", next, lines)
	}
}

// Lines that come for a while, slowly or faster than a batch holds, and then no more: each waits for others no longer than the
// flush interval, and a look.
func TestNoLineWaitsMuchLongerThanTheFlushInterval(t *testing.T) {
	f := func(perTick int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			a.start()
			a.deliver()
			began := time.Now()
			go func() {
				ticks := time.NewTicker(20 * time.Millisecond)
				defer ticks.Stop()
				for range 1000 {
					a.write(strings.Repeat(fmt.Sprintln(time.Since(began).Milliseconds()), perTick))
					<-ticks.C
				}
			}()
			var longest time.Duration
			for arrived := 0; arrived < perTick*1000; {
				var b cloudwatch.LogBatch
				mark := a.fill(&b, time.Hour)
				for _, m := range b.Events() {
					written, err := strconv.Atoi(string(m))
					a.must(err)
					longest = max(longest, time.Since(began)-time.Duration(written)*time.Millisecond)
				}
				arrived += b.Len()
				if a.must(a.source.Commit(mark, cloudwatch.Verdict{})); mark == 0 {
					time.Sleep(deaf) // until it is woken
				}
			}
			synctest.Wait()
			if longest > a.entry.linger+a.entry.step+deaf {
				t.Errorf("%d lines every 20 ms: one waited %v", perTick, longest)
			}
		})
	}
	f(1)
	f(100)
}
