package awsapi

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
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

// The SDK makes the same bytes of the same batch.
func TestMetricsAreWrittenAsTheSDKWritesThem(t *testing.T) {
	b := metricBatch(12)
	b.Data[0].Name = strings.Repeat("n", 255)
	b.Data[1].Dimensions = cloudwatch.Dimensions("a", strings.Repeat("v", 1024), "b", strings.Repeat("w", 256))
	b.Data[2].Dimensions = cloudwatch.Dimensions("a", strings.Repeat("v", 23), "b", strings.Repeat("w", 24))
	b.Data[4].Dimensions = nil
	b.Data[5].Dimensions = b.Data[5].Dimensions[:1]
	b.Data[6].Resolution = cloudwatch.HighResolution
	b.Data[7].Unit, b.Data[7].Time = cloudwatch.Percent, time.UnixMilli(1_700_000_000_123)
	b.Data[8].Values = []float64{1, 2.5, -3}
	b.Data[9].Values, b.Data[9].Counts = []float64{1e300, 0}, []float64{1, 7}
	b.Data[10].Values, b.Data[10].Counts = []float64{4}, []float64{2}
	b.Data[11].Counts = []float64{1}
	k := new(taker)
	m := account(t, k.ServeHTTP).Metrics()
	m.gzip.refused.Store(true)
	if err := m.PutMetricData(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if _, err := m.client.PutMetricData(t.Context(), &sdk.PutMetricDataInput{Namespace: &b.Namespace, MetricData: wireData(b.Data)}); err != nil {
		t.Fatal(err)
	}
	if len(k.bodies) != 2 || !bytes.Equal(k.bodies[0], k.bodies[1]) {
		t.Errorf("got  %q\nwant %q", k.bodies[0], k.bodies[1:])
	}
	if long := appendText(nil, strings.Repeat("x", 70_000)); len(long) != 70_005 || !bytes.HasPrefix(long, []byte{3<<5 | 26, 0, 1, 0x11, 0x70}) {
		t.Errorf("%d bytes: % x", len(long), long[:5])
	}
}

// wireData is data as the SDK wants them.
func wireData(data []cloudwatch.Datum) (wire []types.MetricDatum) {
	for i := range data {
		d := &data[i]
		w := types.MetricDatum{
			MetricName: &d.Name, Timestamp: &d.Time, Unit: types.StandardUnit(cmp.Or(d.Unit, cloudwatch.None)),
			Dimensions: []types.Dimension{}, StorageResolution: aws.Int32(int32(d.Resolution / time.Second)),
		}
		for _, dimension := range d.Dimensions {
			w.Dimensions = append(w.Dimensions, types.Dimension{Name: aws.String(dimension.Name), Value: aws.String(dimension.Value)})
		}
		if len(d.Values) == 1 && (d.Counts == nil || d.Counts[0] == 1) {
			w.Value = &d.Values[0]
		} else {
			w.Values, w.Counts = d.Values, d.Counts
		}
		wire = append(wire, w)
	}
	return wire
}
