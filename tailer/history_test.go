package tailer

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// A history is what happens to log files and to the agent that follows them, one text file each in testdata/history. Its first
// line is a comment that says what it shows. access.log is followed unless the history says otherwise. Texts are quoted as in
// Go; "x\n"*100 is that text a hundred times. The wall clock is what files are stamped with; a write takes ten milliseconds.
// What is known to fail stands in testdata/history/failing, which is not run.
//
//	follow PATTERN, follow-all PATTERN     what is followed: the newest match, or every one (before start)
//	event-begins REGEX, flush 1s           multi_line_start_pattern, force_flush_interval (before start)
//	read-back                              batches are remembered before they are sent (before start)
//	may-rest 0                             so many files may stay open that nobody writes to (before start)
//
//	append A "text"      rename A B        copy A B         copytruncate A B     truncate A [BYTES]
//	rewrite A "text"     replace A "text"  delete A         link A B             symlink TARGET NAME
//	compress A [.zst]    as gzip does: the time of the last change stays
//	mkdir A              chmod A 000       mtime A -1h      (before now)
//	open W A [plain]     write W "text"    close W          (a writer that keeps its descriptor; plain: one that does not append)
//	clock -2h            wait 10s          (the agent looks at its files every ten seconds meanwhile)
//
// rewrite keeps the inode, as a file that got the inode of a deleted one; replace renames another file over it.
//
//	start, stop          stop is kill -9: what is not committed is forgotten
//	look                 files are looked at, nothing is read: a tick of the safety net
//	deliver              all there is is read, acknowledged and committed
//	take                 one batch is
//	send                 one batch arrives, and the agent does not hear that it did: stop has to follow
//	fail                 one batch is read and does not arrive: it has to come again
//	wire arrived|lost    one batch is remembered and sent, and arrives or not: stop has to follow
//	doubt arrived|lost   the same, and no answer comes: whether it arrived is looked up before anything else is read …
//	settle               … or now
//	hurry                all there is is delivered at once, as when the agent is told to end: stop has to follow
//	outage, heal         two batches are held meanwhile; heal delivers
//	deny, full, allow    the checkpoint store takes nothing; there is no space; it takes all again
//	damage               what the checkpoint store holds is garbage now
//
//	want "a" "b"         what arrived since the last want: this, in this order, and nothing else
//	want-at-least "a"    the same, but anything may have arrived again
//	lost 7, gone 1       bytes, and files, that have been counted as lost so far; none unless it is said

// All that a history knows of the code it is about stands in the functions from here to losses.

// begin begins to follow what the entry names.
func (w *world) begin() {
	e, err := New(w.file, Options{Memory: NewMemory(w), Holding: w.holding, Linger: w.linger, Log: zap.NewNop()})
	w.must(err)
	e.ship = func(s *Source) { // as Fill does before it reads, which nobody asks to while a batch is in doubt
		w.known[s] = true
		if _, in := s.Doubt(); !in {
			s.remember(time.Now())
		}
		s.keepUp()
	}
	w.entry = e
	e.resume(w.naming)
	e.discover(w.naming) // as Run does
	w.look()
}

// look is a tick of the safety net.
func (w *world) look() {
	w.entry.shipChanged()
	w.entry.discover(w.naming)
	for _, s := range w.entry.Sources() {
		w.known[s] = true
	}
	if w.outage {
		w.hold()
	}
}

// fill waits for the next batch of a source; nil: it is at rest.
func (w *world) fill(s *Source) *sending {
	b := new(cloudwatch.LogBatch)
	for idle := 0; ; idle++ {
		now := time.Now()
		mark, next := s.Fill(now, b)
		if mark != 0 {
			b.Sort()
			if w.readBack {
				w.remember(&sending{s, b, mark})
			}
			return &sending{s, b, mark}
		}
		if next.IsZero() {
			return nil
		}
		if idle > 100_000 {
			w.Fatal("a source is asked for ever and gives nothing")
		}
		time.Sleep(next.Sub(now))
	}
}

// rewind has read again what was read and not committed; false: it cannot be, and its batch is kept.
func (w *world) rewind(s *Source) bool { return s.Rewind(false) }

// settle looks up what is in doubt, as the publisher does before it fills anything.
func (w *world) settle() {
	w.Helper()
	for _, s := range w.sources() {
		d, in := s.Doubt()
		if !in || w.outage {
			continue
		}
		landed, known := d.Landed(w.find(d.Batch.First, d.Batch.Last))
		w.untold = w.untold || w.readBack && !known && !d.Unsure
		w.again = w.again || !known && w.landed[d.Batch]
		if err := s.Settle(landed); err != nil && w.denied == nil {
			w.Errorf("%s:%d: settle: %v", w.script, w.line, err)
		}
	}
}

// wire sends one batch that can be looked up.
func (w *world) wire(how string) *sending {
	w.Helper()
	b := w.one()
	if b == nil {
		return nil
	}
	w.remember(b)
	if w.landed[b.batch.Trace()] = how == "arrived"; how == "arrived" {
		w.arrive(b, false)
	}
	return b
}

func (w *world) remember(b *sending) {
	w.Helper()
	if err := b.source.Remember(b.mark, b.batch.Trace(), time.Now()); (err == nil) != (w.denied == nil) {
		w.Errorf("%s:%d: remember: %v", w.script, w.line, err)
	}
}

// hurry is what a publisher does that has been told to end.
func (w *world) hurry() {
	w.settle()
	for _, s := range w.sources() {
		s.Hurry()
		for {
			b := new(cloudwatch.LogBatch)
			mark, _ := s.Fill(time.Now(), b)
			if mark == 0 {
				break
			}
			b.Sort()
			if w.readBack {
				w.remember(&sending{s, b, mark})
			}
			w.arrive(&sending{s, b, mark}, true)
		}
	}
}

// end is kill -9.
func (w *world) end() {
	w.entry.Close()
	w.entry, w.held, w.outage = nil, nil, false
}

// losses is what has been counted as lost so far, by earlier runs as well.
func (w *world) losses() (bytes, files int64) {
	for s := range w.known {
		bytes, files = bytes+s.Ledger().Lost.Bytes(), files+s.Ledger().Lost.Files
	}
	return bytes, files
}

// sending is a batch on its way.
type sending struct {
	source *Source
	batch  *cloudwatch.LogBatch
	mark   uint64
}

// words takes a line apart.
func words(line string) (all []string, err error) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			word, rest, _ := strings.Cut(line, " ")
			all, line = append(all, word), rest
			continue
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, err
		}
		times := 1
		if line = line[len(quoted):]; strings.HasPrefix(line, "*") {
			factor, rest, _ := strings.Cut(line[1:], " ")
			if times, err = strconv.Atoi(factor); err != nil {
				return nil, err
			}
			line = rest
		}
		all = append(all, slices.Repeat([]string{text}, times)...)
	}
	return all, nil
}

// run does what a history says.
func (w *world) run(text string) {
	w.Helper()
	for i, line := range strings.Split(text, "\n") {
		w.line = i + 1
		w.do(line)
	}
	if len(w.got) > 0 {
		w.Errorf("%s: nobody wanted what arrived in the end: %s", w.script, quote(w.got))
	}
	w.checkLosses()
}

// do does what one line says.
func (w *world) do(line string) {
	w.Helper()
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	all, err := words(line)
	if err != nil {
		w.Fatalf("%s:%d: %v", w.script, w.line, err)
	}
	op, known := operations[all[0]]
	if !known || len(all)-1 < op.args {
		w.Fatalf("%s:%d: %q is no operation, or not all of one", w.script, w.line, line)
	}
	op.do(w, all[1:])
}

func TestHistories(t *testing.T) {
	all, err := filepath.Glob("testdata/history/*.txt")
	if err != nil || len(all) < 40 {
		t.Errorf("%d histories, %v", len(all), err)
	}
	for _, script := range all {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txt"), func(t *testing.T) {
			if !strings.HasPrefix(string(text), "# ") {
				t.Errorf("%s:1: the first line is no comment that says what is shown", script)
			}
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, script)
				defer func() {
					if w.entry != nil {
						w.entry.Close()
					}
					if t.Failed() {
						t.Logf("%s:%d: this far", script, w.line)
					}
				}()
				w.run(string(text))
			})
		})
	}
}
