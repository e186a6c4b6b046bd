package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/output"
)

// tableWidth is how wide a terminal may be counted on to be.
const tableWidth = 100

// statusTable is a status for people.
type statusTable struct {
	w   io.Writer
	s   agent.Status
	now time.Time
}

func (t *statusTable) print() {
	s := t.s
	t.line("nephoscope %s, pid %d, up %s, mode %s, region %s", s.Version, s.PID, span(time.Duration(s.Uptime)*time.Second), s.Mode, cmp.Or(s.Region, "not known yet"))
	t.line("state %s, configuration %s", s.StateFolder, strings.Join(s.ConfigFiles, " "))
	t.configuration()
	t.line("health: %s", s.Health)
	for _, r := range s.Reasons {
		since := ""
		if !r.Since.IsZero() {
			since = " (for " + t.ago(r.Since) + ")"
		}
		t.wrapped("  - ", r.What+since)
		t.wrapped("    → ", r.Hint)
	}
	t.files()
	t.metrics()
	t.scraper()
	t.emf()
}

// configuration says whether what runs is what the operator has written.
func (t *statusTable) configuration() {
	c := t.s.Configuration
	if c.OnDisk == "" {
		return // an agent that does not tell
	}
	said := fmt.Sprintf("applied %s ago, log level %s", t.ago(c.Applied), c.LogLevel)
	switch {
	case c.LastGood && c.OnDisk != agent.Runs:
		said += "; an earlier one, as what is on disk has mistakes"
	case c.OnDisk == agent.Differs && c.Refused != "":
		said += "; what is on disk was refused"
	case c.OnDisk == agent.Differs:
		said += "; changed on disk since, and waits for a reload"
	case c.OnDisk == agent.Unreadable:
		said += "; what is on disk cannot be read by the agent"
	}
	t.wrapped("", said)
	if c.Restart != "" {
		t.wrapped("restart needed: ", c.Restart)
	}
}

// line prints what an agent said: of a file's name or an error's text, nothing that a terminal would obey.
func (t *statusTable) line(format string, args ...any) {
	fmt.Fprintln(t.w, strings.TrimRight(output.Printable(fmt.Sprintf(format, args...)), " "))
}

// wrapped prints a text in lines; those after the first are indented as deep as the first one's start.
func (t *statusTable) wrapped(start, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(start))
	line := start
	for i, word := range strings.Fields(text) {
		if i > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > tableWidth {
			t.line("%s", line)
			line = indent
		} else if i > 0 {
			line += " "
		}
		line += word
	}
	t.line("%s", line)
}

const fileColumns = " %9s %9s %9s %6s %9s %9s"

func (t *statusTable) files() {
	s := t.s
	if s.Files == 0 {
		t.line("")
		t.line("no log files are followed")
		t.absent()
		t.total()
		return
	}
	wide := tableWidth - utf8.RuneCountInString(fmt.Sprintf(fileColumns, "", "", "", "", "", ""))
	used := utf8.RuneCountInString("LOG FILE → GROUP/STREAM")
	names := make([]string, len(s.Logs))
	for i, f := range s.Logs {
		names[i] = shorten(f.Path, f.Group+"/"+f.Stream, wide)
		used = max(used, utf8.RuneCountInString(names[i]))
	}
	row := func(name string, cells ...any) {
		t.line("%s%s"+fileColumns, append([]any{name, strings.Repeat(" ", used-utf8.RuneCountInString(name))}, cells...)...)
	}
	t.line("")
	row("LOG FILE → GROUP/STREAM", "SENT", "PENDING", "LAG", "FOR", "LOST", "LAST ACK")
	for i, f := range s.Logs {
		row(names[i], size(f.Sent.Bytes), size(f.Pending.Bytes), size(f.LagBytes), t.ago(f.LagSince), lostOf(f.Lost.Bytes(), f.Lost.Files), t.ago(f.Acknowledged))
	}
	if more := s.Files - len(s.Logs); more > 0 {
		t.line("and %d more, less far behind (--all lists them)", more)
	}
	t.absent()
	t.total()
}

// absent names what was configured and is not there: it may come, or be misspelt.
func (t *statusTable) absent() {
	for _, path := range t.s.Absent {
		t.line("%s", "no file yet: "+output.Printable(path))
	}
}

// total is the line under the files: everything that was read, and what became of it.
func (t *statusTable) total() {
	l := t.s.Total
	if l.Read.Bytes == 0 {
		return
	}
	rejected := l.Rejected.Sum()
	t.wrapped("", fmt.Sprintf("all: %d events read = %d sent + %d filtered + %d blank + %d rejected + %d pending", l.Read.Events, l.Sent.Events, l.Filtered.Events,
		l.Blank.Events, rejected.Events, l.Pending.Events))
	t.line("     %s read, %s lost, %s pending", size(l.Read.Bytes), lostOf(l.Lost.Bytes(), l.Lost.Files), size(l.Pending.Bytes))
}

func (t *statusTable) metrics() {
	m := t.s.Metrics
	if m == nil {
		t.line("")
		t.line("no metrics are collected")
		return
	}
	acknowledged := "never"
	if !m.Acknowledged.IsZero() {
		acknowledged = t.ago(m.Acknowledged) + " ago"
	}
	t.line("")
	t.line("METRICS → %s", m.Namespace)
	t.wrapped("", "all: "+dataLedger(m.DataLedger))
	t.line("last acknowledged %s; %s that no request may hold", acknowledged, output.Count(int(m.Refused), "value", "values"))
	t.line("spool: %s, %s; %d given up", output.Count(m.Spooled, "batch", "batches"), size(m.SpooledBytes), m.Dropped)
	t.series()
	wide := 12
	for _, c := range m.Collectors {
		wide = max(wide, min(utf8.RuneCountInString(c.Name), 28))
	}
	t.line("%-*s %8s %8s %9s %7s %7s %7s %6s %6s", wide, "COLLECTOR", "EVERY", "LAST RUN", "LAST DATA", "TOOK", "LONGEST", "DATA", "MISSED", "ERRORS")
	for _, c := range m.Collectors {
		t.line("%-*s %8s %8s %9s %7s %7s %7d %6d %6d", wide, tail(c.Name, wide), span(time.Duration(c.Interval)*time.Second), t.ago(c.LastRun), t.ago(c.LastData),
			brief(c.LastSeconds), brief(c.MaxSeconds), c.Data, c.Missed, c.Errors)
	}
	t.listeners(m.Listeners)
}

// listeners are what others send, and under each why something of it was dropped.
func (t *statusTable) listeners(all []agent.ListenerLedger) {
	if len(all) == 0 {
		return
	}
	t.line("%-12s %11s %11s %11s %9s %8s", "LISTENER", "DATAGRAMS", "VALUES", "MALFORMED", "DROPPED", "SERIES")
	for _, l := range all {
		t.line("%-12s %11d %11d %11d %9d %8d", l.Name, l.Received, l.Parsed, l.Malformed, l.Lost(), l.Series)
		for _, reason := range slices.Sorted(maps.Keys(l.Dropped)) {
			t.line("  dropped: %d %s", l.Dropped[reason], strings.ReplaceAll(reason, "_", " "))
		}
	}
}

// dataLedger is what became of all data; of what there is seldom, only what there is.
func dataLedger(l agent.DataLedger) string {
	text := fmt.Sprintf("%d data collected", l.Collected)
	seldom := func(amount int64, format string) {
		if amount != 0 {
			text += fmt.Sprintf(format, amount)
		}
	}
	seldom(l.Inherited, " + %d found in the spool")
	seldom(l.Added, " + %d roll-ups and parts")
	text += fmt.Sprintf(" = %d sent + %d pending", l.Sent, l.Gathered+l.SpooledData)
	seldom(l.Merged, " + %d merged into others")
	seldom(l.Originals, " + %d dropped originals")
	text += fmt.Sprintf(" + %d over the series budget + %d invalid", l.OverBudget, l.Invalid)
	seldom(l.Empty, " + %d without a value")
	seldom(l.GivenUp+l.Lost, " + %d given up")
	return text
}

// series tells how the series budget stands, and who brings too many.
func (t *statusTable) series() {
	l := t.s.Metrics.Series
	if l.Budget == 0 {
		t.line("series: no budget")
		return
	}
	t.line("series: %d of a budget of %d", l.Known, l.Budget)
	for _, p := range l.Plugins {
		if said := p.Offence(); said != "" {
			t.wrapped("  ! ", said)
		}
	}
}

// brief is a short duration of seconds.
func brief(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d <= 0:
		return "-"
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", max(d.Microseconds(), 1))
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return span(d)
}

// shorten puts a path and where it goes into so many columns: their ends tell more than their beginnings.
func shorten(path, stream string, wide int) string {
	const arrow = " → "
	room := wide - utf8.RuneCountInString(arrow)
	p, s := utf8.RuneCountInString(path), utf8.RuneCountInString(stream)
	if p+s > room {
		if most := room / 2; p > most && s > most {
			p, s = most, room-most
		} else if p > most {
			p = room - s
		} else {
			s = room - p
		}
	}
	return tail(path, p) + arrow + tail(stream, s)
}

// tail is the last n characters.
func tail(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return "…" + string(runes[len(runes)-n+1:])
}

func lostOf(bytes, files int64) string {
	if files > 0 {
		return fmt.Sprintf("%s+%df", size(bytes), files)
	}
	return size(bytes)
}

// size is bytes as people read them.
func size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB"} {
		if v /= 1000; v < 999.5 {
			return fmt.Sprintf("%.3g %s", v, unit)
		}
	}
	return fmt.Sprintf("%.0f PB", v/1000)
}

// ago is how long something lies back; "-" for never.
func (t *statusTable) ago(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return span(t.now.Sub(at))
}

// span is a duration in its two largest units.
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}
