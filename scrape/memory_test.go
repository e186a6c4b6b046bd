package scrape

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// large answers with so many series, nine of ten of them counters, in bodies that grow from scrape to scrape.
func large(series int) http.HandlerFunc {
	round := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		round++
		var b bytes.Buffer
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		for i := range series {
			name, kind := i/1000, "counter"
			if name%10 == 0 {
				kind = "gauge"
			}
			if i%1000 == 0 {
				fmt.Fprintf(&b, "# TYPE some_metric_number_%d_total %s\n", name, kind)
			}
			fmt.Fprintf(&b, "some_metric_number_%d_total{namespace=\"default-%d\",pod=\"deployment-name-7d8f9c-%d\",node=\"ip-10-0-%d-1.eu-central-1.compute.internal\"} %d\n", name, i%50, i, i%20, round*i)
		}
		_, _ = w.Write(b.Bytes())
	}
}

// aLargeTarget is a scraper with one target of so many series.
func aLargeTarget(t testing.TB, series int) (*Scraper, *target) {
	t.Helper()
	test, ok := t.(*testing.T)
	if !ok {
		test = &testing.T{}
	}
	_ = test
	s, err := New(config.Prometheus{LogGroup: "g", Namespace: "n", MaxSeries: 100_000, Declarations: []config.PrometheusDeclaration{
		{SourceLabels: []string{"namespace"}, LabelMatcher: "^default-", MetricSelectors: []string{"^some_metric_number_1"}, Dimensions: [][]string{{"namespace"}, {"node"}}},
	}}, io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, nil
}
