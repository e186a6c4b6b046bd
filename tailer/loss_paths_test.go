package tailer

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// The paths on which the original agent loses lines, or pays for what does not happen, each with a number. Those that are not here
// stand in the files of the same name in publish and cmd/nephoscope.

func told(t *testing.T, history string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, t.Name())
		w.run(history)
		w.end()
	})
}

// It gives up a deleted file five minutes after it has noticed.
func TestL03FilesDeletedDuringAnOutageOfThreeHoursAreStillDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, t.Name())
		for _, line := range strings.Split(threeHours, "\n") {
			w.do(line)
		}
		slices.Sort(w.got) // failing/rotation-in-an-outage-of-minutes has the order
		w.want("a", "b 1", "b 2", "b 3 without an end", "c 1", "c 2", "d")
		w.checkLosses()
		w.end()
	})
}

const threeHours = `append access.log "a\n"
start
deliver
outage
append access.log "b 1\n"
wait 10m
append access.log "b 2\nb 3 without an end"
wait 10m
delete access.log
append access.log "c 1\n"
wait 1h
append access.log "c 2\n"
delete access.log
append access.log "d\n"
wait 100m
heal`

// It applies the offset of a path to whatever the path leads to.
func TestL04OffsetOfTheOldFileIsNotAppliedToTheNewOne(t *testing.T) {
	told(t, `
append access.log "old 1\nold 2\n"
start
deliver
stop
append access.log "old 3\n"
rename access.log access.log.1
append access.log "new 1\nnew 2\nnew 3\nnew 4\n"
start
deliver
stop
start
deliver
want "old 1" "old 2" "old 3" "new 1" "new 2" "new 3" "new 4"
`)
}

// It throws the line without an end away, in which a crash says why.
func TestL05CrashMessageWithoutALineEndArrives(t *testing.T) {
	for _, end := range []string{"rename access.log access.log.1", "delete access.log", "copytruncate access.log access.log.1"} {
		told(t, `
append access.log "a\n"
start
deliver
append access.log "panic: and no line end"
`+end+`
deliver
append access.log "b\n"
deliver
want "a" "panic: and no line end" "b"
`)
	}
}

// It remembers two thousand places at a time and forgets the oldest.
func TestL06PlacesOfManyFilesAreAllRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const files = 2500
		w := newWorld(t, t.Name())
		w.do("follow-all **/*.log")
		for i := range files {
			folder := fmt.Sprint(i % 50)
			if i < 50 {
				w.do("mkdir " + folder)
			}
			w.writeTo(fmt.Sprintf("%s/%d.log", folder, i), "a\n")
		}
		for range 2 {
			w.begin()
			w.deliver()
			w.end()
		}
		if n := len(w.got); n != files || len(w.Names()) != files {
			t.Errorf("%d lines of %d files arrived, %d places are remembered", n, files, len(w.Names()))
		}
	})
}

// It counts 200 bytes for each event where the service counts 26, and sends less than half of what a request may hold.
func TestL10RequestHoldsAsManyShortLinesAsItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, t.Name())
		w.write(strings.Repeat(strings.Repeat("x", 29)+"\n", 20_001)) // the last one waits for its end
		w.begin()
		for _, source := range w.sources() {
			for range 2 {
				if b := w.fill(source); b == nil || b.batch.Len() != 10_000 {
					t.Fatalf("no batch, or one that is not full: %v", b != nil)
				}
			}
		}
		w.end()
	})
}

// It reads every folder of a pattern every second, all of the tree for **, and asks about each file four times a second.
func TestL11NothingIsReadWhileNothingChangesAndANewFileIsFound(t *testing.T) {
	s := newScout(t, "**/*.log", everyMatch)
	for i := range 50 {
		s.must(os.Mkdir(s.at(fmt.Sprint(i)), 0o700))
		s.writeTo(fmt.Sprint(i, "/one.log"), "x\n")
	}
	s.start()
	s.glob.deliver()
	s.reads, s.shipped = 0, map[string]bool{}
	began := time.Now()
	net := newNet(began)
	for range 4 * 60 { // seconds; folders are read again after five minutes
		began = began.Add(time.Second)
		net.look(s.entry, began)
		s.entry.settle(s.naming, began)
	}
	if s.reads > 0 || len(s.shipped) > 0 {
		t.Errorf("in four minutes %d folders were read, and looked at %v", s.reads, s.shipped)
	}
	s.writeTo("7/new.log", "a\n")
	s.hears(fsnotify.Create, "7/new.log")
	s.wantShipped("new.log")
	if s.reads > 0 {
		t.Errorf("%d folders were read for one new file", s.reads)
	}
}

// It reads every file that had one long line with a buffer of 1 MB ever after.
func TestL12LongLinesLeaveNoMemoryBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const files = 30
		w := newWorld(t, t.Name())
		w.do("follow-all *.log")
		line := strings.Repeat("0123456789", 100_000) // an event as long as one may be
		for i := range files {
			w.must(os.WriteFile(filepath.Join(w.dir, fmt.Sprintf("%d.log", i)), []byte(line+"\n"), 0o600))
		}
		w.begin()
		before := inUse()
		for _, s := range w.sources() {
			for b := w.fill(s); b != nil; b = w.fill(s) {
				w.must(s.Commit(b.mark, cloudwatch.Verdict{}))
				for _, message := range b.batch.Events() {
					w.got = append(w.got, fmt.Sprint(len(message)))
				}
			}
		}
		if grown := inUse() - before; grown > 4<<20 || len(w.got) != files {
			t.Errorf("%d lines left %d bytes of memory behind", len(w.got), grown)
		}
		w.end()
	})
}

// inUse is what the heap holds.
func inUse() int64 {
	for range 3 {
		runtime.GC() // twice for what is in pools
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
