package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// withFaults is a server with a log group g, a stream s and rules that were given over HTTP.
func withFaults(t *testing.T, rules string) (*local.Server, string) {
	t.Helper()
	s := atNoon()
	url := serve(t, s)
	callLogs(t, url, "CreateLogGroup", `{"logGroupName":"g"}`)
	callLogs(t, url, "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
	putFaults(t, url, rules)
	return s, url
}

func putFaults(t *testing.T, url, rules string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequest(http.MethodPut, url+"/faults", strings.NewReader(rules))
	if err != nil {
		t.Fatal(err)
	}
	got := send(t, request, headers...)
	if len(headers) == 0 && got.status != http.StatusOK {
		t.Fatalf("PUT /faults %s: %d %s", rules, got.status, got.body)
	}
	return got
}

// tryEvents posts one event and tells how the connection ended.
func tryEvents(t *testing.T, ctx context.Context, url, group, message string) error {
	t.Helper()
	body := `{"logGroupName":"` + group + `","logStreamName":"s","logEvents":[{"timestamp":1795176000000,"message":"` + message + `"}]}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", signature)
	request.Header.Set("X-Amz-Target", "Logs_20140328.PutLogEvents")
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		response.Body.Close()
	}
	return err
}

func putEvent(t *testing.T, url, message string) answer {
	t.Helper()
	return callLogs(t, url, "PutLogEvents",
		`{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1795176000000,"message":"`+message+`"}]}`)
}

// stored lists the messages of stream s in group g.
func stored(t *testing.T, s *local.Server) (messages []string) {
	t.Helper()
	events, err := s.Events("g", "s")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		messages = append(messages, e.Message)
	}
	return messages
}

func TestAnswerIsLostAfterTheWrite(t *testing.T) {
	s, url := withFaults(t, `[{"operation":"PutLogEvents","do":"lose_answer","times":1}]`)
	if err := tryEvents(t, t.Context(), url, "g", "first"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ended with %v, want a reset", err)
	}
	if got := stored(t, s); !slices.Equal(got, []string{"first"}) {
		t.Errorf("stored %q, want what was not answered", got)
	}
	if got := putEvent(t, url, "second"); got.status != http.StatusOK {
		t.Errorf("after its one time: %d %s", got.status, got.body)
	}
}

func TestConnectionIsResetBeforeTheWrite(t *testing.T) {
	s, url := withFaults(t, `[{"operation":"PutLogEvents","do":"reset"}]`)
	if err := tryEvents(t, t.Context(), url, "g", "x"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ended with %v, want a reset", err)
	}
	if got := stored(t, s); len(got) != 0 {
		t.Errorf("stored %q, want nothing", got)
	}
	if got := callLogs(t, url, "DescribeLogGroups", `{}`); got.status != http.StatusOK {
		t.Errorf("another operation: %d", got.status)
	}
}

func TestErrorComesInTheFormOfEachProtocol(t *testing.T) {
	s := atNoon()
	url := serve(t, s)
	putFaults(t, url, `[{"operation":"*","do":"error","code":"ThrottlingException","message":"too fast"}]`)
	logs := callLogs(t, url, "DescribeLogGroups", `{}`)
	if logs.status != 400 || !strings.Contains(logs.body, `{"__type":"ThrottlingException","message":"too fast"}`) {
		t.Errorf("JSON: %d %s", logs.status, logs.body)
	}
	query := callQuery(t, url, "Action=ListMetrics&Version=2010-08-01")
	if query.status != 400 || !strings.Contains(query.body, "<Code>Throttling</Code><Message>too fast</Message>") {
		t.Errorf("Query: %d %s", query.status, query.body)
	}
	cbor := post(t, url+"/service/GraniteServiceVersion20100801/operation/ListMetrics", "\xa0", "Smithy-Protocol", "rpc-v2-cbor", "Content-Type", "application/cbor")
	if cbor.status != 400 || cbor.header.Get("X-Amzn-Query-Error") != "Throttling;Sender" || !strings.Contains(cbor.body, "ThrottlingException") {
		t.Errorf("CBOR: %d %v %q", cbor.status, cbor.header, cbor.body)
	}
	putFaults(t, url, `[{"operation":"*","do":"error","code":"InternalFailure"}]`)
	if got := callLogs(t, url, "DescribeLogGroups", `{}`); got.status != 500 {
		t.Errorf("a code with a status of its own: %d", got.status)
	}
	putFaults(t, url, `[{"operation":"*","do":"error","code":"InternalFailure","status":599}]`)
	if got := callLogs(t, url, "DescribeLogGroups", `{}`); got.status != 599 {
		t.Errorf("a status that was asked for: %d", got.status)
	}
	if got := s.Errors(); got["ThrottlingException"]+got["Throttling"] != 3 || got["InternalFailure"] != 2 {
		t.Errorf("errors: %v", got)
	}
}

func TestStatusWithoutABodyAndAPageOfHTML(t *testing.T) {
	s, url := withFaults(t, `[{"operation":"PutLogEvents","do":"status","status":503}]`)
	if got := putEvent(t, url, "x"); got.status != 503 || got.body != "" || got.header.Get("X-Amzn-Requestid") != "" {
		t.Errorf("status: %d %q %v", got.status, got.body, got.header)
	}
	putFaults(t, url, `[{"operation":"PutLogEvents","do":"garbage"}]`)
	if got := putEvent(t, url, "x"); got.status != 200 || !strings.HasPrefix(got.body, "<!DOCTYPE html>") {
		t.Errorf("garbage: %d %q", got.status, got.body)
	}
	putFaults(t, url, `[{"operation":"PutLogEvents","do":"garbage","status":502}]`)
	if got := putEvent(t, url, "x"); got.status != 502 || !strings.HasPrefix(got.body, "<!DOCTYPE html>") {
		t.Errorf("garbage: %d %q", got.status, got.body)
	}
	if got := stored(t, s); len(got) != 0 {
		t.Errorf("stored %q, want nothing", got)
	}
}

// until lets others run until something holds.
func until(holds func() bool) {
	for !holds() {
		runtime.Gosched()
	}
}

// struck waits until the server's n-th rule has struck so often.
func struck(s *local.Server, n int, times int64) {
	until(func() bool { return s.Faults()[n].Struck >= times })
}

func TestHangLastsUntilTheClientGivesUp(t *testing.T) {
	s, url := withFaults(t, `[{"operation":"PutLogEvents","do":"hang"}]`)
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tryEvents(t, ctx, url, "g", "x") }()
	struck(s, 0, 1)
	giveUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the client ended with %v", err)
	}
	go func() { ended <- tryEvents(t, t.Context(), url, "g", "y") }()
	struck(s, 0, 2)
	if got := deleteFaults(t, url); got.status != 200 || got.body != "[]" {
		t.Errorf("DELETE /faults: %d %s", got.status, got.body)
	}
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a hang whose rule was removed ended with %v", err)
	}
	if got := stored(t, s); len(got) != 0 {
		t.Errorf("stored %q, want nothing", got)
	}
}

func deleteFaults(t *testing.T, url string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequest(http.MethodDelete, url+"/faults", nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, request, headers...)
}

func TestDelayedCallIsCarriedOutAndMeetsTheNextRule(t *testing.T) {
	s, url := withFaults(t, `[{"operation":"PutLogEvents","do":"delay","latency":"1000h"},{"operation":"PutLogEvents","do":"lose_answer"}]`)
	ended := make(chan error, 1)
	go func() { ended <- tryEvents(t, t.Context(), url, "g", "x") }()
	struck(s, 0, 1)
	if got := stored(t, s); len(got) != 0 {
		t.Errorf("stored %q before the delay was over", got)
	}
	deleteFaults(t, url)
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("it ended with %v", err)
	}
	if got := stored(t, s); !slices.Equal(got, []string{"x"}) {
		t.Errorf("stored %q", got)
	}
	putFaults(t, url, `[{"operation":"PutLogEvents","do":"delay","latency":"1ms-2ms"}]`)
	if got := putEvent(t, url, "y"); got.status != 200 {
		t.Errorf("after a short delay: %d", got.status)
	}
}

func TestClientThatGivesUpDuringADelayWasNotHeard(t *testing.T) {
	s, url := withFaults(t, `[{"operation":"PutLogEvents","do":"delay","latency":"1000h"}]`)
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tryEvents(t, ctx, url, "g", "x") }()
	struck(s, 0, 1)
	giveUp()
	<-ended
	until(func() bool { return s.Errors()["InjectedFault"] > 0 }) // the call has ended on the server's side
	if got := stored(t, s); len(got) != 0 {
		t.Errorf("stored %q, want nothing", got)
	}
}

func TestThrottlingLetsSoManyPassInASecond(t *testing.T) {
	var later atomic.Int64 // than noon
	s := &local.Server{Now: func() time.Time { return noon().Add(time.Duration(later.Load())) }}
	url := serve(t, s)
	putFaults(t, url, `[{"operation":"DescribeLogGroups","do":"throttle","per_second":3}]`)
	f := func(want int) {
		t.Helper()
		passed := 0
		for range 10 {
			switch got := callLogs(t, url, "DescribeLogGroups", `{}`); {
			case got.status == 200:
				passed++
			case got.status != 400 || !strings.Contains(got.body, `"__type":"ThrottlingException"`) || !strings.Contains(got.body, "Rate exceeded"):
				t.Errorf("got %d %s", got.status, got.body)
			}
		}
		if passed != want {
			t.Errorf("%d of 10 passed, want %d", passed, want)
		}
	}
	f(3)
	f(0)
	later.Add(int64(time.Second))
	f(3)
	later.Add(int64(time.Minute))
	f(3)
	putFaults(t, url, `[{"operation":"DescribeLogGroups","do":"throttle","per_second":0.5}]`)
	f(1)
	later.Add(int64(time.Second))
	f(0)
	later.Add(int64(time.Second))
	f(1)
}

func TestRuleOfOneLogGroupLeavesTheOthers(t *testing.T) {
	s, url := withFaults(t, `[{"operation":"*","group":"denied","do":"error","code":"AccessDeniedException"}]`)
	callLogs(t, url, "CreateLogGroup", `{"logGroupName":"other"}`)
	if got := callLogs(t, url, "CreateLogGroup", `{"logGroupName":"denied"}`); got.status != 400 || !strings.Contains(got.body, "AccessDeniedException") {
		t.Errorf("the denied group: %d %s", got.status, got.body)
	}
	if got := putEvent(t, url, "x"); got.status != 200 {
		t.Errorf("another group: %d %s", got.status, got.body)
	}
	compressed := post(t, url, gzipped(t, `{"logGroupName":"denied","logStreamName":"s"}`), "X-Amz-Target", "Logs_20140328.CreateLogStream",
		"Content-Type", "application/x-amz-json-1.1", "Content-Encoding", "gzip")
	if compressed.status != 400 || !strings.Contains(compressed.body, "AccessDeniedException") {
		t.Errorf("the denied group, compressed: %d %s", compressed.status, compressed.body)
	}
	if got := s.Faults(); got[0].Matched != 2 || got[0].Struck != 2 {
		t.Errorf("counted %+v", got)
	}
}

func TestRateIsDrawnFromTheSeed(t *testing.T) {
	draw := func(seed string) (fates string) {
		_, url := withFaults(t, `[{"operation":"DescribeLogGroups","do":"status","status":500,"rate":0.3,"seed":`+seed+`}]`)
		for range 60 {
			if callLogs(t, url, "DescribeLogGroups", `{}`).status == 500 {
				fates += "x"
			} else {
				fates += "."
			}
		}
		return fates
	}
	first, again, other := draw("7"), draw("7"), draw("8")
	if first != again || first == other {
		t.Errorf("seed 7: %s\nagain:  %s\nseed 8: %s", first, again, other)
	}
	if n := strings.Count(first, "x"); n < 6 || n > 36 {
		t.Errorf("%d of 60 were struck at a rate of 0.3: %s", n, first)
	}
}

func TestRuleEndsAfterItsTimesAndAfterItsTime(t *testing.T) {
	var later atomic.Int64
	s := &local.Server{Now: func() time.Time { return noon().Add(time.Duration(later.Load())) }}
	url := serve(t, s)
	putFaults(t, url, `[{"operation":"*","do":"status","status":500,"times":2},{"operation":"*","do":"status","status":501,"for":"5s","rate":1}]`)
	f := func(want ...int) {
		t.Helper()
		for _, w := range want {
			if got := callLogs(t, url, "DescribeLogGroups", `{}`); got.status != w {
				t.Errorf("got %d, want %d", got.status, w)
			}
		}
	}
	f(500, 500, 501, 501)
	later.Store(int64(5*time.Second) - 1)
	f(501)
	later.Store(int64(5 * time.Second))
	f(200)
	var counts []struct {
		Rule    map[string]any
		Matched int
		Struck  int
		Ended   bool
	}
	if err := json.Unmarshal([]byte(get(t, url+"/faults").body), &counts); err != nil {
		t.Fatal(err)
	}
	if len(counts) != 2 || counts[0].Struck != 2 || counts[1].Struck != 3 || !counts[0].Ended || !counts[1].Ended ||
		counts[1].Rule["for"] != "5s" || counts[0].Rule["seed"] != nil || counts[1].Rule["seed"] == nil {
		t.Errorf("counted %+v", counts)
	}
}

func TestRulesThatAreShownCanBeGivenAgain(t *testing.T) {
	rules := `[{"operation":"PutLogEvents","group":"g","do":"error","rate":0.25,"seed":9007199254740993,"times":3,"for":"1m30s","latency":"100ms-2s",` +
		`"code":"AccessDeniedException","message":"no","status":403},{"operation":"*","do":"throttle","seed":1,"per_second":2.5}]`
	_, url := withFaults(t, rules)
	var counts []struct{ Rule json.RawMessage }
	if err := json.Unmarshal([]byte(get(t, url+"/faults").body), &counts); err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, c := range counts {
		shown = append(shown, string(c.Rule))
	}
	if got := "[" + strings.Join(shown, ",") + "]"; got != rules {
		t.Errorf("shown %s\ngiven %s", got, rules)
	}
}

func FuzzFault(f *testing.F) {
	f.Add(`{"operation":"*","do":"error","rate":0.5,"seed":18446744073709551615,"times":2,"for":"1h2m","latency":"0s-2s","code":"A","status":404}`)
	f.Add(`{"operation":"PutMetricData","do":"throttle","per_second":1e-9}`)
	f.Add(`{"do":"delay","latency":"1ns-2562047h47m16.854775807s"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var read, again local.Fault
		if read.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		shown, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalJSON(shown); err != nil || again != read {
			t.Errorf("%s was read as %+v, shown as %s and read as %+v, %v", text, read, shown, again, err)
		}
	})
}

func TestRuleWithAMistakeIsRefusedAndChangesNothing(t *testing.T) {
	_, url := withFaults(t, `[{"operation":"PutMetricData","do":"reset"}]`)
	before := get(t, url+"/faults").body
	f := func(rules string, want ...string) {
		t.Helper()
		got := putFaults(t, url, rules, "Accept", "*/*")
		if got.status != http.StatusBadRequest {
			t.Errorf("%s: status %d", rules, got.status)
		}
		var said struct{ Error string }
		if err := json.Unmarshal([]byte(got.body), &said); err != nil {
			t.Errorf("%s: %v", rules, err)
		}
		for _, w := range want {
			if !strings.Contains(said.Error, w) {
				t.Errorf("%s: said %q, want %q", rules, said.Error, w)
			}
		}
	}
	rule := func(rest string) string { return `[{"operation":"*","do":"reset"},{"operation":"*",` + rest + `}]` }
	f(``, "not a JSON list of rules")
	f(`null`, "not a JSON list of rules")
	f(`{"operation":"*","do":"reset"}`, "not a JSON list of rules")
	f(`[] []`, "not a JSON list of rules")
	f("[\"\xff\"]", "not UTF-8")
	f(`[null]`, "rule 1: it is no object")
	f(`["reset"]`, "rule 1: it is no object but a JSON string")
	f(rule(`"do":"reset","tmies":1`), `rule 2: there is no field "tmies"; there are operation, group, do, rate`)
	f(rule(`"do":"reset","Times":1`), `"Times" is not a member, "times" is`)
	f(rule(`"do":"reset","times":"1"`), "times: a JSON string is not of its type, int")
	f(rule(`"do":"reset","times":1.5`), "times: a JSON number 1.5 is not of its type, int")
	f(rule(`"do":"reset","times":0`), "times: it says nothing")
	f(rule(`"do":"reset","times":-1`), "times: -1 is below 1")
	f(rule(`"do":"reset","rate":0`), "rate: it says nothing")
	f(rule(`"do":"reset","rate":1.01`), "rate: 1.01 is not above 0 and at most 1")
	f(rule(`"do":"reset","rate":-0.5`), "rate: -0.5 is not above 0")
	f(rule(`"do":"reset","for":"3"`), `for: "3" is no length of time such as 500ms`)
	f(rule(`"do":"reset","for":"-3s"`), `for: "-3s" is no length of time`)
	f(rule(`"do":"reset","for":"0s"`), `for: "0s" is no length of time`)
	f(rule(`"do":"reset","latency":"2s-1s"`), `latency: "2s-1s" does not go up`)
	f(rule(`"do":"reset","latency":"1s-"`), `latency: "" is no length of time`, "or a range such as 100ms-2s")
	f(rule(`"do":"reset","latency":"0s"`), `latency: "0s" is no length of time`)
	f(rule(`"do":"reset","latency":"-1s-2s"`), `latency: "" is no length of time`)
	f(rule(`"do":"delay"`), "latency: delay needs it")
	f(rule(`"do":"error"`), "code: error needs it")
	f(rule(`"do":"error","code":"a\r\nb"`), "code, message")
	f(rule(`"do":"error","code":"A","status":200`), "status: 200 is not from 400 to 599")
	f(rule(`"do":"status"`), "status: status needs it")
	f(rule(`"do":"status","status":101`), "status: 101 is not from 200 to 599")
	f(rule(`"do":"status","status":600`), "status: 600 is not from 200 to 599")
	f(rule(`"do":"throttle"`), "per_second: throttle needs it")
	f(rule(`"do":"throttle","per_second":-1`), "per_second: -1 is not above 0")
	f(rule(`"do":"reset","per_second":1`), "per_second: it means nothing to reset")
	f(rule(`"do":"reset","status":500`), "status: it means nothing to reset")
	f(rule(`"do":"hang","code":"A"`), "code: it means nothing to hang")
	f(rule(`"do":"explode"`), `do: "explode" is nothing that a fault does; there are error, throttle`)
	f(`[{"operation":"*"}]`, `do: "" is nothing that a fault does`)
	f(`[{"do":"reset"}]`, `operation: it is required; "*" is every operation`)
	f(`[{"operation":"","do":"reset"}]`, "operation: it says nothing")
	f(`[{"operation":"PutLogEvent","do":"reset"}]`, `operation: "PutLogEvent" is none that is answered here; there are "*", AssumeRole`, "PutLogEvents")
	f(`[{"operation":"PutMetricData","group":"g","do":"reset"}]`, "group: PutMetricData names no log group")
	f("["+strings.Repeat(`{"operation":"*","do":"reset"},`, 100)+`{"operation":"*","do":"reset"}]`, "101 rules, which is more than 100")
	f("["+strings.Repeat(" ", 1<<20)+"]", "more than 1048576 bytes")
	if after := get(t, url+"/faults").body; after != before {
		t.Errorf("the rules are %s, were %s", after, before)
	}
}

func TestFaultsAreOutOfReachForOtherSites(t *testing.T) {
	s, url := withFaults(t, `[]`)
	rules := `[{"operation":"*","do":"reset"}]`
	for _, c := range [][]string{
		{"Host", "evil.example"},
		{"Origin", "http://evil.example"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
	} {
		if got := putFaults(t, url, rules, c...); got.status != http.StatusForbidden {
			t.Errorf("PUT with %v: %d", c, got.status)
		}
		if got := deleteFaults(t, url, c...); got.status != http.StatusForbidden {
			t.Errorf("DELETE with %v: %d", c, got.status)
		}
		if got := get(t, url+"/faults", c...); got.status != http.StatusForbidden {
			t.Errorf("GET with %v: %d", c, got.status)
		}
	}
	if got := post(t, url+"/faults", rules, "Content-Type", "text/plain"); got.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", got.status)
	}
	if got := s.Faults(); len(got) != 0 {
		t.Errorf("faults %v", got)
	}
	if got := putFaults(t, url, rules, "Origin", url, "Sec-Fetch-Site", "same-origin"); got.status != 200 || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("PUT of the console's own page: %d %v", got.status, got.header)
	}
}

func TestFaultsAreSetFromGo(t *testing.T) {
	s := atNoon()
	url := serve(t, s)
	if err := s.SetFaults(local.Fault{Operation: "*", Do: local.FaultStatus, Status: 500}, local.Fault{Operation: "*", Do: "nonsense"}); err == nil ||
		!strings.HasPrefix(err.Error(), "set faults: rule 2: do: ") {
		t.Errorf("a rule with a mistake: %v", err)
	}
	if err := s.SetFaults(local.Fault{Operation: "*", Do: local.FaultStatus, Status: 500, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if got := callLogs(t, url, "DescribeLogGroups", `{}`); got.status != 500 {
		t.Errorf("got %d", got.status)
	}
	if got := s.Faults(); len(got) != 1 || got[0].Struck != 1 || !got[0].Ended {
		t.Errorf("counted %+v", got)
	}
	s.ClearFaults()
	if got := s.Faults(); len(got) != 0 {
		t.Errorf("after clearing: %+v", got)
	}
}

// A handler that cannot give its connection away, as under HTTP/2, ends the answer instead.
func TestResetWithoutAConnectionOfItsOwn(t *testing.T) {
	s := atNoon()
	web := httptest.NewUnstartedServer(s)
	web.EnableHTTP2 = true
	web.StartTLS()
	t.Cleanup(func() { web.Close(); _ = s.Close() })
	if err := s.SetFaults(local.Fault{Operation: "*", Do: local.FaultReset}); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, web.URL, bytes.NewReader([]byte(`{}`)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", signature)
	request.Header.Set("X-Amz-Target", "Logs_20140328.DescribeLogGroups")
	if response, err := web.Client().Do(request); err == nil {
		response.Body.Close()
		t.Errorf("got an answer: %s", response.Status)
	}
}
