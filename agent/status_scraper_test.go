package agent

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// scraped is a status with a scraper and what it has brought.
func scraped(s *Status) {
	s.Prometheus = &ScraperLedger{
		Program: "/usr/bin/nephoscope-prometheus", PID: 7, Since: noon.Add(-time.Hour), Starts: 2, ConfigPath: "/p.yaml", Received: 9, Accepted: 8,
		Documents: map[string]int64{"not_emf": 1},
		ScrapeCounts: ScrapeCounts{Scrapes: 5, Failed: 1, Samples: 300, Series: 42, Dropped: map[string]int64{"no_delta_yet": 4},
			Failures: map[string]int64{"status": 1}, Refused: []RefusedSeries{{Job: "web", Metric: "hits", Values: 7}},
			Targets: []ScrapeTarget{{Job: "web", Instance: "a:1", Up: true}, {Job: "web", Instance: "b:1", Up: true}}},
	}
}

func TestNumbersOfTheScraperForPrometheus(t *testing.T) {
	got := exposed(t, new(labels).prometheus(judged(scraped)))
	for key, want := range map[string]string{
		`nephoscope_scraper_running{}`:                                       "1",
		`nephoscope_scraper_starts_total{}`:                                  "2",
		`nephoscope_scraper_samples_dropped_total{reason="no_delta_yet"}`:    "4",
		`nephoscope_scraper_targets{state="up"}`:                             "2",
		`nephoscope_scraper_scrapes_failed_by_reason_total{reason="status"}`: "1",
		`nephoscope_scraper_series{}`:                                        "42",
		`nephoscope_scraper_targets{state="down"}`:                           "0",
		`nephoscope_scraper_targets{state="waiting"}`:                        "0",
		`nephoscope_scraper_documents_accepted_total{}`:                      "8",
		`nephoscope_scraper_documents_refused_total{reason="not_emf"}`:       "1",
	} {
		if got[key] != want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
}

func TestWhatIsNotScrapedIsAReason(t *testing.T) {
	f := func(change func(*ScraperLedger), want string) {
		t.Helper()
		s := judged(func(s *Status) { scraped(s); change(s.Prometheus) })
		if want == "" && s.Health == OK {
			return
		}
		if len(s.Reasons) != 1 || s.Health != Degraded || !strings.Contains(s.Reasons[0].What, want) || s.Reasons[0].Hint == "" {
			t.Errorf("got %s, %+v, want %q", s.Health, s.Reasons, want)
		}
	}
	f(func(l *ScraperLedger) {}, "")
	f(func(l *ScraperLedger) { l.Trouble = &Trouble{Error: "it is not installed"} }, "nothing is scraped: it is not installed")
	f(func(l *ScraperLedger) { l.Targets[1].Up, l.Targets[1].LastError = false, "refused" }, "1 of 2 targets cannot be scraped, such as b:1 of job web: refused")
	f(func(l *ScraperLedger) { l.Targets, l.LastError = nil, "mistakes" }, "the scraper has no targets: mistakes")
	f(func(l *ScraperLedger) { l.Targets, l.Since = nil, noon }, "") // it was started just now
	f(func(l *ScraperLedger) { l.Documents = map[string]int64{"spool_full": 3} }, "3 documents of scraped samples were refused")
	f(func(l *ScraperLedger) { l.Targets[1].Up = false }, "") // nobody has asked it yet
	f(func(l *ScraperLedger) { l.Documents = map[string]int64{"many_streams": 2, "disk": 1} }, "3 documents of scraped samples were refused")
	f(func(l *ScraperLedger) { l.Dropped = map[string]int64{"series_bound": 3} }, "3 scraped samples were left out")
	f(func(l *ScraperLedger) { l.Dropped, l.Refused = map[string]int64{"series_bound": 3}, nil }, "3 scraped samples were left out")
	s := judged(func(s *Status) { scraped(s); s.Prometheus.Dropped = map[string]int64{"series_bound": 3} })
	if !strings.Contains(s.Reasons[0].Hint, "most are of the metric hits of job web") {
		t.Errorf("%+v", s.Reasons)
	}
}

// Of a scraper that ends, the first line that is none of ours says why, and what it said of others before does not.
func TestReasonOfAScrapersEnd(t *testing.T) {
	log, _ := logged()
	f := func(want string, lines ...string) {
		t.Helper()
		s := &scraper{said: scraperLog{log: log}}
		for _, line := range lines {
			s.take([]byte(line))
		}
		if got := s.said.lastError(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("")
	f("", `{"level":"warn","msg":"a target is down"}`)
	f("cannot read: denied", `{"level":"error","msg":"cannot read","error":"denied"}`, `{"level":"info","msg":"goes on"}`)
	f("panic: oh", `{"level":"error","msg":"before"}`, "panic: oh", "", "goroutine 1 [running]:")
	f("nephoscope-prometheus: run: broken", `{"counts":{"scrapes":1}}`, "nephoscope-prometheus: run: broken")
}

func TestCountsOfTheScraperAreBounded(t *testing.T) {
	c := ScrapeCounts{Dropped: map[string]int64{"zzz": 1, "other": 1}, Failures: map[string]int64{}}
	for n := range 300 {
		c.Failures[strings.Repeat("f", n)] = 1
		c.Refused = append(c.Refused, RefusedSeries{Job: strings.Repeat("j", 10_000), Metric: strings.Repeat("m", 10_000)})
		c.Targets = append(c.Targets, ScrapeTarget{Job: strings.Repeat("j", 10_000), LastError: strings.Repeat("ä", 10_000)})
		c.Dropped[strings.Repeat("r", n+1)] = 1
	}
	c.bound()
	sum := int64(0)
	for _, n := range c.Dropped {
		sum += n
	}
	if len(c.Failures) > saidFields+1 || len(c.Refused) != shownRefused || len(c.Refused[0].Metric) > 210 {
		t.Errorf("%d reasons of failures, %d refused", len(c.Failures), len(c.Refused))
	}
	if len(c.Targets) != shownTargets || len(c.Targets[0].LastError) > 510 || len(c.Targets[0].Job) > 210 || len(c.Dropped) > saidFields+1 || sum != 302 {
		t.Errorf("%d targets, %d reasons, %d in all", len(c.Targets), len(c.Dropped), sum)
	}
}

// What a scraper has said is summed up with what the one before it had said; what is remembered and scraped now is its own alone.
func TestCountsOfTheScraperThatIsStartedAnew(t *testing.T) {
	log, _ := logged()
	s := &scraper{said: scraperLog{log: log}}
	const line = `{"counts":{"scrapes":2,"scrapes_failed":1,"series":5,"dropped":{"type":1},"failures":{"status":1},"refused":[{"job":"a","metric":"x","values":2},{"job":"a","metric":"y","values":1}],"targets":[]}}`
	s.take([]byte(line))
	s.before.add(s.now)
	s.take([]byte(strings.Replace(line, `"metric":"y","values":1`, `"metric":"z","values":9`, 1)))
	c := s.counts()
	want := []RefusedSeries{{"a", "z", 9}, {"a", "x", 4}, {"a", "y", 1}}
	if c.Scrapes != 4 || c.Series != 5 || c.Failures["status"] != 2 || c.Dropped["type"] != 2 || !slices.Equal(c.Refused, want) {
		t.Errorf("%+v", c)
	}
}
