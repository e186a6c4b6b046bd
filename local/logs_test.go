package local_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// clock is a clock that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type filtered struct {
	Events []struct {
		Message   string `json:"message"`
		Stream    string `json:"logStreamName"`
		Timestamp int64  `json:"timestamp"`
		ID        string `json:"eventId"`
	} `json:"events"`
	NextToken string `json:"nextToken"`
}

// filter pages through FilterLogEvents of group g.
func filter(t testing.TB, url string, in map[string]any) (all filtered, pages int) {
	t.Helper()
	in["logGroupName"] = "g"
	for {
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		got := callLogs(t, url, "FilterLogEvents", string(body))
		var page filtered
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.status != 200 {
			t.Fatalf("FilterLogEvents: %d %s", got.status, got.body)
		}
		all.Events = append(all.Events, page.Events...)
		pages++
		if page.NextToken == "" {
			return all, pages
		}
		in["nextToken"] = page.NextToken
	}
}

func TestEventsOfOverlappingBatchesAreReadInOrderInBothDirections(t *testing.T) {
	s := atNoon()
	url := serve(t, s)
	random := rand.New(rand.NewPCG(3, 4))
	callLogs(t, url, "CreateLogGroup", `{"logGroupName":"g"}`)
	for _, stream := range []string{"s", "t"} {
		callLogs(t, url, "CreateLogStream", fmt.Sprintf(`{"logGroupName":"g","logStreamName":%q}`, stream))
	}
	// More batches than one listing has, of random times that overlap, in two streams.
	total := 0
	for b := range 300 {
		at := after(-time.Duration(random.IntN(40)) * time.Hour)
		var events []event
		for i := range 1 + random.IntN(5) {
			at += random.Int64N(3_600_000)
			events = append(events, event{min(at, after(time.Hour)), fmt.Sprintf("batch %d line %d", b, i)})
		}
		total += len(events)
		body := putBody(t, events)
		if b%3 == 0 {
			body = strings.Replace(body, `"logStreamName":"s"`, `"logStreamName":"t"`, 1)
		}
		if got := callLogs(t, url, "PutLogEvents", body); got.status != 200 {
			t.Fatal(got.body)
		}
	}
	forward, _ := filter(t, url, map[string]any{"limit": 7})
	backward, _ := filter(t, url, map[string]any{"limit": 11, "startFromHead": false, "startTime": after(-60 * time.Hour)})
	slices.Reverse(backward.Events)
	if len(forward.Events) != total || !slices.Equal(forward.Events, backward.Events) {
		t.Errorf("stored %d, forward %d, backward %d", total, len(forward.Events), len(backward.Events))
	}
	seen := make(map[string]bool)
	for i, e := range forward.Events {
		if seen[e.ID] || i > 0 && e.Timestamp < forward.Events[i-1].Timestamp {
			t.Fatalf("event %d is out of order or twice: %+v", i, e)
		}
		seen[e.ID] = true
	}
	only, _ := filter(t, url, map[string]any{"logStreamNamePrefix": "t"})
	inT, err := s.Events("g", "t")
	if err != nil || len(only.Events) != len(inT) || len(inT) == 0 {
		t.Errorf("of stream t: filtered %d, stored %d, %v", len(only.Events), len(inT), err)
	}
	middle, _ := filter(t, url, map[string]any{"startTime": forward.Events[100].Timestamp, "endTime": forward.Events[200].Timestamp})
	if got := middle.Events; got[0].Timestamp != forward.Events[100].Timestamp || got[len(got)-1].Timestamp != forward.Events[200].Timestamp {
		t.Errorf("a range does not include both of its ends: %d events", len(got))
	}
}

func TestFilterPatterns(t *testing.T) {
	url := withStream(t)
	lines := []string{"ERROR 400 bad request", "ERROR 401 not allowed", "WARN 400 slow", `said "no" \ twice`, "error lower"}
	var events []event
	for i, line := range lines {
		events = append(events, event{after(time.Duration(i) * time.Second), line})
	}
	callLogs(t, url, "PutLogEvents", putBody(t, events))
	for pattern, want := range map[string]string{
		"":                   "0 1 2 3 4",
		" ":                  "0 1 2 3 4",
		"ERROR":              "0 1",
		"ERROR 400":          "0",
		"400 ERROR":          "0",
		`"ERROR 40"`:         "0 1",
		"-ERROR":             "2 3 4",
		"400 -ERROR":         "2",
		`ERROR -"bad req"`:   "0 1 minus 0",
		"?WARN ?lower":       "2 4",
		"?WARN ERROR":        "0 1", // a question mark beside a plain term is ignored
		`"said \"no\" \\"`:   "3",
		`"ERROR 401 not" -x`: "1",
		"nothing":            "",
	} {
		got, _ := filter(t, url, map[string]any{"filterPattern": pattern})
		var found []string
		for _, e := range got.Events {
			found = append(found, fmt.Sprint(slices.Index(lines, e.Message)))
		}
		if want == "0 1 minus 0" {
			want = "1"
		}
		if strings.Join(found, " ") != want {
			t.Errorf("pattern %q matches lines %v, want %s", pattern, found, want)
		}
	}
	for _, pattern := range []string{`"open`, "a-b", "-", "[a, b]", "%re%", "{$.a=1}"} {
		if got := callLogs(t, url, "FilterLogEvents", fmt.Sprintf(`{"logGroupName":"g","filterPattern":%q}`, pattern)); refusal(got) != "InvalidParameterException" {
			t.Errorf("pattern %q: %d %s", pattern, got.status, got.body)
		}
	}
}

func TestRetentionHidesThenDeletes(t *testing.T) {
	c := &clock{now: noon()}
	s := &local.Server{Now: c.read}
	url := serve(t, s)
	for _, group := range []string{"g", "forever"} {
		callLogs(t, url, "CreateLogGroup", fmt.Sprintf(`{"logGroupName":%q}`, group))
		callLogs(t, url, "CreateLogStream", fmt.Sprintf(`{"logGroupName":%q,"logStreamName":"s"}`, group))
		callLogs(t, url, "PutLogEvents", strings.Replace(putBody(t, []event{{after(0), "first"}, {after(time.Hour), "second"}}), `"g"`, fmt.Sprintf("%q", group), 1))
	}
	callLogs(t, url, "PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":3}`)
	callQuery(t, url, putForm)

	c.advance(3*24*time.Hour + time.Minute)
	if got, _ := filter(t, url, map[string]any{}); len(got.Events) != 1 || got.Events[0].Message != "second" {
		t.Errorf("after 3 days: %+v, want the second only", got.Events)
	}
	sweep := func() {
		t.Helper()
		if err := s.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	if events, err := s.Events("g", "s"); err != nil || len(events) != 2 {
		t.Errorf("a batch with a living event: %v %v", events, err)
	}
	if got := callLogs(t, url, "DescribeLogGroups", `{"logGroupNamePrefix":"g"}`); !strings.Contains(got.body, fmt.Sprintf(`"storedBytes":%d,`, len("first"+"second")+2*26)) {
		t.Errorf("stored: %s", got.body)
	}
	c.advance(2 * time.Hour)
	sweep()
	if got := callLogs(t, url, "DescribeLogGroups", `{"logGroupNamePrefix":"g"}`); !strings.Contains(got.body, `"storedBytes":0,`) {
		t.Errorf("stored after the sweep: %s", got.body)
	}
	if events, err := s.Events("g", "s"); err != nil || len(events) != 0 {
		t.Errorf("an expired batch: %v %v", events, err)
	}
	if events, err := s.Events("forever", "s"); err != nil || len(events) != 2 {
		t.Errorf("a group without retention: %v %v", events, err)
	}
	if data, err := s.Data("N", "m"); err != nil || len(data) != 1 {
		t.Errorf("a datum of 3 days: %v %v", data, err)
	}
	c.advance(12 * 24 * time.Hour)
	sweep()
	if metrics, err := s.Metrics(); err != nil || len(metrics) != 0 {
		t.Errorf("a metric whose data are 15 days old: %v %v", metrics, err)
	}
	if got := callQuery(t, url, putForm); got.status != 200 {
		t.Errorf("the same metric again: %s", got.body)
	}
	if data, err := s.Data("N", "m"); err != nil || len(data) != 1 {
		t.Errorf("the same metric again: %v %v", data, err)
	}
}

func TestMetricsDisappearFromTheListAfterTwoWeeks(t *testing.T) {
	c := &clock{now: noon()}
	url := serve(t, &local.Server{Now: c.read})
	callQuery(t, url, putForm)
	list := "Action=ListMetrics&Version=2010-08-01"
	listed := func(form string) bool { return strings.Contains(callQuery(t, url, form).body, "<MetricName>m<") }
	c.advance(4 * time.Hour)
	if !listed(list) || listed(list+"&RecentlyActive=PT3H") {
		t.Error("after 4 hours it should be listed, but not as recently active")
	}
	c.advance(14 * 24 * time.Hour)
	if listed(list) {
		t.Error("after two weeks it is still listed")
	}
}

// safeBuffer is written by the server and read by the test.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestTheAccessLogHasTheConsoleAndNothingElse(t *testing.T) {
	log := new(safeBuffer)
	s := atNoon()
	s.AccessLog = log
	url := serve(t, s)
	get(t, url+"/api/metrics", "User-Agent", `Mo"zilla`, "Referer", url+"/")
	get(t, url+"/nothing%0Ahere")
	callQuery(t, url, putForm)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	combined := regexp.MustCompile(`^127\.0\.0\.1 - - \[20/Nov/2026:12:00:00 \+0000\] "GET /api/metrics HTTP/1\.1" 200 2 "http://[^"]+/" "Mo\\"zilla"$`)
	if len(lines) != 2 || !combined.MatchString(lines[0]) || !strings.Contains(lines[1], `"GET /nothing%0Ahere HTTP/1.1" 404 `) {
		t.Errorf("%q", lines)
	}
}

func TestALiveTailMissesNothing(t *testing.T) {
	s := atNoon()
	url := serve(t, s)
	callLogs(t, url, "CreateLogGroup", `{"logGroupName":"g"}`)
	callLogs(t, url, "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
	callLogs(t, url, "PutLogEvents", putBody(t, []event{{after(0), "before"}}))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/tail?group=g&after=0&q=-skipped", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	go func() {
		for i := range 50 {
			callLogs(t, url, "PutLogEvents", putBody(t, []event{{after(0), fmt.Sprint("line ", i)}, {after(0), "skipped"}}))
		}
	}()
	var got []string
	for lines := bufio.NewScanner(response.Body); len(got) < 51 && lines.Scan(); {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var events []event
		if err := json.Unmarshal([]byte(data), &events); err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			got = append(got, e.Message)
		}
	}
	if len(got) != 51 || got[0] != "before" || got[50] != "line 49" {
		t.Errorf("%d: %q", len(got), got)
	}
}

func TestClientsAreSeenWithWhatTheyDid(t *testing.T) {
	s := atNoon()
	url := serve(t, s)
	callLogs(t, url, "CreateLogGroup", `{"logGroupName":"g"}`, "User-Agent", "agent/1")
	callLogs(t, url, "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`, "User-Agent", "agent/1")
	callLogs(t, url, "PutLogEvents", putBody(t, []event{{1, "old"}, {after(0), "taken"}}), "User-Agent", "agent/1")
	callLogs(t, url, "PutLogEvents", "{", "User-Agent", "agent/1 api/logs#1 m/e")
	callQuery(t, url, putForm, "User-Agent", "agent/2")
	clients := s.Clients()
	slices.SortFunc(clients, func(a, b local.Client) int { return strings.Compare(a.UserAgent, b.UserAgent) })
	if len(clients) != 2 {
		t.Fatalf("%+v", clients)
	}
	one, two := clients[0], clients[1]
	if one.Events != 1 || one.Rejected["too old"] != 1 || one.Errors["SerializationException"] != 1 || one.Requests["PutLogEvents"] != 2 ||
		one.Host != "127.0.0.1" || !one.LastPutLogEvents.Equal(noon()) || !one.LastPutMetricData.IsZero() {
		t.Errorf("agent/1: %+v", one)
	}
	if two.Data != 1 || !two.LastPutMetricData.Equal(noon()) || two.Bytes != int64(len(putForm)) {
		t.Errorf("agent/2: %+v", two)
	}
	if s.Requests()["PutLogEvents"] != 2 || s.Errors()["SerializationException"] != 1 {
		t.Errorf("%v %v", s.Requests(), s.Errors())
	}
}
