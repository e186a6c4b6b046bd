package listeners

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

var emfNoon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// metrics is a directive with so many metrics and dimensions.
func metrics(definitions, dimensions int) string {
	names := func(n int, each string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(each, i)
		}
		return strings.Join(all, ",")
	}
	return fmt.Sprintf(`[{"Namespace":"n","Dimensions":[[%s]],"Metrics":[%s]}]`, names(dimensions, `"d%d"`), names(definitions, `{"Name":"m%d","Unit":"Count"}`))
}

func TestDocumentsThatClientsSend(t *testing.T) {
	at := emfNoon.Add(-time.Hour).UnixMilli()
	f := func(what, raw, group, stream string, own bool) {
		t.Helper()
		d, refused := parseEMF([]byte(raw), emfNoon)
		if refused != "" || d.group != group || d.stream != stream || own != (d.at.UnixMilli() == at) {
			t.Errorf("%s: got %+v, refused %q", what, d, refused)
		}
	}
	of := func(more string) string {
		return fmt.Sprintf(`{"_aws":{"Timestamp":%d,%s"CloudWatchMetrics":%s},"m0":1,"d0":"x"}`, at, more, metrics(1, 1))
	}
	f("plain", of(""), "", "", true)
	f("with a group", of(`"LogGroupName":"shop-metrics",`), "shop-metrics", "", true)
	f("with group and stream", of(`"LogGroupName":"/shop","LogStreamName":"a/b",`), "/shop", "a/b", true)
	f("names of an early client", `{"log_group_name":"g","log_stream_name":"s","_aws":{"Timestamp":`+fmt.Sprint(at)+`,"CloudWatchMetrics":[]}}`, "g", "s", true)
	f("a client that extracts nothing", `{"log_group_name":"g","LogGroup":"g","took":12}`, "g", "", false)
	f("version 0", fmt.Sprintf(`{"Version":"0","log_group_name":"g","Timestamp":"%d","CloudWatchMetrics":%s,"m0":1,"d0":"x"}`, at, metrics(1, 1)), "g", "", true)
	f("version 0 without a time", `{"version":"0","CloudWatchMetrics":`+metrics(1, 1)+`}`, "", "", false)
	f("no dimensions", fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[[]],"Metrics":[]}]}}`, at), "", "", true)
	f("100 metrics, 30 dimensions", fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":%s}}`, at, metrics(100, 30)), "", "", true)
	f("100 values", fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":%s},"m0":[%s1]}`, at, metrics(1, 0), strings.Repeat("1,", 99)), "", "", true)
	f("a time with a fraction", fmt.Sprintf(`{"_aws":{"Timestamp":%d.25,"CloudWatchMetrics":[]}}`, at), "", "", true)
	f("names that are no strings", `{"log_group_name":7,"_aws":{"Timestamp":`+fmt.Sprint(at)+`,"CloudWatchMetrics":[],"LogGroupName":null}}`, "", "", true)
	for _, when := range []int64{0, 1574109732, emfNoon.Add(3 * time.Hour).UnixMilli(), emfNoon.Add(-15 * 24 * time.Hour).UnixMilli()} {
		d, refused := parseEMF(fmt.Appendf(nil, `{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[]}}`, when), emfNoon)
		if refused != "" || !d.stale || !d.at.IsZero() {
			t.Errorf("%d: got %+v, %q", when, d, refused)
		}
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		if d, got := parseEMF([]byte(raw), emfNoon); got != want {
			t.Errorf("%.80s: got %q, want %q: %+v", raw, got, want, d)
		}
	}
	of := func(directives string) string {
		return `{"_aws":{"Timestamp":1,"CloudWatchMetrics":` + directives + `}}`
	}
	f("", refusedJSON)
	f("hello", refusedJSON)
	f("null", refusedJSON)
	f("[]", refusedJSON)
	f(`{"a":1} {"b":2}`, refusedJSON)
	f(`{"_aws":`, refusedJSON)
	f("{\"a\":\"\xff\"}", refusedJSON)
	f("{}", refusedForm)
	f(`{"_aws":null}`, refusedForm)
	f(`{"_aws":{}}`, refusedForm)
	f(`{"_AWS":{"Timestamp":1,"CloudWatchMetrics":[]}}`, refusedForm)
	f(`{"_aws":[]}`, refusedDirective)
	f(`{"_aws":{"CloudWatchMetrics":[]}}`, refusedTime)
	f(`{"_aws":{"Timestamp":"today","CloudWatchMetrics":[]}}`, refusedTime)
	f(`{"_aws":{"Timestamp":null,"CloudWatchMetrics":[]}}`, refusedTime)
	f(`{"_aws":{"Timestamp":1e300,"CloudWatchMetrics":[]}}`, refusedTime)
	f(of(`{}`), refusedDirective)
	f(of(`null`), refusedDirective)
	f(of(`[1]`), refusedDirective)
	f(of(`[{}]`), refusedDirective)
	f(of(`[{"Namespace":"","Dimensions":[],"Metrics":[]}]`), refusedDirective)
	f(of(`[{"Namespace":"n","Metrics":[]}]`), refusedDirective)
	f(of(`[{"Namespace":"n","Dimensions":["flat"],"Metrics":[]}]`), refusedDirective)
	f(of(`[{"Namespace":"n","Dimensions":[[""]],"Metrics":[]}]`), refusedDirective)
	f(of(`[{"Namespace":"n","Dimensions":[],"Metrics":[{"Unit":"Count"}]}]`), refusedDirective)
	f(of(`[{"Namespace":"`+strings.Repeat("n", 1025)+`","Dimensions":[],"Metrics":[]}]`), refusedDirective)
	f(of(metrics(101, 0)), refusedMetrics)
	f(of(metrics(1, 31)), refusedDimensions)
	f(`{"_aws":{"Timestamp":1,"CloudWatchMetrics":`+metrics(1, 0)+`},"m0":[`+strings.Repeat("1,", 100)+`1]}`, refusedValues)
	f(`{"log_group_name":"a b"}`, refusedGroup)
	f(`{"log_group_name":"aws/x"}`, refusedGroup)
	f(`{"log_group_name":"`+strings.Repeat("g", 513)+`"}`, refusedGroup)
	f(`{"log_group_name":"g","log_stream_name":"a:b"}`, refusedStream)
	f(`{"log_group_name":"g","log_stream_name":"a*"}`, refusedStream)
}

// FuzzEMF: no input makes parseEMF panic; what it accepts is one JSON object, of a group and stream that CloudWatch Logs takes and a
// time that it takes; and it is the same on one line.
func FuzzEMF(f *testing.F) {
	f.Add([]byte(`{"_aws":{"Timestamp":1574109732004,"LogGroupName":"g","CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["d"]],"Metrics":[{"Name":"m","Unit":"Count","StorageResolution":1}]}]},"d":"x","m":[1,2.5e3]}`))
	f.Add([]byte("{\"version\":\"0\",\n\"Timestamp\":\"1565377890000\",\"log_group_name\":\"g\",\r\n\"CloudWatchMetrics\":[]}"))
	f.Add([]byte(`{"log_group_name":"g","log_stream_name":"s"}`))
	f.Add([]byte(`{"_aws":{"Timestamp":-1e15,"CloudWatchMetrics":null}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, refused := parseEMF(raw, emfNoon)
		if refused != "" {
			return
		}
		var object map[string]any
		if err := json.Unmarshal(raw, &object); err != nil && !strings.Contains(err.Error(), "cannot unmarshal number") || object == nil {
			t.Fatalf("accepted, and yet: %v", err)
		}
		if d.group != "" && !isGroup(d.group) || d.stream != "" && !isStream(d.stream) {
			t.Fatalf("accepted for %q, %q", d.group, d.stream)
		}
		if !d.at.IsZero() && (d.stale || d.at.After(emfNoon.Add(maxAhead)) || d.at.Before(emfNoon.Add(-maxBehind))) {
			t.Fatalf("accepted for %v", d.at)
		}
		line, err := oneLine(raw)
		if err != nil || bytes.ContainsAny(line, "\n\r") {
			t.Fatalf("on one line: %q, %v", line, err)
		}
		if again, refused := parseEMF(line, emfNoon); refused != "" || again != d {
			t.Fatalf("on one line it is %+v, %q; it was %+v", again, refused, d)
		}
	})
}

// A document that names one large value again and again costs no more than its size.
func TestValueThatIsNamedOftenIsLookedAtOnce(t *testing.T) {
	large := "[" + strings.Repeat(`"`+strings.Repeat("x", 4000)+`",`, 99) + "1]"
	once := `{"Namespace":"n","Dimensions":[],"Metrics":[{"Name":"m"}]}`
	f := func(times int) float64 {
		raw := fmt.Appendf(nil, `{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[%s]},"m":%s}`, emfNoon.UnixMilli(), strings.Repeat(once+",", times-1)+once, large)
		return testing.AllocsPerRun(1, func() {
			if _, refused := parseEMF(raw, emfNoon); refused != "" {
				t.Error(refused)
			}
		})
	}
	// Each value is an allocation; a directive is a handful.
	if few, many := f(2), f(202); many > few+200*20 {
		t.Errorf("%v allocations for two, %v for 202", few, many)
	}
}
