package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// Scraper scrapes what a configuration of Prometheus names, and writes documents.
type Scraper struct {
	settings config.Prometheus
	match    *matcher
	log      *slog.Logger
	now      func() time.Time
	running  func() time.Duration // since it began, by a clock that nobody sets
	bodies   bodies
	bound    bound
	totals   *totals
	slots    chan *slot

	writing sync.Mutex
	out     io.Writer
	broken  context.CancelCauseFunc // ends everything when out cannot be written to

	mu      sync.Mutex
	config  *Configuration
	read    *Configuration // the last one that was read, with mistakes or not
	said    string         // why the configuration cannot be read
	jobs    map[*Job]*running
	targets map[identity]*started
	group   sync.WaitGroup
}

// running is a job whose targets are scraped.
type running struct {
	client *client // nil: there is none yet, for its CA cannot be read
	files  discovered
	said   string // the last notes, which are not said again
}

type started struct {
	*target
	stop context.CancelFunc
}

// slot is what one scrape at a time needs to be made documents of. There are two: parsing takes a processor, waiting for targets does not.
type slot struct {
	sheet     *sheet
	documents *documents
	buffer    []byte
}

// New makes a scraper that writes a line for each document. The error is a mistake in the settings.
func New(settings config.Prometheus, out io.Writer, log *slog.Logger) (*Scraper, error) {
	m, err := newMatcher(settings)
	if err != nil {
		return nil, err
	}
	s := &Scraper{settings: settings, match: m, log: log, now: time.Now, out: out, totals: newTotals(), slots: make(chan *slot, 2),
		jobs: map[*Job]*running{}, targets: map[identity]*started{}}
	began := time.Now()
	s.running = func() time.Duration { return time.Since(began) }
	s.bound.most = int64(settings.MaxSeries)
	for range cap(s.slots) {
		s.slots <- &slot{sheet: newSheet(), documents: newDocuments(settings)}
	}
	for _, w := range m.warnings {
		log.Warn(w)
	}
	return s, nil
}

// Run scrapes until ctx is done, which is no error. It goes by the configuration's files: a change is taken up within seconds, one
// with a mistake in it is not.
func (s *Scraper) Run(ctx context.Context) error {
	ctx, s.broken = context.WithCancelCause(ctx)
	defer s.broken(nil)
	defer s.stopAll()
	every := time.NewTicker(look)
	defer every.Stop()
	for {
		s.follow(ctx, s.now())
		if worst, say := s.totals.offender(s.now()); say {
			s.log.Warn("there is no room for further series: their values are dropped, those that are known go on; keep with metric_relabel_configs what you need, or raise nephoscope.prometheus_series",
				"series", s.bound.most, "job", worst.Job, "metric", worst.Metric, "refused", worst.Values)
		}
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		case <-every.C:
		}
	}
}

// Counts is what has been done so far.
func (s *Scraper) Counts() Counts {
	s.mu.Lock()
	all := make([]*target, 0, len(s.targets))
	for _, t := range s.targets {
		all = append(all, t.target)
	}
	s.mu.Unlock()
	return s.totals.snapshot(all, s.bound.used.Load())
}

func (s *Scraper) stopAll() {
	s.mu.Lock()
	for _, t := range s.targets {
		t.stop()
	}
	for _, j := range s.jobs {
		j.close()
	}
	s.mu.Unlock()
	s.group.Wait()
}

// follow takes up what is new in the configuration and in the files of targets.
func (s *Scraper) follow(ctx context.Context, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.look(now) {
		s.settle(ctx)
	}
}

// look reads what is new; the mutex is held.
func (s *Scraper) look(now time.Time) (changed bool) {
	changed = s.reload()
	if s.config == nil {
		return false
	}
	for _, j := range s.config.Jobs {
		of := s.jobs[j]
		if of == nil {
			of, changed = &running{}, true
			s.jobs[j] = of
		}
		if of.client == nil {
			c, err := newClient(j.client)
			if err != nil {
				of.say(s.log, "the job cannot be scraped; it is tried again every few seconds", j, []string{err.Error()})
				continue
			}
			of.client, changed = c, true
		}
		fresh, notes := of.files.look(j, now)
		changed = changed || fresh
		for _, note := range notes {
			s.log.Warn("a file of targets cannot be read; what it said before goes on", "job", j.Name, "error", note)
		}
	}
	return changed
}

// reload reads the configuration if it has changed.
func (s *Scraper) reload() (changed bool) {
	if s.read != nil && !s.read.changed() {
		return false
	}
	c, problems, err := Load(s.settings.ConfigPath)
	if err != nil {
		s.read = nil // it may be readable in a moment
		if text := err.Error(); text != s.said {
			s.said = text
			s.log.Error("the scrape configuration cannot be read; it is looked for again every few seconds", "error", text)
		}
		return false
	}
	s.said, s.read = "", c
	mistakes := false
	for _, p := range problems {
		if p.Warning {
			s.log.Warn(p.Error())
		} else {
			s.log.Error(p.Error())
			mistakes = true
		}
	}
	switch {
	case mistakes && s.config != nil:
		s.log.Error("the scrape configuration has mistakes: what it was before goes on", "file", s.settings.ConfigPath)
		return false
	case mistakes:
		s.log.Error("the scrape configuration has mistakes: jobs with mistakes are left out", "file", s.settings.ConfigPath)
	case s.config != nil:
		s.log.Info("the scrape configuration has changed and is taken up", "file", s.settings.ConfigPath)
		c.keep(s.config)
	}
	s.config = c
	return true
}

// say says each note once, until there are others.
func (of *running) say(log *slog.Logger, text string, j *Job, notes []string) {
	if said := strings.Join(notes, "\n"); said != of.said {
		of.said = said
		for _, note := range notes {
			log.Warn(text, "job", j.Name, "error", note)
		}
	}
}

// identity is what makes two targets one: a job that is as before, and the same labels and address.
type identity struct {
	job *Job
	key string
}

// wanted are all targets as of now; the mutex is held.
func (s *Scraper) wanted() map[identity]*target {
	wanted := map[identity]*target{}
	for _, j := range s.config.Jobs {
		of := s.jobs[j]
		if of == nil || of.client == nil {
			continue
		}
		all, notes := of.files.targets(j, maxTargets-len(wanted))
		if j.targetLimit > 0 && len(all) > j.targetLimit {
			all, notes = nil, append(notes, fmt.Sprintf("there are %d, more than target_limit: %d; none is scraped", len(all), j.targetLimit))
		}
		of.say(s.log, "targets are left out", j, notes)
		for _, t := range all {
			t.client, t.deltas = of.client, newDeltas(&s.bound)
			wanted[identity{j, t.key}] = t
		}
	}
	return wanted
}

// settle starts targets that are new and stops those that are gone.
func (s *Scraper) settle(ctx context.Context) {
	wanted := s.wanted()
	for id, t := range s.targets {
		if wanted[id] == nil {
			t.stop()
			t.client.close() // one connection may be to it; those to the job's other targets are made again
			delete(s.targets, id)
		}
	}
	for id, t := range wanted {
		if s.targets[id] == nil {
			s.start(ctx, id, t)
		}
	}
	for j, of := range s.jobs {
		if !slices.Contains(s.config.Jobs, j) {
			of.close()
			delete(s.jobs, j)
		}
	}
}

func (of *running) close() {
	if of.client != nil {
		of.client.close()
	}
}

// Once scrapes each target once, now. What only grows gives nothing: its difference takes a second scrape.
func (s *Scraper) Once(ctx context.Context) error {
	ctx, s.broken = context.WithCancelCause(ctx)
	defer s.broken(nil)
	s.mu.Lock()
	s.look(s.now())
	if s.config == nil {
		s.mu.Unlock()
		return errors.New(s.said)
	}
	for id, t := range s.wanted() {
		s.targets[id] = &started{t, func() {}}
	}
	all := slices.Collect(maps.Values(s.targets))
	s.mu.Unlock()
	defer s.stopAll()
	turns := make(chan struct{}, 20)
	for _, t := range all {
		turns <- struct{}{}
		s.group.Go(func() {
			s.scrape(ctx, t.target)
			<-turns
		})
	}
	s.group.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return nil
}

func (s *Scraper) start(ctx context.Context, id identity, t *target) {
	ctx, stop := context.WithCancel(ctx)
	s.targets[id] = &started{t, stop}
	s.group.Go(func() {
		defer stop()
		s.repeat(ctx, t)
	})
}

// repeat scrapes one target until it is gone.
func (s *Scraper) repeat(ctx context.Context, t *target) {
	defer t.deltas.close()
	first := time.NewTimer(t.first(time.Now()))
	defer first.Stop()
	select {
	case <-ctx.Done():
		return
	case <-first.C:
	}
	every := time.NewTicker(t.interval)
	defer every.Stop()
	for {
		s.scrape(ctx, t)
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// scrape asks a target once and writes its documents.
func (s *Scraper) scrape(ctx context.Context, t *target) {
	begin := s.now()
	p := &parsing{target: t, match: s.match, now: begin.UnixMilli(), since: s.running().Milliseconds(), count: counter{}, refused: counter{}}
	events, err := s.documents(ctx, t, p)
	if err != nil && ctx.Err() != nil {
		return // it is being stopped: nobody's failure
	}
	if !s.totals.scraped(t, s.now().Sub(begin), p, events, err) {
		return
	}
	if err != nil {
		s.log.Warn("a target cannot be scraped; this is said once until it can", "job", t.job.Name, "instance", t.instance(), "error", err.Error())
	} else {
		s.log.Info("a target can be scraped again", "job", t.job.Name, "instance", t.instance())
	}
}

// documents fetches, parses and writes.
func (s *Scraper) documents(ctx context.Context, t *target, p *parsing) (events int, err error) {
	b, err := func() (*body, error) {
		ctx, cancel := context.WithTimeout(ctx, t.timeout)
		defer cancel()
		return fetch(ctx, t, &s.bodies)
	}()
	if err != nil {
		return 0, err
	}
	defer b.release()
	var with *slot
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case with = <-s.slots:
	}
	defer func() { with.sheet.clear(); s.slots <- with }()
	p.sheet = with.sheet
	if err := p.exposition(b); err != nil {
		return 0, err
	}
	b.release()
	t.deltas.sweep(p.since, t.interval)
	events, err = with.documents.write(p, func(line []byte) error {
		with.buffer = append(with.buffer, line...)
		if len(with.buffer) < 64<<10 {
			return nil
		}
		return s.flush(with)
	})
	err = errors.Join(err, s.flush(with))
	return events, err
}

// flush writes whole lines; it waits as long as the reader does.
func (s *Scraper) flush(with *slot) error {
	if len(with.buffer) == 0 {
		return nil
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err := s.out.Write(with.buffer)
	with.buffer = with.buffer[:0]
	if err != nil {
		err = fmt.Errorf("write documents: %w", err)
		if s.broken != nil {
			s.broken(err)
		}
	}
	return err
}
