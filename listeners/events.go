package listeners

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/internal/durable"
	"go.uber.org/zap"
)

// EventWriter takes log events that are to be delivered. When Write has returned nil, the event is on its way for good: neither
// a crash of the agent nor an outage of the service loses it.
type EventWriter interface {
	// Write takes an event that holds no line end. A stream without a name is the agent's own.
	Write(s cloudwatch.LogStream, at time.Time, event []byte) error
}

// Why Write takes no event.
var (
	ErrEventsFull  = errors.New("events that wait to be sent take all the disk that they may (nephoscope.events_mib)")
	ErrManyStreams = errors.New("too many log streams at once")
)

const (
	// maxFolders is how many log streams may have events on disk at once. Each costs a folder, and a file while it is written to.
	maxFolders = 200
	// fileBytes is how much of a stream is in one file: it is removed as a whole.
	fileBytes = 1 << 20
	// idleFile is how long nothing is written to a file until it counts as finished, so that it can be removed.
	idleFile = 10 * time.Second
	// eventsStep is how often files are looked after: a power loss costs what was written since the last time.
	eventsStep = time.Second
	// failingFor is how long an error of the disk is told of when no event has come since.
	failingFor = time.Minute
	// recount is how often what the folders hold is counted at most.
	recount = 100 * time.Millisecond

	eventsEnding = ".events"
	streamFile   = "stream.json"
)

// EventSpool is where log events wait that did not come from a log file: files below a folder, one folder for each log stream,
// each line an event with its time in milliseconds before it. They are read, delivered and removed as log files are; what is
// written here is never sent from here. While the service is away they grow up to a bound, beyond which events are refused.
type EventSpool struct {
	dir  string
	log  *zap.Logger
	idle func() // called when files are finished though no new ones came

	mu      sync.Mutex
	ready   bool
	most    int64
	bytes   int64            // in all files
	held    map[string]int64 // of that, by folder
	counted time.Time
	number  int64                             // of the newest file
	open    map[cloudwatch.LogStream]*writing // files that are written to
	folders int
	closing []*durable.Lines // finished, and still to be synced and closed
	written cloudwatch.Amount
	failing error     // what the disk said last; nil: it takes events
	failed  time.Time // when it said so
}

// writing is a file that events are appended to.
type writing struct {
	path  string // its folder is the stream's
	lines *durable.Lines
	last  time.Time // when it was written to
	dirty bool
}

// NewEventSpool makes a spool of events in a folder, which is made when the first one comes.
func NewEventSpool(dir string, log *zap.Logger) *EventSpool {
	return &EventSpool{dir: dir, log: log, idle: func() {}, open: map[cloudwatch.LogStream]*writing{}, most: 64 << 20}
}

// Allow bounds how many bytes of disk the events may take.
func (e *EventSpool) Allow(most int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.most = most
}

// WhenFinished has f called when files have been finished though no other took their place. f must not call back.
func (e *EventSpool) WhenFinished(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.idle = f
}

// Finished tells whether nobody writes to a file any more.
func (e *EventSpool) Finished(path string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.open {
		if w.path == path {
			return false
		}
	}
	return true
}

// Write appends an event to its stream's file.
func (e *EventSpool) Write(s cloudwatch.LogStream, at time.Time, event []byte) error {
	if bytes.IndexByte(event, '\n') >= 0 {
		return errors.New("write event: it holds a line end")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.write(s, at, event)
	if err == nil || errors.Is(err, ErrEventsFull) || errors.Is(err, ErrManyStreams) {
		if err == nil && e.failing != nil {
			e.failing = nil
			e.log.Info("events can be written to disk again")
		}
		return err
	}
	if e.failing == nil {
		e.log.Error("events cannot be written to disk; they are refused until they can", zap.Error(err))
	}
	e.failing, e.failed = err, time.Now()
	return fmt.Errorf("write event: %w", err)
}

func (e *EventSpool) write(s cloudwatch.LogStream, at time.Time, event []byte) error {
	if err := e.prepare(); err != nil {
		return err
	}
	line := append(strconv.AppendInt(make([]byte, 0, len(event)+24), at.UnixMilli(), 10), ' ')
	line = append(append(line, event...), '\n')
	now, size, folder := time.Now(), int64(len(line)), e.folder(s)
	if e.bytes+size > e.room(folder) && now.Sub(e.counted) >= recount {
		e.count(now)
	}
	if e.bytes+size > e.room(folder) {
		return ErrEventsFull
	}
	w, err := e.file(s, size, now)
	if err != nil {
		return err
	}
	if err := w.lines.Append(line); err != nil {
		if w.lines.Torn() {
			e.finish(s, w)
		}
		return durable.Cure(err, e.dir)
	}
	w.last, w.dirty = now, true
	e.bytes += size
	e.held[folder] += size
	e.written.Add(cloudwatch.Amount{Events: 1, Bytes: int64(len(event))})
	return nil
}

// folder is the name of a stream's folder.
func (e *EventSpool) folder(s cloudwatch.LogStream) string {
	if w := e.open[s]; w != nil {
		return filepath.Base(filepath.Dir(w.path))
	}
	return folderOf(s)
}

// room is how many bytes all streams together may take when one is to have more. One that has more than its share, of the
// streams that there are and one that may come, leaves the last tenth to others: they go on when the service refuses its events.
func (e *EventSpool) room(folder string) int64 {
	if e.held[folder] < e.most/int64(len(e.held)+1) {
		return e.most
	}
	return e.most - e.most/10
}

// file is the file that a stream's next line goes to; a file that is full is finished.
func (e *EventSpool) file(s cloudwatch.LogStream, size int64, now time.Time) (*writing, error) {
	w := e.open[s]
	if w != nil && w.lines.Size() > 0 && w.lines.Size()+size > e.fileBytes() {
		e.finish(s, w)
		w = nil
	}
	if w != nil {
		return w, nil
	}
	dir := filepath.Join(e.dir, folderOf(s))
	if _, err := os.Stat(filepath.Join(dir, streamFile)); err != nil {
		if e.folders >= maxFolders && now.Sub(e.counted) >= recount {
			e.count(now)
		}
		if e.folders >= maxFolders {
			return nil, ErrManyStreams
		}
		if err := e.makeFolder(dir, s); err != nil {
			return nil, err
		}
		e.folders++
	}
	e.number = max(e.number+1, now.UnixNano())
	w = &writing{path: filepath.Join(dir, fmt.Sprintf("%019d%s", e.number, eventsEnding))}
	e.open[s] = w // before anybody can find the file
	var err error
	if w.lines, err = durable.CreateLines(w.path); err != nil {
		delete(e.open, s)
		return nil, durable.Cure(err, e.dir)
	}
	return w, nil
}

// fileBytes leaves room for several files within the bound.
func (e *EventSpool) fileBytes() int64 { return min(fileBytes, e.most/16) }

// finish has nothing more written to a file. Waiting for the disk is not for whoever wants to write.
func (e *EventSpool) finish(s cloudwatch.LogStream, w *writing) {
	e.closing = append(e.closing, w.lines)
	delete(e.open, s)
}

// prepare takes over what an earlier run left, once.
func (e *EventSpool) prepare() error {
	if e.ready {
		return nil
	}
	if err := durable.MakeDir(e.dir); err != nil {
		return durable.Cure(err, e.dir)
	}
	for _, path := range e.files() { // the clock may have been set back
		if number, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), eventsEnding), 10, 64); err == nil {
			e.number = max(e.number, number)
		}
	}
	e.ready = true
	e.count(time.Now())
	return nil
}

// Run looks after the files until ctx is done: it makes durable what was written, and finishes files that nobody writes to, and
// while little room is left all that hold something worth mentioning, so that what is acknowledged goes away.
func (e *EventSpool) Run(ctx context.Context) {
	step := time.NewTicker(eventsStep)
	defer step.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-step.C:
			if e.lookAfter(now) {
				e.idle()
			}
		}
	}
}

// lookAfter returns whether files have been finished.
func (e *EventSpool) lookAfter(now time.Time) (finished bool) {
	e.mu.Lock()
	e.count(now)
	scarce := e.bytes > e.most/4*3
	var dirty []*durable.Lines
	for s, w := range e.open {
		_, err := os.Lstat(w.path)
		gone := errors.Is(err, fs.ErrNotExist)
		if gone {
			e.log.Warn("a file of events was removed while it was written to; what was not read of it is lost", zap.String("file", w.path))
		}
		switch {
		case gone || scarce && w.lines.Size() >= e.fileBytes()/8 || now.Sub(w.last) >= idleFile:
			e.finish(s, w)
			finished = true
		case w.dirty:
			dirty = append(dirty, w.lines)
			w.dirty = false
		}
	}
	e.tidy()
	closing := e.closing
	e.closing = nil
	e.mu.Unlock()
	var err error
	for _, l := range dirty {
		err = errors.Join(err, l.Sync())
	}
	e.settle(errors.Join(err, closeAll(closing)))
	return finished
}

func closeAll(files []*durable.Lines) (err error) {
	for _, l := range files {
		err = errors.Join(err, l.Close())
	}
	return err
}

func (e *EventSpool) settle(err error) {
	if err != nil {
		e.log.Warn("events would be lost if the power failed now: a file cannot be synced", zap.Error(err))
	}
}

// Close finishes all files: nothing more is written.
func (e *EventSpool) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s, w := range e.open {
		e.finish(s, w)
	}
	e.settle(closeAll(e.closing))
	e.closing = nil
}

// EventSpoolState is what a spool of events holds, and has taken.
type EventSpoolState struct {
	Written cloudwatch.Amount // since the agent was started
	Bytes   int64             // on disk now, acknowledged or not
	Most    int64             // that there may be
	Streams int               // that have events on disk, or had a moment ago
	Failing error             // what the disk said last, and lately; nil: it takes events, as far as is known
}

// State tells how it is.
func (e *EventSpool) State() EventSpoolState {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if now.Sub(e.counted) >= recount {
		e.count(now)
	}
	s := EventSpoolState{Written: e.written, Bytes: e.bytes, Most: e.most, Streams: e.folders}
	if now.Sub(e.failed) < failingFor {
		s.Failing = e.failing
	}
	return s
}
