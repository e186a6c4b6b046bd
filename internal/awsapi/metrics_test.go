package awsapi

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// metricBatch is one of n data, in runs of three with the same dimensions.
func metricBatch(n int) cloudwatch.MetricBatch {
	b := cloudwatch.MetricBatch{Namespace: "CWAgent"}
	for i := range n {
		b.Data = append(b.Data, cloudwatch.Datum{
			Name: fmt.Sprint("cpu_usage_", i), Dimensions: cloudwatch.Dimensions("cpu", fmt.Sprint("cpu", i/3), "host", "ip-10-0-0-1"),
			Time: time.Unix(1_700_000_000+int64(i), 0), Resolution: cloudwatch.StandardResolution, Values: []float64{float64(i)},
		})
	}
	return b
}

// taker takes metrics, and remembers in which encoding they came and what they were.
type taker struct {
	encodings []string
	bodies    [][]byte
	status    func(encoding string) int
}

func (k *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body) // what is missing is missed below
	encoding := r.Header.Get("Content-Encoding")
	k.encodings, k.bodies = append(k.encodings, encoding), append(k.bodies, raw)
	w.Header().Set("Smithy-Protocol", r.Header.Get("Smithy-Protocol"))
	w.Header().Set("Content-Type", "application/cbor")
	if k.status != nil {
		w.WriteHeader(k.status(encoding))
	}
	_, _ = w.Write([]byte{0xa0}) // an empty map
}

const manyData, fewData = 300, 3 // of which the SDK's threshold wants one batch compressed and the other one not

func TestMetricsTravelCompressedIfThatIsWorthIt(t *testing.T) {
	f := func(n int, environment, want string) {
		t.Helper()
		k := new(taker)
		t.Setenv("AWS_DISABLE_REQUEST_COMPRESSION", environment)
		if err := account(t, k.ServeHTTP).Metrics().PutMetricData(t.Context(), metricBatch(n)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(k.encodings, ","); got != want {
			t.Errorf("%d data, compression disabled %q: sent with encoding %q, want %q", n, environment, got, want)
		}
	}
	f(manyData, "", "gzip")
	f(fewData, "", "")
	f(manyData, "true", "")
	t.Setenv("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "1")
	f(fewData, "", "gzip")
}

func TestCompressedMetricsAreWhatPlainOnesAre(t *testing.T) {
	k := new(taker)
	zipped, plain := account(t, k.ServeHTTP).Metrics(), account(t, k.ServeHTTP).Metrics()
	plain.gzip.refused.Store(true)
	for _, n := range []int{manyData, 2 * manyData, manyData} { // the memory of one is used for the next
		k.bodies = nil
		for _, m := range []*Metrics{zipped, plain} {
			if err := m.PutMetricData(t.Context(), metricBatch(n)); err != nil {
				t.Fatal(err)
			}
		}
		z, err := gzip.NewReader(bytes.NewReader(k.bodies[0]))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, k.bodies[1]) {
			t.Errorf("%d data: %d bytes (%v), want the %d that travel without compression", n, len(got), err, len(k.bodies[1]))
		}
	}
}

func TestEndpointThatKnowsNoCompressionIsSentPlainMetrics(t *testing.T) {
	k := &taker{status: func(encoding string) int {
		if encoding != "" {
			return http.StatusUnsupportedMediaType
		}
		return http.StatusOK
	}}
	m := account(t, k.ServeHTTP).Metrics()
	for range 2 {
		if err := m.PutMetricData(t.Context(), metricBatch(manyData)); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(k.encodings, ","); got != "gzip,," {
		t.Errorf("encodings %q", got)
	}
}

func TestServiceThatIsDownIsSentNoMetricsPlainlyOnceItTookCompressedOnes(t *testing.T) {
	status := http.StatusOK
	k := &taker{status: func(string) int { return status }}
	m := account(t, k.ServeHTTP).Metrics()
	if err := m.PutMetricData(t.Context(), metricBatch(manyData)); err != nil {
		t.Error(err)
	}
	status = http.StatusServiceUnavailable
	if err := m.PutMetricData(t.Context(), metricBatch(manyData)); cloudwatch.ClassOf(err) != cloudwatch.Unavailable {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(k.encodings, ","); got != "gzip,gzip" {
		t.Errorf("encodings %q", got)
	}
}

func TestDataKeepTheirOwnDimensionsAndResolution(t *testing.T) {
	b := metricBatch(10)
	b.Data[4].Dimensions = nil
	b.Data[5].Dimensions = b.Data[5].Dimensions[:1]
	b.Data[6].Resolution = cloudwatch.HighResolution
	for i, w := range wireData(b.Data) {
		var got []cloudwatch.Dimension
		for _, d := range w.Dimensions {
			got = append(got, cloudwatch.Dimension{Name: aws.ToString(d.Name), Value: aws.ToString(d.Value)})
		}
		if !slices.Equal(got, b.Data[i].Dimensions) {
			t.Errorf("datum %d has %v, want %v", i, got, b.Data[i].Dimensions)
		}
		if got := time.Duration(aws.ToInt32(w.StorageResolution)) * time.Second; got != b.Data[i].Resolution {
			t.Errorf("datum %d is kept for every %v, want %v", i, got, b.Data[i].Resolution)
		}
		if aws.ToString(w.MetricName) != b.Data[i].Name || aws.ToFloat64(w.Value) != b.Data[i].Values[0] || !aws.ToTime(w.Timestamp).Equal(b.Data[i].Time) {
			t.Errorf("datum %d is %s %v at %v", i, aws.ToString(w.MetricName), aws.ToFloat64(w.Value), w.Timestamp)
		}
	}
}
