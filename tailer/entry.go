// Package tailer is what the log files say: files to events, with a memory. An Entry is one item of collect_list; it finds
// files. A Source is one path on its way into one log stream; it reads. The log file itself is the queue: nothing is held
// in memory but the batch that is being filled.
package tailer

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// multiLineHold is how long the original waits for more lines of an event; here it counts from the last one.
const multiLineHold = 5 * time.Second

// Options are what all entries share.
type Options struct {
	Memory  *Memory
	Watcher *Watcher
	Holding *Holding
	Linger  time.Duration // the flush interval: events wait so long for others at most
	Adopted *Adopted      // what the original agent left; nil: nothing
	// Finished tells of a spool's file that nobody writes to it any more; nil: the files are no spool's. A spool is the agent's own:
	// every line is an event with its time before it, and a file is removed when it is finished and acknowledged.
	Finished func(path string) bool
	Log      *zap.Logger
}

// Entry is one item of collect_list at work.
type Entry struct {
	file      config.File
	pattern   pattern
	all       bool // every match, not only the newest
	blacklist *regexp.Regexp
	start     startRule
	charset   *charset // nil: UTF-8
	format    *timestampFormat
	trim      bool
	linger    time.Duration
	hold      time.Duration // how long a file is quiet before its last event counts as complete
	step      time.Duration // between two looks at a file that is being written to
	memory    *Memory
	watcher   *Watcher
	holding   *Holding
	quiet     time.Duration          // how long a rotated file must have been, for its last line to count as complete
	over      func(path string) bool // Options.Finished
	owner     string                 // its part of a checkpoint's name
	log       *zap.Logger
	shelf     *shelf
	adopted   adopter
	folders   *folders
	finder

	mu      sync.Mutex
	sources map[string]*Source
	targets map[string][]*Source // by what their paths really lead to, where that has another name: writes are announced under it
	news    news
	ended   Ledger               // of sources that are no more
	left    map[string]time.Time // by their paths: when their last files had been written to last, by those's own word
	ship    func(*Source)
	resumed []*Source // and not shipped yet
	looked  func()    // called when the files that are there have been found; nil: nobody waits for that
}

// New makes an entry and starts nothing. The error is a config.Problem.
func New(f config.File, o Options) (*Entry, error) {
	e := &Entry{
		file: f, all: f.PublishMultiLogs, blacklist: f.Blacklist, trim: f.TrimTimestamp, linger: o.Linger, hold: o.Linger, step: min(longStep, max(o.Linger/4, time.Millisecond)),
		start: startRule{f.MultiLineStart}, memory: o.Memory, watcher: o.Watcher, holding: o.Holding, log: o.Log,
		owner: ownerOf(f), quiet: settle, over: o.Finished,
		shelf: newShelf(), sources: map[string]*Source{}, targets: map[string][]*Source{}, left: map[string]time.Time{}, news: newNews(), adopted: o.Adopted.join(),
	}
	if f.MultiLineStart != nil || f.StartsWithTimestamp {
		e.hold = max(o.Linger, multiLineHold)
	}
	if e.over != nil { // lines are written whole, and what is finished stays so
		e.hold, e.quiet = 0, 0
	}
	if e.holding == nil {
		e.holding = NewHolding(DefaultOpen, DefaultDeleted)
	}
	e.folders = e.holding.folders
	var err error
	if e.pattern, err = parsePattern(f.Path); err != nil {
		return nil, config.Mistake(f.Place, err.Error(), "")
	}
	e.finder = newFinder(e)
	if f.Encoding != "" {
		if e.charset, err = charsetOf(f.Encoding); err != nil {
			at := f.Place
			at.Path += ".encoding"
			return nil, config.Mistake(at, err.Error(), "the names are those of the Encoding Standard, such as shift_jis, windows-1252 or utf-16le")
		}
	}
	if f.TimestampFormat != "" {
		if e.format, err = parseTimestampFormat(f.TimestampFormat, f.Timezone); err != nil {
			return nil, config.Mistake(f.Place, err.Error(), "")
		}
		if f.StartsWithTimestamp {
			e.start.pattern = e.format.pattern
		}
	}
	return e, nil
}

// Check is what New says of the log files of a configuration, such as of a pattern that is not closed.
func Check(c *config.Config) (mistakes config.Problems) {
	if c.Logs == nil {
		return nil
	}
	for _, f := range c.Logs.Files {
		_, err := New(f, Options{})
		if p, ok := errors.AsType[config.Problem](err); ok {
			mistakes = append(mistakes, p)
		}
	}
	return mistakes
}

// ownerOf is an entry's part of a checkpoint's name. Two entries may send one file into one stream, each what its filters let
// pass.
func ownerOf(f config.File) string {
	owner := nameSeparator + f.LogGroupName + nameSeparator + f.LogStreamName
	for _, x := range f.Filters {
		owner += nameSeparator + map[bool]string{true: "with ", false: "without "}[x.Include] + x.Expression.String()
	}
	return owner
}

// Claim says that the entry is configured, before any of those that come with it runs: the checkpoints that it left are not
// to be taken over by another. Release takes that back.
func (e *Entry) Claim() { e.memory.claim(e.owner, 1) }

// Release is the opposite of Claim.
func (e *Entry) Release() { e.memory.claim(e.owner, -1) }

// WhenLooked has f called once Run has found the files that are there; to be called before Run.
func (e *Entry) WhenLooked(f func()) { e.looked = f }

// Run finds the files of the entry, now and whenever they change, and calls ship for each source that may have something
// to read; ship must not block. naming gives a path its stream. It returns when ctx is done.
func (e *Entry) Run(ctx context.Context, naming func(path string) cloudwatch.LogStream, ship func(*Source)) {
	e.ship = ship
	defer e.watcher.forget(e)
	e.resume(naming)
	e.everything()
	net := newNet(time.Now())
	next := time.NewTimer(net.narrow)
	defer next.Stop()
	for waiting := false; ; {
		e.settle(naming, time.Now())
		if e.looked != nil {
			e.looked()
			e.looked = nil
		}
		if !waiting && e.followsNothing() {
			waiting = true
			e.log.Info("waiting for a log file: there is none yet", zap.String("file_path", e.pattern.text))
		}
		next.Reset(time.Until(net.next(e))) // a moment, not a pause: a busy folder does not put it off
		select {
		case <-ctx.Done():
			return
		case <-e.news.dirty:
			e.catchUp()
		case <-next.C:
			net.look(e, time.Now())
		}
	}
}

// Close closes all files; to be called when nobody fills a batch any more.
func (e *Entry) Close() {
	for _, s := range e.Sources() {
		s.Close()
	}
}

// Sources are the paths that are followed now.
func (e *Entry) Sources() []*Source {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*Source, 0, len(e.sources))
	for _, s := range e.sources {
		all = append(all, s)
	}
	return all
}

// Ended is the ledger of the sources that the entry has let go of.
func (e *Entry) Ended() Ledger {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ended
}

func (e *Entry) followsNothing() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.sources) == 0
}

func (e *Entry) source(path string) *Source {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sources[path]
}

// shipChanged looks at every source, whatever the kernel has said.
func (e *Entry) shipChanged() {
	e.shipIfChanged(e.Sources())
}

// shipDoubted looks at the sources of which the kernel may not say everything.
func (e *Entry) shipDoubted(least trust) {
	var all []*Source
	for s, t := range e.trusts {
		if t >= least {
			all = append(all, s)
		}
	}
	e.shipIfChanged(all)
}

func (e *Entry) shipIfChanged(sources []*Source) {
	changed := slices.DeleteFunc(sources, func(s *Source) bool { return !s.changed() })
	var one sync.Mutex
	abreast(changed, func(s *Source) {
		s.keepUp()
		one.Lock()
		defer one.Unlock()
		e.ship(s)
	})
}

// discover reads all folders, makes sources of files that are new, and drops those of files that are gone. It returns whether
// there were new ones.
func (e *Entry) discover(naming func(path string) cloudwatch.LogStream) bool {
	e.everything()
	return e.settle(naming, time.Now())
}

// settle follows what is to be followed by what is known now, and lets go of what has ended.
func (e *Entry) settle(naming func(path string) cloudwatch.LogStream, now time.Time) bool {
	var strangers []string
	var followed []*Source
	for _, path := range e.wanted(now) {
		if e.source(path) != nil {
			continue
		}
		cp, found, err := e.memory.load(path, e.owner)
		if err != nil {
			e.log.Error("checkpoint is unusable; the file is read from its beginning, lines may be repeated", zap.Error(err))
		}
		if !found {
			strangers = append(strangers, path)
			continue
		}
		followed = append(followed, e.follow(path, cp, naming))
	}
	strangers = e.adopt(strangers, func(path string, cp checkpoint) { followed = append(followed, e.follow(path, cp, naming)) })
	for _, path := range strangers {
		if at, reading := e.placeOf(path); !reading {
			followed = append(followed, e.follow(path, checkpoint{Files: at}, naming))
		} else {
			e.held[path] = true
		}
	}
	for _, s := range e.resumed {
		e.ship(s)
	}
	e.resumed = nil
	// Only now, when each has the file that it was reading: a path may lead to that of another.
	for _, s := range followed {
		delete(e.held, s.path)
		e.aim(s)
		e.ship(s)
	}
	if e.over != nil {
		e.supersede()
	}
	return len(followed) > 0
}

// resume follows what an earlier run has not read to its end, though it may not be the newest of the pattern's files now.
// It may have been rotated, and nothing taken its place yet.
func (e *Entry) resume(naming func(path string) cloudwatch.LogStream) {
	e.tree.walk()
	there := e.tree.matches()
	for _, path := range e.memory.paths(e.owner) {
		if !e.pattern.leadsTo(path) {
			continue
		}
		_, exists := slices.BinarySearch(there, path)
		if exists && e.all {
			continue // every one is followed
		}
		cp, found, _ := e.memory.load(path, e.owner) // what is wrong with it is said when it is followed
		if found && len(cp.Files) == 0 {
			e.shelf.recall(cp.Drained)
			if !exists && time.Since(time.Unix(0, cp.Left)) > forgetAfter {
				_ = e.memory.save(path+e.owner, checkpoint{}) // the next start tries again
			}
			continue
		}
		if found && !(exists && cp.covers(path)) {
			e.leaving[path] = true
			e.resumed = append(e.resumed, e.follow(path, cp, naming))
		}
	}
	if !e.all {
		e.adoptUnfinished(there, func(path string, cp checkpoint) { e.resumed = append(e.resumed, e.follow(path, cp, naming)) })
	}
}

// placeOf tells where to begin with a path that has no checkpoint: nil for its beginning. A file that another source of the
// entry is reading under an older name is not to be read twice.
func (e *Entry) placeOf(path string) (at []position, reading bool) {
	f, err := open(path, 0)
	if err != nil {
		return nil, false
	}
	defer f.close()
	return e.shelf.where(f)
}

// follow makes a source of a path, and has it hold the files that are to be read.
func (e *Entry) follow(path string, cp checkpoint, naming func(path string) cloudwatch.LogStream) *Source {
	stream := naming(path)
	s := &Source{path: path, stream: stream, entry: e, from: cp.From, log: e.log.WithLazy(zap.String("file", path)), leftAt: e.left[path]}
	delete(e.left, path)
	s.mu.Lock()
	if len(cp.Files) > 0 || cp.Left != 0 {
		s.restore(cp)
	} else {
		s.look(time.Now())
	}
	if len(s.files) == 1 && s.files[0].size == s.files[0].offset && !s.files[0].packed {
		s.files[0].ended = true // nothing is to be read
		s.rest()
	}
	s.mu.Unlock()
	e.mu.Lock()
	e.sources[path] = s
	e.mu.Unlock()
	if s.isOpen() {
		s.log.Info("following log file", zap.String("log_group", stream.Group), zap.String("log_stream", stream.Name), zap.Int64("offset", s.offset()))
	}
	return s
}

func (s *Source) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.files) > 0
}

func (s *Source) offset() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) == 0 {
		return 0
	}
	return s.files[0].offset
}

// wants applies the filters: every one of them has to let the event pass.
func (e *Entry) wants(message []byte) bool {
	for _, f := range e.file.Filters {
		if f.Expression.Match(message) != f.Include {
			return false
		}
	}
	return true
}
