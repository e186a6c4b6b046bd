package local

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAStoreBeyondItsBoundLosesTheOldestBatches(t *testing.T) {
	s := new(Server)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	if _, err := s.store.createGroup(ctx, "g", "STANDARD", false, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.createStream(ctx, 1, "s", 1); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		at, message := int64(1000+i), fmt.Sprint(i, strings.Repeat("x", 99-26))
		if err := s.store.putBatch(ctx, logStream{id: 1, group: 1}, packBatch([]inputLogEvent{{&at, &message}}), 1); err != nil {
			t.Fatal(err)
		}
	}
	s.store.maxLogs = 450
	if err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	events, err := s.Events("g", "s")
	if err != nil || len(events) != 4 || events[0].Message[0] != '6' {
		t.Errorf("%d left, %v: %v", len(events), err, events)
	}
}

// BenchmarkPutLogEvents takes batches of 10,000 events of about 100 bytes, over JSON, to disk.
func BenchmarkPutLogEvents(b *testing.B) {
	for name, dir := range map[string]string{"memory": "", "disk": b.TempDir()} {
		b.Run(name, func(b *testing.B) {
			s := &Server{Dir: dir}
			defer s.Close()
			must(b, s, "CreateLogGroup", `{"logGroupName":"g"}`)
			must(b, s, "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
			var body strings.Builder
			now := time.Now().UnixMilli()
			body.WriteString(`{"logGroupName":"g","logStreamName":"s","logEvents":[`)
			for i := range 10_000 {
				fmt.Fprintf(&body, `{"timestamp":%d,"message":"203.0.113.%d GET /p/%d \"x\" 200"},`, now, i%256, i)
			}
			content := strings.TrimSuffix(body.String(), ",") + "]}"
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				must(b, s, "PutLogEvents", content)
			}
			b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkPutMetricData takes 1000 data, in the Query protocol, to disk.
func BenchmarkPutMetricData(b *testing.B) {
	s := &Server{Dir: b.TempDir()}
	defer s.Close()
	var form strings.Builder
	form.WriteString("Action=PutMetricData&Version=2010-08-01&Namespace=N")
	for i := range 1000 {
		fmt.Fprintf(&form, "&MetricData.member.%d.MetricName=m%d&MetricData.member.%d.Value=%d", i+1, i, i+1, i)
	}
	for b.Loop() {
		must(b, s, "", form.String())
	}
}

func must(tb testing.TB, s *Server, operation, body string) {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/20261120/eu-west-1/logs/aws4_request, Signature=0")
	if operation == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		tb.Fatalf("%s: %d %s", operation, w.Code, w.Body)
	}
}

func BenchmarkAnEmptyServer(b *testing.B) {
	for b.Loop() {
		s := new(Server)
		if err := s.Open(); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestReadersWhoGiveUpDoNotLoseWhatIsInMemory(t *testing.T) {
	s := new(Server)
	defer s.Close()
	must(t, s, "CreateLogGroup", `{"logGroupName":"g"}`)
	must(t, s, "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
	var form strings.Builder
	form.WriteString("Action=PutMetricData&Version=2010-08-01&Namespace=N")
	for i := range 1000 {
		fmt.Fprintf(&form, "&MetricData.member.%d.MetricName=m%d&MetricData.member.%d.Value=%d", i+1, i, i+1, i)
	}
	must(t, s, "", form.String())
	gaveUp := 0
	for i := range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
		if _, err := s.store.metrics(ctx, "", "", 0, 0, 5000); err != nil {
			gaveUp++
		}
		cancel()
	}
	if gaveUp == 0 {
		t.Error("no reader gave up: this test shows nothing")
	}
	if metrics, err := s.Metrics(); err != nil || len(metrics) != 1000 {
		t.Errorf("%d metrics left, %v", len(metrics), err)
	}
}

// BenchmarkListingMetrics lists 20,000 metrics for the console.
func BenchmarkListingMetrics(b *testing.B) {
	s := new(Server)
	defer s.Close()
	for part := range 20 {
		var form strings.Builder
		form.WriteString("Action=PutMetricData&Version=2010-08-01&Namespace=N")
		for i := range 1000 {
			fmt.Fprintf(&form, "&MetricData.member.%d.MetricName=m%d&MetricData.member.%d.Value=%d", i+1, part*1000+i, i+1, i)
		}
		must(b, s, "", form.String())
	}
	for b.Loop() {
		if metrics, err := s.Metrics(); err != nil || len(metrics) != 20_000 {
			b.Fatal(len(metrics), err)
		}
	}
}
