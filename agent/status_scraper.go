package agent

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/tailer"
)

// ScraperLedger is what scrapes Prometheus exporters, and what became of what it has brought.
type ScraperLedger struct {
	Program     string    `json:"program"` // "": it has not been found yet
	PID         int       `json:"pid"`     // 0: it does not run
	Since       time.Time `json:"running_since,omitzero"`
	Starts      int64     `json:"starts"`
	ConfigPath  string    `json:"config_path"`
	LastError   string    `json:"last_error,omitempty"` // that the program spoke of, since it was started
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	LogGroup    string    `json:"log_group"`
	Namespace   string    `json:"namespace"`
	ScrapeCounts
	Received  int64            `json:"documents_received"`
	Accepted  int64            `json:"documents_accepted"`
	Bytes     int64            `json:"bytes_accepted"`
	Stale     int64            `json:"documents_out_of_time"`
	Documents map[string]int64 `json:"documents_refused"` // by reason
	Trouble   *Trouble         `json:"trouble"`           // why it does not run; nil: it does, or was started just now
}

// Down is how many of the targets that are shown could not be scraped.
func (l *ScraperLedger) Down() (n int, first ScrapeTarget) {
	for _, t := range slices.Backward(l.Targets) {
		if !t.Up && !t.Waits() {
			n, first = n+1, t
		}
	}
	return n, first
}

// Waits tells whether nobody has asked the target yet: its first scrape comes within an interval.
func (t ScrapeTarget) Waits() bool { return !t.Up && t.LastError == "" }

func (s *scraper) ledger() tailer.Ledger { return tailer.Ledger{} }

func (s *scraper) show(to *Status) {
	n, t := s.listener.Counts(), s.trouble()
	l := &ScraperLedger{
		ConfigPath: s.settings.ConfigPath, LogGroup: s.settings.LogGroup, Namespace: s.settings.Namespace, ScrapeCounts: s.counts(),
		Received: n.Received, Accepted: n.Accepted, Bytes: n.Bytes, Stale: n.Stale, Documents: n.Refused, Trouble: troubleOf(t, t.Failures > 0),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.Program, l.PID, l.Starts = s.program, s.pid, s.starts
	l.LastError, l.LastErrorAt = s.said.last()
	if s.pid != 0 {
		l.Since = s.since
	}
	to.Prometheus = l
}

// nothingScraped is how long a scraper may have no target: it tells of them every ten seconds.
const nothingScraped = 30 * time.Second

// scraping finds what keeps exporters from being scraped.
func (v *verdict) scraping() {
	l := v.Prometheus
	if l == nil {
		return
	}
	if t := l.Trouble; t != nil {
		v.say(Degraded, t.Since, "nothing is scraped: "+t.Error, "sudo nephoscope check says what is wrong, and the agent's log what the scraper said last. It is tried again all the time")
	}
	if l.PID != 0 && len(l.Targets) == 0 && v.longAgo(l.Since, nothingScraped) {
		said := ""
		if l.LastError != "" {
			said = ": " + l.LastError
		}
		v.say(Degraded, l.Since, "the scraper has no targets"+said, "sudo nephoscope check says what is wrong. What scrapes may read what the agent's user may, and no more")
	}
	if n, first := l.Down(); n > 0 {
		v.say(Degraded, time.Time{}, fmt.Sprintf("%d of %s cannot be scraped, such as %s of job %s: %s", n, count(len(l.Targets), "target", "targets"), first.Instance, first.Job, first.LastError),
			"does the exporter run, and answer under this address? Remove it from "+l.ConfigPath+" if it is gone for good")
	}
}

// scraper writes the series of what scrapes.
func (e *exposition) scraper(l *ScraperLedger) {
	e.put("scraper_running", "gauge", "1 while the program that scrapes runs.", truth(l.PID != 0))
	e.put("scraper_starts_total", "counter", "How often that was started.", float64(l.Starts))
	e.put("scraper_scrapes_total", "counter", "Scrapes of targets.", float64(l.Scrapes))
	e.put("scraper_scrapes_failed_total", "counter", "Scrapes that failed.", float64(l.Failed))
	e.put("scraper_samples_total", "counter", "Samples that were scraped.", float64(l.Samples))
	for _, reason := range slices.Sorted(maps.Keys(l.Dropped)) {
		e.put("scraper_samples_dropped_total", "counter", "Samples that were left out, by reason.", float64(l.Dropped[reason]), "reason", reason)
	}
	for _, reason := range slices.Sorted(maps.Keys(l.Failures)) {
		e.put("scraper_scrapes_failed_by_reason_total", "counter", "Scrapes that failed, by reason.", float64(l.Failures[reason]), "reason", reason)
	}
	e.put("scraper_series", "gauge", "Series whose last values are remembered, for their differences.", float64(l.Series))
	down, _ := l.Down()
	waiting := 0
	for _, t := range l.Targets {
		if t.Waits() {
			waiting++
		}
	}
	e.put("scraper_targets", "gauge", "Targets, 200 at most, by whether the last scrape was well.", float64(len(l.Targets)-down-waiting), "state", "up")
	e.put("scraper_targets", "gauge", "", float64(down), "state", "down")
	e.put("scraper_targets", "gauge", "", float64(waiting), "state", "waiting")
	e.put("scraper_documents_received_total", "counter", "Documents that the scraper has made of samples.", float64(l.Received))
	e.put("scraper_documents_accepted_total", "counter", "Those that were written down, to be delivered.", float64(l.Accepted))
	for _, reason := range slices.Sorted(maps.Keys(l.Documents)) {
		e.put("scraper_documents_refused_total", "counter", "Those that were refused, by reason.", float64(l.Documents[reason]), "reason", reason)
	}
}
