package agent

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/tailer"
)

var (
	seriesLine = regexp.MustCompile(`^(nephoscope_[a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (-?[0-9]+(?:\.[0-9]+)?)$`)
	commentary = regexp.MustCompile(`^# (HELP|TYPE) (nephoscope_[a-z_]+) (.+)$`)
)

// exposed reads text in Prometheus' format, as strictly as that is written: HELP and TYPE once and before the series of
// their name, which stand together, and no series twice.
func exposed(t *testing.T, text []byte) map[string]string {
	t.Helper()
	if !strings.HasSuffix(string(text), "\n") {
		t.Error("the last line has no end")
	}
	series, seen := map[string]string{}, map[string]bool{}
	var helped, typed, name string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if c := commentary.FindStringSubmatch(line); c != nil {
			if c[1] == "HELP" {
				helped = c[2]
			} else if typed = c[2]; c[3] != "counter" && c[3] != "gauge" || (c[3] == "counter") != strings.HasSuffix(c[2], "_total") {
				t.Errorf("type: %s", line)
			}
			continue
		}
		s := seriesLine.FindStringSubmatch(line)
		if s == nil {
			t.Errorf("not a series: %s", line)
			continue
		}
		if s[1] != name && seen[s[1]] || s[1] != helped || s[1] != typed {
			t.Errorf("out of place: %s", line)
		}
		name, seen[s[1]] = s[1], true
		key := s[1] + "{" + s[2] + "}"
		if _, twice := series[key]; twice {
			t.Errorf("twice: %s", line)
		}
		series[key] = s[3]
	}
	return series
}

// fileOf is a file of which so many bytes wait.
func fileOf(path string, lag int64) LogFile {
	return LogFile{Path: path, Group: "g", Stream: "s", Ledger: tailer.Ledger{LagBytes: lag}}
}

func lagOf(path string) string {
	group, stream := "g", "s"
	if path == "other" {
		group, stream = "", ""
	}
	return fmt.Sprintf(`nephoscope_log_file_lag_bytes{path="%s",log_group="%s",log_stream="%s"}`, path, group, stream)
}

func page(t *testing.T, n *labels, files ...LogFile) map[string]string {
	t.Helper()
	return exposed(t, n.prometheus(judged(func(s *Status) {
		s.Logs = files
		s.Metrics = &MetricsLedger{DataLedger: DataLedger{Sent: 7}, Collectors: []CollectorLedger{{Name: "cpu", Errors: 2, Runs: 9, Missed: 1, LastSeconds: 0.5}, {Name: "mem"}},
			Series: SeriesLedger{Budget: 5000, Known: 70, Plugins: []PluginSeries{{Name: "disk", Known: 60, RefusedData: 8, RefusedSeries: 4}, {Name: "mem", Known: 10}}}}
	})))
}

func TestNumbersForPrometheus(t *testing.T) {
	got := page(t, new(labels), fileOf("/a", 5), fileOf("/b", 6))
	f := func(key, want string) {
		t.Helper()
		if got[key] != want {
			t.Errorf("%s: got %q, want %s", key, got[key], want)
		}
	}
	f(lagOf("/a"), "5")
	f(lagOf("/b"), "6")
	f(lagOf("other"), "")
	f("nephoscope_logs_lag_bytes{}", "11")
	f("nephoscope_log_files{}", "2")
	f(`nephoscope_health{state="ok"}`, "1")
	f(`nephoscope_health{state="failing"}`, "0")
	f(`nephoscope_logs_rejected_events_total{reason="expired"}`, "0")
	f("nephoscope_metrics_data_sent_total{}", "7")
	f(`nephoscope_collector_errors_total{collector="cpu"}`, "2")
	f(`nephoscope_collector_runs_total{collector="cpu"}`, "9")
	f(`nephoscope_collector_missed_total{collector="cpu"}`, "1")
	f(`nephoscope_collector_last_run_seconds{collector="cpu"}`, "0.5")
	f("nephoscope_metrics_series_budget{}", "5000")
	f("nephoscope_metrics_series_known{}", "70")
	f(`nephoscope_metrics_series_plugin_refused_data_total{plugin="disk"}`, "8")
	f(`nephoscope_metrics_series_plugin_refused{plugin="disk"}`, "4")
	f(`nephoscope_metrics_series_plugin_known{plugin="mem"}`, "10")
}

func TestNamesThatNeedEscapes(t *testing.T) {
	got := page(t, new(labels), fileOf("/a\"b\\c\nd\xff", 5))
	if got[lagOf(`/a\"b\\c\nd`+"\ufffd")] != "5" {
		t.Errorf("got %v", got)
	}
}

func TestTwoEntriesForOneFileAndStreamShareSeries(t *testing.T) {
	got := page(t, new(labels), fileOf("/a", 5), fileOf("/a", 6))
	if got[lagOf("/a")] != "11" {
		t.Errorf("got %q", got[lagOf("/a")])
	}
}

func TestTenThousandFilesHaveABoundedNumberOfSeries(t *testing.T) {
	var n labels
	files := func(from, to int) (all []LogFile) {
		for i := from; i < to; i++ {
			all = append(all, fileOf(fmt.Sprintf("/%05d", i), 1))
		}
		return all
	}
	got := page(t, &n, files(500, 10_000)...)
	if got[lagOf("/00500")] != "1" || got[lagOf("/00699")] != "1" || got[lagOf("/00700")] != "" || got[lagOf("other")] != "9300" {
		t.Errorf("got %s %s %s %s", got[lagOf("/00500")], got[lagOf("/00699")], got[lagOf("/00700")], got[lagOf("other")])
	}
	if len(got) > 5000 {
		t.Errorf("%d series", len(got))
	}
	// Others come, earlier in the alphabet, and one goes.
	got = page(t, &n, files(0, 690)...)
	if got[lagOf("/00500")] != "1" || got[lagOf("/00689")] != "1" || got[lagOf("/00009")] != "1" || got[lagOf("/00010")] != "" || got[lagOf("other")] != "490" {
		t.Errorf("got %s %s %s %s %s", got[lagOf("/00500")], got[lagOf("/00689")], got[lagOf("/00009")], got[lagOf("/00010")], got[lagOf("other")])
	}
}
