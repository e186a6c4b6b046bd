package scrape

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Counts is what a scraper has done since it began.
type Counts struct {
	Scrapes uint64            `json:"scrapes"`
	Failed  uint64            `json:"scrapes_failed"`
	Samples uint64            `json:"samples"` // read, after metric_relabel_configs
	Events  uint64            `json:"events"`
	Series  int64             `json:"series"` // remembered now
	Dropped map[string]uint64 `json:"dropped"`
	// Failures are failed scrapes, by reason.
	Failures map[string]uint64 `json:"failures,omitempty"`
	// Refused are the metrics with the most series that there was no room for.
	Refused []Refused `json:"refused,omitempty"`
	// Targets are at most 200: those that are down first.
	Targets []TargetCounts `json:"targets"`
}

// Refused is how often values of a metric were refused for want of room for its series.
type Refused struct {
	Job    string `json:"job"`
	Metric string `json:"metric"`
	Values uint64 `json:"values"`
}

// TargetCounts is what is known of one target.
type TargetCounts struct {
	Job          string `json:"job"`
	Instance     string `json:"instance"`
	Up           bool   `json:"up"`
	LastError    string `json:"last_error,omitempty"`
	LastScrapeMS int64  `json:"last_scrape_ms"` // how long it took
	Samples      uint64 `json:"samples"`        // of the last scrape
}

// rank puts targets that are down before those that nobody has asked yet, and those before targets that are up.
func (t TargetCounts) rank() int {
	switch {
	case t.LastError != "":
		return 0
	case !t.Up:
		return 1
	}
	return 2
}

// maxListed bounds the targets in Counts.
const maxListed = 200

// state is what is known of a target; its scraper's mutex guards it.
type state struct {
	counts TargetCounts
	asked  bool
}

// totals are a scraper's counts.
type totals struct {
	mu       sync.Mutex
	counts   Counts
	refused  map[[2]string]uint64
	since    time.Time // when refusals were last said
	lastSaid uint64
}

func newTotals() *totals {
	return &totals{counts: Counts{Dropped: map[string]uint64{}, Failures: map[string]uint64{}}, refused: map[[2]string]uint64{}}
}

// scraped adds one scrape; said tells whether the target has gone down or come up again.
func (a *totals) scraped(t *target, took time.Duration, p *parsing, events int, err error) (said bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts.Scrapes++
	of := &t.state.counts
	of.Job, of.Instance, of.LastScrapeMS = t.job.Name, t.instance(), took.Milliseconds()
	was := of.Up || !t.state.asked
	of.Up, t.state.asked, of.LastError = err == nil, true, ""
	if err != nil {
		of.LastError = err.Error()
		a.counts.Failed++
		a.counts.Failures[reasonOf(err)]++
		return was
	}
	of.Samples = uint64(p.taken)
	a.counts.Samples += uint64(p.taken)
	a.counts.Events += uint64(events)
	for reason, n := range p.count {
		a.counts.Dropped[reason] += n
	}
	a.refuse(t.job.Name, p.refused)
	return !was
}

func reasonOf(err error) string {
	if f, ok := err.(*failure); ok { //nolint:errorlint // it is the outermost
		return f.reason
	}
	return failedRequest
}

// maxOffenders bounds what is known of refused series.
const maxOffenders = 100

// refuse adds what a scrape was refused. Metrics that are new take the places of those with less, the worst first. The mutex is held.
func (a *totals) refuse(job string, by counter) {
	fresh := []string{}
	for metric, n := range by {
		if key := [2]string{job, metric}; a.refused[key] > 0 {
			a.refused[key] += n
		} else {
			fresh = append(fresh, metric)
		}
	}
	slices.SortFunc(fresh, func(a, b string) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
	for _, metric := range fresh[:min(len(fresh), maxOffenders)] {
		if len(a.refused) == maxOffenders {
			least := slices.MinFunc(slices.Collect(maps.Keys(a.refused)), func(x, y [2]string) int { return cmp.Compare(a.refused[x], a.refused[y]) })
			if a.refused[least] >= by[metric] {
				return
			}
			delete(a.refused, least)
		}
		a.refused[[2]string{job, metric}] = by[metric]
	}
}

// offenders are the worst first; the mutex is held.
func (a *totals) offenders() (all []Refused) {
	for key, n := range a.refused {
		all = append(all, Refused{key[0], key[1], n})
	}
	slices.SortFunc(all, func(a, b Refused) int {
		return cmp.Or(cmp.Compare(b.Values, a.Values), cmp.Compare(a.Job, b.Job), cmp.Compare(a.Metric, b.Metric))
	})
	return all[:min(len(all), 5)]
}

// offender is the worst one, if there are new ones and it is time to say so.
func (a *totals) offender(now time.Time) (worst Refused, say bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.counts.Dropped[droppedSeries]
	if all == a.lastSaid || !a.since.IsZero() && now.Sub(a.since) < 10*time.Minute || len(a.refused) == 0 {
		return Refused{}, false
	}
	a.lastSaid, a.since = all, now
	return a.offenders()[0], true
}

// snapshot is a copy.
func (a *totals) snapshot(targets []*target, series int64) Counts {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.counts
	c.Series, c.Dropped, c.Failures, c.Refused = series, maps.Clone(c.Dropped), maps.Clone(c.Failures), a.offenders()
	c.Targets = []TargetCounts{}
	for _, t := range targets {
		of := t.state.counts
		of.Job, of.Instance = t.job.Name, t.instance()
		c.Targets = append(c.Targets, of)
	}
	slices.SortFunc(c.Targets, func(a, b TargetCounts) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Job, b.Job), cmp.Compare(a.Instance, b.Instance))
	})
	c.Targets = c.Targets[:min(len(c.Targets), maxListed)]
	return c
}
