package agent

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	// reportBytes is how long a line of the scraper's may be: its counts have up to 200 targets.
	reportBytes = 1 << 20
	// saidBytes is how much of a line is put into the agent's log, and saidLines how many lines a minute.
	saidBytes, saidLines = 2 << 10, 60
	// saidFields is how many fields of a line.
	saidFields = 12
	// shownTargets is how many targets are shown, and shownRefused how many metrics that there was no room for.
	shownTargets, shownRefused = 200, 5
)

// ScrapeCounts is what the scraper says of its work.
type ScrapeCounts struct {
	Scrapes  int64            `json:"scrapes"`
	Failed   int64            `json:"scrapes_failed"`
	Samples  int64            `json:"samples"`
	Events   int64            `json:"events"`   // documents that it has made of them
	Series   int64            `json:"series"`   // remembered now, of nephoscope.prometheus_series
	Dropped  map[string]int64 `json:"dropped"`  // samples, by reason
	Failures map[string]int64 `json:"failures"` // failed scrapes, by reason
	Refused  []RefusedSeries  `json:"refused"`  // the metrics that there was the least room for, the worst first
	Targets  []ScrapeTarget   `json:"targets"`  // those of the last moment, 200 at most: those first that are down
}

// RefusedSeries is how many values of a metric were left out for want of room for its series.
type RefusedSeries struct {
	Job    string `json:"job"`
	Metric string `json:"metric"`
	Values int64  `json:"values"`
}

// ScrapeTarget is one exporter.
type ScrapeTarget struct {
	Job          string  `json:"job"`
	Instance     string  `json:"instance"`
	Up           bool    `json:"up"`
	LastError    string  `json:"last_error,omitempty"`
	Milliseconds float64 `json:"last_scrape_ms"` // that the last scrape took
	Samples      int64   `json:"samples"`        // of the last scrape
}

// add takes up the counts of a program that has ended; its targets are nobody's any more.
func (c *ScrapeCounts) add(o ScrapeCounts) {
	c.Scrapes, c.Failed, c.Samples, c.Events = c.Scrapes+o.Scrapes, c.Failed+o.Failed, c.Samples+o.Samples, c.Events+o.Events
	c.Dropped, c.Failures = summed(c.Dropped, o.Dropped), summed(c.Failures, o.Failures)
	for _, r := range o.Refused {
		c.refuse(r)
	}
	c.Refused = c.Refused[:min(len(c.Refused), shownRefused)]
}

// refuse adds to what is known of a metric; the worst is first.
func (c *ScrapeCounts) refuse(r RefusedSeries) {
	if i := slices.IndexFunc(c.Refused, func(known RefusedSeries) bool { return known.Job == r.Job && known.Metric == r.Metric }); i >= 0 {
		c.Refused[i].Values += r.Values
	} else {
		c.Refused = append(c.Refused, r)
	}
	slices.SortStableFunc(c.Refused, func(a, b RefusedSeries) int { return cmp.Compare(b.Values, a.Values) })
}

func summed(a, b map[string]int64) map[string]int64 {
	if a == nil {
		a = map[string]int64{}
	}
	for reason, n := range b {
		a[reason] += n
	}
	return a
}

// counts are those of all programs since the task began.
func (s *scraper) counts() (sum ScrapeCounts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum.add(s.before)
	sum.add(s.now)
	sum.Series = s.now.Series
	sum.Targets = append([]ScrapeTarget{}, s.now.Targets...)
	return sum
}

// hear takes what the scraper says until it ends: lines for the log, and counts.
func (s *scraper) hear(from io.Reader) {
	lines := bufio.NewReaderSize(from, 16<<10)
	var line []byte
	for {
		part, err := lines.ReadSlice('\n')
		line = append(line, part[:min(len(part), reportBytes-len(line))]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		s.take(line)
		if line = line[:0]; cap(line) > 64<<10 {
			line = nil
		}
		if err != nil { // it has ended
			return
		}
	}
}

// take takes one line. What is none of ours, such as the trace of a panic, is put into the log as it is.
func (s *scraper) take(line []byte) {
	text := strings.TrimSpace(string(line))
	if text == "" {
		return
	}
	var report map[string]json.RawMessage
	if json.Unmarshal(line, &report) != nil || report["counts"] == nil && report["msg"] == nil {
		s.said.sayRaw(text)
		return
	}
	if report["counts"] != nil {
		var c ScrapeCounts
		if err := json.Unmarshal(report["counts"], &c); err != nil {
			s.said.say(zapcore.WarnLevel, "its counts make no sense: "+err.Error())
			return
		}
		c.bound()
		s.mu.Lock()
		s.now = c
		s.mu.Unlock()
		return
	}
	var msg string
	var level zapcore.Level
	if json.Unmarshal(report["msg"], &msg) != nil || level.UnmarshalText(unquoted(report["level"])) != nil {
		s.said.sayRaw(text)
		return
	}
	s.said.say(min(level, zapcore.ErrorLevel), msg, fieldsOf(report)...)
}

// bound leaves of counts what is shown of them: what others decide on may be long.
func (c *ScrapeCounts) bound() {
	c.Targets = c.Targets[:min(len(c.Targets), shownTargets)]
	for i := range c.Targets {
		t := &c.Targets[i]
		t.Job, t.Instance, t.LastError = shortened(t.Job, 200), shortened(t.Instance, 200), shortened(t.LastError, 500)
	}
	c.Refused = c.Refused[:min(len(c.Refused), shownRefused)]
	for i := range c.Refused {
		r := &c.Refused[i]
		r.Job, r.Metric = shortened(r.Job, 200), shortened(r.Metric, 200)
	}
	boundReasons(c.Dropped)
	boundReasons(c.Failures)
}

func boundReasons(counts map[string]int64) {
	if len(counts) <= saidFields {
		return
	}
	for _, reason := range slices.Sorted(maps.Keys(counts))[saidFields:] {
		if reason != "other" {
			counts["other"] += counts[reason]
			delete(counts, reason)
		}
	}
}

func unquoted(raw json.RawMessage) []byte { return []byte(strings.Trim(string(raw), `"`)) }

// fieldsOf are the fields of a line beside level and msg, by name.
func fieldsOf(report map[string]json.RawMessage) (fields []zap.Field) {
	for _, name := range slices.Sorted(maps.Keys(report)) {
		if name == "level" || name == "msg" || len(fields) == saidFields {
			continue
		}
		var value any
		if json.Unmarshal(report[name], &value) != nil {
			continue
		}
		if text, ok := value.(string); ok {
			value = shortened(text, saidBytes)
		} else if len(report[name]) > saidBytes {
			value = shortened(string(report[name]), saidBytes)
		}
		fields = append(fields, zap.Any(shortened(name, 100), value))
	}
	return fields
}

func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// scraperLog puts what the scraper says into the agent's log, which it cannot fill.
type scraperLog struct {
	log *zap.Logger

	mu     sync.Mutex
	minute time.Time
	lines  int
	left   int64     // lines of this minute that were left out
	raw    bool      // the last line was none of ours: the first of such says most
	bad    string    // the last error that it spoke of
	badAt  time.Time // when
}

func (l *scraperLog) say(level zapcore.Level, text string, fields ...zap.Field) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.raw = false; level >= zapcore.ErrorLevel {
		l.bad, l.badAt = shortened(withFields(text, fields), 500), time.Now()
	}
	l.write(level, text, fields)
}

// sayRaw says what is none of our lines, such as a panic or why the program ends, and what follows on it.
func (l *scraperLog) sayRaw(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.raw {
		l.raw, l.bad, l.badAt = true, shortened(text, 500), time.Now()
	}
	l.write(zapcore.WarnLevel, text, nil)
}

// write is to be called with mu held.
func (l *scraperLog) write(level zapcore.Level, text string, fields []zap.Field) {
	now := time.Now()
	if now.Sub(l.minute) >= time.Minute {
		if l.left > 0 {
			l.log.Warn("scraper: it said more than there is room for", zap.Int64("lines_left_out", l.left))
		}
		l.minute, l.lines, l.left = now, 0, 0
	}
	if l.lines++; l.lines > saidLines {
		l.left++
		return
	}
	l.log.Log(level, "scraper: "+shortened(text, saidBytes), fields...)
}

// withFields is a text with the one field that says more of an error.
func withFields(text string, fields []zap.Field) string {
	for _, f := range fields {
		if f.Key == "error" && f.Type == zapcore.StringType {
			return fmt.Sprintf("%s: %s", text, f.String)
		}
	}
	return text
}

// lastError is the last error that the program spoke of; "": of none.
func (l *scraperLog) lastError() string {
	text, _ := l.last()
	return text
}

func (l *scraperLog) last() (text string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bad, l.badAt
}

// forget begins anew with a program that was started anew.
func (l *scraperLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raw, l.bad, l.badAt = false, "", time.Time{}
}
