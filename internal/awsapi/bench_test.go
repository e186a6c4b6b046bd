package awsapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answerer answers at once: what is left is what is done here.
type answerer struct{ body string }

func (a answerer) Do(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "Smithy-Protocol": {"rpc-v2-cbor"}},
		Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}, nil
}

// BenchmarkPutLogEvents is a request of five lines, of which a host of many quiet logs makes many, but for the network.
func BenchmarkPutLogEvents(b *testing.B) {
	alone(b)
	a, err := Open(b.Context(), Options{Region: "eu-west-1", Endpoint: "http://127.0.0.1:1", UserAgent: "Nephoscope/1.2"})
	if err != nil {
		b.Fatal(err)
	}
	a.cfg.HTTPClient = answerer{"{}"}
	logs, five := a.Logs(), make([]string, 5)
	for i := range five {
		five[i] = fmt.Sprint("INFO request served, status 200, nothing to report ", i)
	}
	events := batch(five...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := logs.PutLogEvents(b.Context(), stream, events); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPutMetricData is a request of the size that a minute of all collectors at a second makes, but for the network.
func BenchmarkPutMetricData(b *testing.B) {
	alone(b)
	a, err := Open(b.Context(), Options{Region: "eu-west-1", Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		b.Fatal(err)
	}
	a.cfg.HTTPClient = answerer{"\xa0"}
	metrics, data := a.Metrics(), metricBatch(1000)
	b.ReportAllocs()
	for b.Loop() {
		if err := metrics.PutMetricData(b.Context(), data); err != nil {
			b.Fatal(err)
		}
	}
}
