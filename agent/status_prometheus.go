package agent

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/tailer"
)

// labelled is how many files have series of their own; all others share those of path="other".
const labelled = 200

// labels remembers which files have series of their own: one that has them keeps them while it is followed, so that no
// counter moves from one series to another.
type labels struct {
	mu   sync.Mutex
	have map[fileName]bool
}

type fileName struct{ path, group, stream string }

// column is one number of a ledger.
type column struct {
	name, kind, help string
	reason           string // a label, "": none
	of               func(tailer.Ledger) float64
}

func columns() []column {
	counter := func(name, reason, help string, of func(tailer.Ledger) int64) column {
		return column{name, "counter", help, reason, func(l tailer.Ledger) float64 { return float64(of(l)) }}
	}
	gauge := func(name, help string, of func(tailer.Ledger) float64) column {
		return column{name, "gauge", help, "", of}
	}
	const refused, lost = "Log events that the service refused, by reason.", "Bytes of log files that will never be sent, by reason."
	return []column{
		counter("sent_events_total", "", "Log events acknowledged by the service.", func(l tailer.Ledger) int64 { return l.Sent.Events }),
		counter("sent_bytes_total", "", "Bytes of log files acknowledged by the service.", func(l tailer.Ledger) int64 { return l.Sent.Bytes }),
		counter("filtered_events_total", "", "Log events that a filter left out.", func(l tailer.Ledger) int64 { return l.Filtered.Events }),
		counter("filtered_bytes_total", "", "Bytes of log files that a filter left out.", func(l tailer.Ledger) int64 { return l.Filtered.Bytes }),
		counter("blank_lines_total", "", "Blank lines, which the service does not take.", func(l tailer.Ledger) int64 { return l.Blank.Events }),
		counter("rejected_events_total", "too_new", refused, func(l tailer.Ledger) int64 { return l.Rejected.TooNew.Events }),
		counter("rejected_events_total", "too_old", refused, func(l tailer.Ledger) int64 { return l.Rejected.TooOld.Events }),
		counter("rejected_events_total", "expired", refused, func(l tailer.Ledger) int64 { return l.Rejected.Expired.Events }),
		counter("rejected_events_total", "invalid", refused, func(l tailer.Ledger) int64 { return l.Rejected.Invalid.Events }),
		counter("lost_bytes_total", "truncated", lost, func(l tailer.Ledger) int64 { return l.Lost.Truncated }),
		counter("lost_bytes_total", "unreadable", lost, func(l tailer.Ledger) int64 { return l.Lost.Unreadable }),
		counter("lost_bytes_total", "evicted", lost, func(l tailer.Ledger) int64 { return l.Lost.Evicted }),
		counter("lost_files_total", "", "Files that were gone before an earlier run had read them to their end.", func(l tailer.Ledger) int64 { return l.Lost.Files }),
		gauge("pending_events", "Log events read and not acknowledged.", func(l tailer.Ledger) float64 { return float64(l.Pending.Events) }),
		gauge("lag_bytes", "Bytes written and not acknowledged.", func(l tailer.Ledger) float64 { return float64(l.LagBytes) }),
		gauge("lag_since_timestamp_seconds", "When the oldest of the lag was found; 0: there is none.", func(l tailer.Ledger) float64 { return unix(l.LagSince) }),
		gauge("last_acknowledged_timestamp_seconds", "When something was last acknowledged; 0: never.", func(l tailer.Ledger) float64 { return unix(l.Acknowledged) }),
	}
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// exposition is text in Prometheus' format (prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4). All series
// of a name have to follow its HELP and TYPE.
type exposition struct {
	bytes.Buffer
	last string
}

// put writes a series; labels are names and values in turn.
func (e *exposition) put(name, kind, help string, value float64, labels ...string) {
	name = "nephoscope_" + name
	if name != e.last {
		e.last = name
		fmt.Fprintf(e, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	}
	e.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		e.WriteByte("{,"[min(i, 1)])
		e.WriteString(labels[i] + `="` + escapeLabel(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		e.WriteByte('}')
	}
	e.WriteByte(' ')
	e.WriteString(strconv.FormatFloat(value, 'f', -1, 64))
	e.WriteByte('\n')
}

func escapeLabel(v string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(v, "\ufffd"))
}

// prometheus is a status as series.
func (n *labels) prometheus(s Status) []byte {
	e := &exposition{}
	e.put("build_info", "gauge", "Which agent this is.", 1, "version", s.Version, "commit", s.Commit)
	for _, h := range []Health{OK, Degraded, Failing} {
		e.put("health", "gauge", "1 for the state that the agent is in.", truth(h == s.Health), "state", string(h))
	}
	e.put("start_time_seconds", "gauge", "When the agent was started.", unix(s.Started))
	e.put("resident_memory_bytes", "gauge", "Resident memory; 0 where that is not known.", float64(s.Memory.Resident))
	e.put("heap_bytes", "gauge", "Objects on the heap.", float64(s.Memory.Heap))
	e.put("log_files", "gauge", "Log files that are followed.", float64(s.Files))
	for _, c := range columns() {
		e.put("logs_"+c.name, c.kind, c.help+" Of all files together.", c.of(s.Total), c.labels()...)
	}
	n.files(e, slices.DeleteFunc(slices.Clone(s.Logs), func(f LogFile) bool { return f.passing }))
	if s.Events != nil {
		e.events(s.Events)
	}
	if s.EMF != nil {
		e.emf(s.EMF)
	}
	if s.Prometheus != nil {
		e.scraper(s.Prometheus)
	}
	if s.Metrics != nil {
		e.metrics(s.Metrics)
	}
	return e.Bytes()
}

func (c column) labels() []string {
	if c.reason == "" {
		return nil
	}
	return []string{"reason", c.reason}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// files writes the series of single files.
func (n *labels) files(e *exposition, logs []LogFile) {
	own, other := n.choose(logs)
	names := make([]fileName, 0, len(own))
	for name := range own {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b fileName) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.group, b.group), cmp.Compare(a.stream, b.stream))
	})
	name := func(f fileName, more ...string) []string {
		return append([]string{"path", f.path, "log_group", f.group, "log_stream", f.stream}, more...)
	}
	for _, c := range columns() {
		for _, f := range names {
			e.put("log_file_"+c.name, c.kind, c.help, c.of(own[f].Ledger), name(f, c.labels()...)...)
		}
		if other.Path != "" {
			e.put("log_file_"+c.name, c.kind, c.help, c.of(other.Ledger), name(fileName{path: other.Path}, c.labels()...)...)
		}
	}
	for _, f := range names {
		e.put("log_file_trouble", "gauge", "1 while the service does not take the file's events.", truth(own[f].Trouble != nil), name(f)...)
	}
	if other.Path != "" {
		e.put("log_file_trouble", "gauge", "1 while the service does not take the file's events.", truth(other.Trouble != nil), name(fileName{path: other.Path})...)
	}
}

// choose tells which files have series of their own, and sums the rest; its Path is "" if there is none. Two entries may
// follow one file into one stream: they share.
func (n *labels) choose(logs []LogFile) (own map[fileName]LogFile, other LogFile) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := map[fileName]LogFile{}
	for _, f := range logs {
		name := fileName{f.Path, f.Group, f.Stream}
		sum := all[name]
		sum.Ledger.Add(f.Ledger)
		if f.Trouble != nil {
			sum.Trouble = f.Trouble
		}
		all[name] = sum
	}
	own = map[fileName]LogFile{}
	for name := range n.have {
		if f, followed := all[name]; followed {
			own[name] = f
		}
	}
	for _, f := range logs { // by path
		if name := (fileName{f.Path, f.Group, f.Stream}); len(own) < labelled {
			own[name] = all[name]
		}
	}
	n.have = map[fileName]bool{}
	for name := range own {
		n.have[name] = true
	}
	for name, f := range all {
		if !n.have[name] {
			other.Path = "other"
			other.Ledger.Add(f.Ledger)
			if f.Trouble != nil {
				other.Trouble = f.Trouble
			}
		}
	}
	return own, other
}

func (e *exposition) metrics(m *MetricsLedger) {
	e.put("metrics_data_sent_total", "counter", "Data acknowledged by the service.", float64(m.Sent))
	e.put("metrics_data_collected_total", "counter", "Data that collectors brought.", float64(m.Collected))
	e.put("metrics_data_over_budget_total", "counter", "Data refused because their series are too many.", float64(m.OverBudget))
	e.put("metrics_data_given_up_total", "counter", "Data in batches that were given up, and such as nobody took.", float64(m.GivenUp+m.Lost))
	e.put("metrics_data_pending", "gauge", "Data that wait to be sent.", float64(m.Gathered+m.SpooledData))
	e.put("metrics_data_refused_total", "counter", "Values that no request may hold.", float64(m.Refused))
	e.put("metrics_data_invalid_total", "counter", "Data that the service called invalid.", float64(m.Invalid))
	e.put("metrics_batches_dropped_total", "counter", "Batches that the spool gave up.", float64(m.Dropped))
	e.put("metrics_spool_batches", "gauge", "Batches that wait to be sent.", float64(m.Spooled))
	e.put("metrics_spool_bytes", "gauge", "Bytes that wait to be sent.", float64(m.SpooledBytes))
	e.put("metrics_spool_oldest_timestamp_seconds", "gauge", "When the oldest waiting batch was made; 0: none waits.", unix(m.Oldest))
	e.put("metrics_last_acknowledged_timestamp_seconds", "gauge", "When data were last acknowledged; 0: never.", unix(m.Acknowledged))
	e.put("metrics_trouble", "gauge", "1 while the service does not take metrics.", truth(m.Trouble != nil))
	e.put("metrics_series_budget", "gauge", "How many series may be sent; 0: any number.", float64(m.Series.Budget))
	e.put("metrics_series_known", "gauge", "Series that were sent within the last three hours; 0 without a budget.", float64(m.Series.Known))
	for _, p := range m.Series.Plugins {
		e.put("metrics_series_plugin_known", "gauge", "The same, by plugin.", float64(p.Known), "plugin", p.Name)
	}
	for _, p := range m.Series.Plugins {
		e.put("metrics_series_plugin_refused", "gauge", "About how many series of a plugin were refused within the last three hours.", float64(p.RefusedSeries), "plugin", p.Name)
	}
	for _, p := range m.Series.Plugins {
		e.put("metrics_series_plugin_refused_data_total", "counter", "Data of a plugin that were refused because their series are too many.", float64(p.RefusedData), "plugin", p.Name)
	}
	collector := func(name, kind, help string, of func(CollectorLedger) float64) {
		for _, c := range m.Collectors {
			e.put("collector_"+name, kind, help, of(c), "collector", c.Name)
		}
	}
	collector("runs_total", "counter", "Runs of a collector that came back.", func(c CollectorLedger) float64 { return float64(c.Runs) })
	collector("missed_total", "counter", "Moments of its interval that passed while a collector was still at work.", func(c CollectorLedger) float64 { return float64(c.Missed) })
	collector("data_total", "counter", "Data that a collector brought.", func(c CollectorLedger) float64 { return float64(c.Data) })
	collector("last_run_seconds", "gauge", "What its last run took.", func(c CollectorLedger) float64 { return c.LastSeconds })
	collector("longest_run_seconds", "gauge", "What its longest run took.", func(c CollectorLedger) float64 { return c.MaxSeconds })
	for _, c := range m.Collectors {
		e.put("collector_errors_total", "counter", "Runs of a collector that reported an error.", float64(c.Errors), "collector", c.Name)
	}
	for _, c := range m.Collectors {
		e.put("collector_last_data_timestamp_seconds", "gauge", "When a collector last had something; 0: never.", unix(c.LastData), "collector", c.Name)
	}
	e.listeners(m.Listeners)
}

func (e *exposition) listeners(all []ListenerLedger) {
	put := func(name, kind, help string, of func(ListenerLedger) float64) {
		for _, l := range all {
			e.put("listener_"+name, kind, help, of(l), "listener", l.Name)
		}
	}
	put("datagrams_total", "counter", "Datagrams that were received.", func(l ListenerLedger) float64 { return float64(l.Received) })
	put("values_total", "counter", "Values that were taken.", func(l ListenerLedger) float64 { return float64(l.Parsed) })
	put("malformed_total", "counter", "Lines or datagrams that made no sense.", func(l ListenerLedger) float64 { return float64(l.Malformed) })
	put("series", "gauge", "Series that are summed up.", func(l ListenerLedger) float64 { return float64(l.Series) })
	put("trouble", "gauge", "1 while it cannot listen.", func(l ListenerLedger) float64 { return truth(l.Trouble != nil) })
	for _, l := range all {
		for _, reason := range slices.Sorted(maps.Keys(l.Dropped)) {
			e.put("listener_dropped_total", "counter", "What was dropped, by reason.", float64(l.Dropped[reason]), "listener", l.Name, "reason", reason)
		}
	}
}
