package local_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// serve starts a server for a test and stops it afterwards.
func serve(t testing.TB, s *local.Server) string {
	t.Helper()
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		web.CloseClientConnections() // a live tail never ends by itself
		web.Close()
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return web.URL
}

// signature is what a signed request carries; nobody here verifies it.
const signature = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/eu-west-1/logs/aws4_request, SignedHeaders=host, Signature=00"

// An answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

// post sends a signed request; headers are pairs of a name and a value.
func post(t testing.TB, url, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", signature)
	return send(t, request, headers...)
}

func get(t testing.TB, url string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, request, headers...)
}

func send(t testing.TB, request *http.Request, headers ...string) answer {
	t.Helper()
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
			continue
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(content)}
}

// callLogs makes one CloudWatch Logs call in JSON.
func callLogs(t testing.TB, url, operation, body string, headers ...string) answer {
	t.Helper()
	headers = append([]string{"X-Amz-Target", "Logs_20140328." + operation, "Content-Type", "application/x-amz-json-1.1"}, headers...)
	return post(t, url, body, headers...)
}

// callQuery makes one call in the Query protocol.
func callQuery(t testing.TB, url, form string, headers ...string) answer {
	t.Helper()
	return post(t, url, form, append([]string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, headers...)...)
}

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// noon is when tests happen.
func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// atNoon is a server whose clock stands at noon.
func atNoon() *local.Server { return &local.Server{Now: noon} }

func TestZeroServerAnswersAndCloses(t *testing.T) {
	url := serve(t, new(local.Server))
	if got := callLogs(t, url, "CreateLogGroup", `{"logGroupName":"g"}`); got.status != 200 {
		t.Fatalf("CreateLogGroup: %d %s", got.status, got.body)
	}
	if got := callLogs(t, url, "DescribeLogGroups", `{}`); !strings.Contains(got.body, `"logGroupName":"g"`) ||
		!strings.Contains(got.body, "arn:aws:logs:eu-west-1:000000000000:log-group:g:*") {
		t.Fatalf("DescribeLogGroups: %d %s", got.status, got.body)
	}
	unused := new(local.Server)
	if err := unused.Close(); err != nil {
		t.Fatalf("close a server that was never used: %v", err)
	}
	if err := unused.Open(); err == nil {
		t.Fatal("open after close: want an error")
	}
}

func TestEverythingSurvivesARestart(t *testing.T) {
	dir := t.TempDir() + "/a b#c%20" // a name that a database URL must escape
	first := atNoon()
	first.Dir = dir
	web := httptest.NewServer(first)
	callLogs(t, web.URL, "CreateLogGroup", `{"logGroupName":"g"}`)
	callLogs(t, web.URL, "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
	callLogs(t, web.URL, "PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":7}`)
	callLogs(t, web.URL, "PutLogEvents", `{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1795176000000,"message":"kept"}]}`)
	callQuery(t, web.URL, "Action=PutMetricData&Version=2010-08-01&Namespace=N&MetricData.member.1.MetricName=m&MetricData.member.1.Value=4.5")
	web.Close()
	other := &local.Server{Dir: dir}
	if err := other.Open(); err == nil || !strings.Contains(err.Error(), "another server uses") {
		t.Errorf("a second server on one folder: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := atNoon()
	second.Dir = dir
	serve(t, second)
	events, err := second.Events("g", "s")
	if err != nil || len(events) != 1 || events[0].Message != "kept" || !events[0].Timestamp.Equal(noon()) {
		t.Errorf("events after a restart: %v, %v", events, err)
	}
	data, err := second.Data("N", "m")
	if err != nil || len(data) != 1 || data[0].Sum != 4.5 {
		t.Errorf("data after a restart: %v, %v", data, err)
	}
	if _, retention, err := second.Groups(); err != nil || retention["g"] != 7 {
		t.Errorf("retention after a restart: %v, %v", retention, err)
	}
}

func TestAStoreThatCannotOpenIsSaid(t *testing.T) {
	file := t.TempDir() + "/plain"
	if err := os.WriteFile(file, []byte("not a folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := &local.Server{Dir: file}
	if err := broken.Open(); err == nil || !strings.HasPrefix(err.Error(), "open store: ") {
		t.Errorf("open a store in a file: %v", err)
	}
	if got := get(t, serve(t, broken)+"/"); got.status != http.StatusServiceUnavailable {
		t.Errorf("request to a server without a store: %d", got.status)
	}
}
