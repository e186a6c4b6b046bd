package scrape

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
)

// emf is what a document in the embedded metric format is to its reader.
type emf struct {
	AWS struct {
		Timestamp                   int64
		LogGroupName, LogStreamName string
		CloudWatchMetrics           []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
}

func TestDocumentsKeepTheLimitsOfTheFormat(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	for i := range 250 {
		fmt.Fprintf(&body, "# TYPE m%d gauge\nm%d %d\n", i, i, i)
	}
	long := strings.Repeat("l", 100<<10)
	for i := range 60 { // names that together are too long for one event
		name := fmt.Sprintf("n%d_%s", i, strings.Repeat("x", 900))
		fmt.Fprintf(&body, "# TYPE %s gauge\n%s{long=%q} 1\n", name, name, long)
	}
	name := strings.Repeat("y", maxNameBytes+1)
	fmt.Fprintf(&body, "# TYPE %s gauge\n%s 1\n", name, name)
	fmt.Fprintf(&body, "# TYPE huge gauge\nhuge{a=%q,b=%q,c=%q} 1\n", long, long, long)
	fmt.Fprint(&body, "# TYPE values gauge\nvalues{v=\"1\"} 1e300\nvalues{v=\"2\"} +Inf\nvalues{v=\"3\"} -1e108\nvalues{v=\"4\"} 1e-7\nvalues{v=\"5\"} 1e21\n")
	fmt.Fprint(&body, "# TYPE _aws gauge\n_aws 1\nvalues{_aws=\"x\"} 1\n")

	got := play(t, map[string]string{
		"prometheus.yaml": "scrape_configs: [{job_name: j, static_configs: [{targets: [TARGET]}]}]",
		"settings.json":   `{"declarations": [{"source_labels": ["job"], "metric_selectors": ["^[mn]"], "dimensions": [["job"], []]}]}`,
		"exposition.1":    body.String(),
	})
	documents, metrics := 0, map[string]bool{}
	for line := range strings.SplitSeq(got, "\n") {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		documents++
		var d emf
		if err := json.Unmarshal([]byte(line), &d); err != nil || len(line) > 256<<10 || d.AWS.LogGroupName != "group" || d.AWS.LogStreamName != "j" {
			t.Fatalf("%v: %d bytes, %.200s", err, len(line), line)
		}
		n := 0
		for _, directive := range d.AWS.CloudWatchMetrics {
			for _, m := range directive.Metrics {
				metrics[m.Name] = true
				n++
			}
		}
		if n > maxMetrics {
			t.Errorf("%d metrics in a document", n)
		}
	}
	if len(metrics) != 250+60 {
		t.Errorf("%d metrics in %d documents", len(metrics), documents)
	}
	for _, want := range []string{`"values":1e-07`, `"values":1e+21`, `"event_too_large":1`, `"name":1`, `"name_of_a_label":1`, `"not_a_number":2`} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s in %s", want, got[max(0, len(got)-300):])
		}
	}
}

// A few samples with long labels are much, too.
func TestSheetKeepsNoLongText(t *testing.T) {
	t.Parallel()
	s, m := newSheet(), &matcher{}
	for i := range 100 {
		s.add(m, labels.FromStrings(labels.MetricName, "g", "l", strings.Repeat("x", 1<<17)+fmt.Sprint(i)), 1, 0, false)
	}
	s.clear()
	if cap(s.text) > roomyText {
		t.Errorf("%d bytes are kept", cap(s.text))
	}
}

// A thousand targets that have begun to answer and do not go on keep no memory from the others.
func TestSlowTargetsTakeLittleMemory(t *testing.T) {
	t.Parallel()
	var of bodies
	for range 1000 {
		slow, _ := io.Pipe()
		b := &body{of: &of}
		_ = slow.CloseWithError(io.ErrUnexpectedEOF)
		if err := b.read(slow, defaultBody, 0); err == nil || reasonOf(err) != failedRequest {
			t.Fatal(err)
		}
	}
	b := &body{of: &of}
	if err := b.read(strings.NewReader(strings.Repeat("x", 1<<20)), defaultBody, 0); err != nil || len(b.data) != 1<<20 {
		t.Error(err)
	}
}

func TestTextInJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", `"\`, "\x00\x1f\x7f\n\t", "ü€😀", "\xff\xc3", "\u2028<&>"} {
		var got string
		if err := json.Unmarshal(appendText(nil, text), &got); err != nil || got != strings.ToValidUTF8(text, "�") && got != "��" {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}
