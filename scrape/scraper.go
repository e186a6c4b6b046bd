package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
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
