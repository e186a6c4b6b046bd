package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// writer is a program that writes a log: numbered events into one path, which is rotated under it.
type writer struct {
	t      *torture
	name   string // of the file
	path   string
	group  string
	random *rand.Rand
	rate   float64 // lines a second
	began  time.Time

	timed    bool // each event begins with its time, and the agent reads it
	several  bool // some events have several lines
	bursty   bool // writes nothing for seconds, and then all of it at once
	numbered bool // rotated to .1, .2, …; else to a name with a date

	busy sync.Mutex // held while it is being rotated

	mu       sync.Mutex // held while it writes; a copytruncate holds it too, so that what it loses is the agent's loss
	file     *os.File
	events   int // so many are written, with the numbers 1 to events
	lines    int // an event may have several
	bytes    int64
	first    int           // the first event of what the path leads to now
	pending  time.Time     // when to open the path anew; zero: not at all
	reopened chan struct{} // closed when that is done

	harvest harvest // what was taken out of the store before it was deleted there
}

// newWriter makes the i-th writer. The names are of one length: app1.log and app10.log would look like rotations of each other.
func newWriter(dir string, i int, t *torture) (*writer, error) {
	name := fmt.Sprintf("app%02d.log", i)
	w := &writer{t: t, name: name, path: filepath.Join(dir, name), group: fmt.Sprintf("torture/%d", i/2), began: time.Now(),
		random: t.random(uint64(100 + i)), rate: float64(t.rate) / float64(t.files), first: 1,
		timed: i%2 == 1, several: i%4 >= 2, bursty: i%3 == 2, numbered: i%5 < 3}
	var err error
	if w.file, err = os.OpenFile(w.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return w, nil
}

// entry is the writer's item of collect_list.
func (w *writer) entry() map[string]any {
	entry := map[string]any{"file_path": w.path, "log_group_name": w.group, "log_stream_name": w.name}
	if w.timed {
		entry["timestamp_format"], entry["timezone"] = "%Y-%m-%d %H:%M:%S.%f", "UTC"
	}
	if w.timed && w.several {
		entry["multi_line_start_pattern"] = "{timestamp_format}"
	}
	return entry
}

// number is that of the last event.
func (w *writer) number() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events
}

// run writes until ctx is done, and opens the path anew when it was told to.
func (w *writer) run(ctx context.Context) {
	next := time.Now() // burst
	for ctx.Err() == nil {
		w.mu.Lock()
		if !w.pending.IsZero() && !time.Now().Before(w.pending) {
			w.reopen()
		}
		if !w.bursty || !time.Now().Before(next) {
			w.write(int(time.Since(w.began).Seconds()*w.rate) + 1)
			next = time.Now().Add(between(w.random, 200*time.Millisecond, 3*time.Second))
		}
		w.mu.Unlock()
		pause(ctx, 20*time.Millisecond)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.pending.IsZero() {
		w.reopen()
	}
	w.write(w.lines + 1)
	if err := w.file.Close(); err != nil {
		w.t.blame("close log %s: %v", w.name, err)
	}
}

// reopenIn has the writer open its path anew after a while, as a program does that was sent a signal. The channel is closed
// when that is done.
func (w *writer) reopenIn(delay time.Duration) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending, w.reopened = time.Now().Add(delay), make(chan struct{})
	return w.reopened
}

func (w *writer) reopen() {
	w.pending = time.Time{}
	defer close(w.reopened)
	if err := w.file.Close(); err != nil {
		w.t.blame("close log %s: %v", w.name, err)
	}
	file, err := os.OpenFile(w.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.blame("open log %s: %v", w.name, err)
		return
	}
	w.file, w.first = file, w.events+1
	w.t.history.note("%s: opened anew, from event %d on", w.name, w.events+1)
}

// write writes events until there are so many lines: several with one call or one with one, and now and then one with two.
func (w *writer) write(lines int) {
	var text bytes.Buffer
	most := 1 << w.random.IntN(16) // bytes to one call
	for w.lines < lines {
		at := text.Len()
		w.lines += w.appendEvent(&text, w.events+1)
		w.events++
		if torn := w.random.IntN(400) == 0; torn && w.lines < lines {
			half := at + 1 + w.random.IntN(min(20, text.Len()-at-1)) // within its first line
			w.put(text.Next(half))
			pause(context.Background(), between(w.random, time.Millisecond, 30*time.Millisecond))
		}
		if text.Len() >= most {
			w.put(text.Next(text.Len()))
		}
	}
	w.put(text.Next(text.Len()))
}

func (w *writer) put(text []byte) {
	n, err := w.file.Write(text)
	w.bytes += int64(n)
	if err != nil {
		w.t.blame("write log %s: %v", w.name, err)
	}
}

const timeForm = "2006-01-02 15:04:05.000"

// appendEvent writes one event with its newline, and returns how many lines it has.
func (w *writer) appendEvent(into *bytes.Buffer, number int) (lines int) {
	if w.timed {
		now := w.began.Add(time.Since(w.began)) // on the clock that nobody sets: times that went back would change the order
		into.WriteString(now.UTC().Format(timeForm))
		into.WriteByte(' ')
	}
	text, lines := w.content(number)
	into.WriteString(text)
	into.WriteByte('\n')
	return lines
}

// content is what an event says behind its time; it follows from its number.
func (w *writer) content(number int) (text string, lines int) {
	draw := uint32(number) * 2654435761 >> 8 // well mixed (Knuth's multiplicative hashing)
	size := int(draw % 100)
	if draw%997 == 0 {
		size = 2000 + int(draw%6000)
	}
	text = fmt.Sprintf("#%010d %s %s", number, w.name, padding[draw%64:][:size])
	lines = 1
	if !w.several || draw%5 != 0 {
		return text, lines
	}
	for i := range 1 + draw%7 {
		if w.timed {
			text += fmt.Sprintf("\ncontinued %d of #%010d", i, number) // begins with no time
		} else {
			text += fmt.Sprintf("\n\tat frame %d of #%010d", i, number) // begins with white space
		}
		lines++
	}
	return text, lines
}

var padding = string(bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog; "), 200))

// read finds the number of an event in its message. False: it is none that was written.
func (w *writer) read(message string) (number int, ok bool) {
	if w.timed {
		if len(message) < len(timeForm)+1 {
			return 0, false
		}
		if _, err := time.Parse(timeForm, message[:len(timeForm)]); err != nil {
			return 0, false
		}
		message = message[len(timeForm)+1:]
	}
	if len(message) < 11 {
		return 0, false
	}
	number, err := strconv.Atoi(message[1:11])
	if err != nil || number < 1 {
		return 0, false
	}
	want, _ := w.content(number)
	return number, message == want
}
