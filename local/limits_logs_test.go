package local_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

type event struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

// putBody is a PutLogEvents request to group g, stream s.
func putBody(t testing.TB, events []event) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"logGroupName": "g", "logStreamName": "s", "logEvents": events})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// at noon, plus a duration, in milliseconds.
func after(d time.Duration) int64 { return noon().Add(d).UnixMilli() }

func repeat(n int, e event) []event {
	events := make([]event, n)
	for i := range events {
		events[i] = e
	}
	return events
}

// withStream is a server with log group g and stream s.
func withStream(t testing.TB) string {
	t.Helper()
	url := serve(t, atNoon())
	for _, call := range [][2]string{{"CreateLogGroup", `{"logGroupName":"g"}`}, {"CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`}} {
		if got := callLogs(t, url, call[0], call[1]); got.status != 200 {
			t.Fatalf("%s: %s", call[0], got.body)
		}
	}
	return url
}

// refusal is an answer's error code, or "" for none.
func refusal(a answer) string {
	if a.status == 200 {
		return ""
	}
	var shape struct {
		Type string `json:"__type"`
	}
	if json.Unmarshal([]byte(a.body), &shape) != nil {
		return "not JSON: " + a.body
	}
	_, name, found := strings.Cut(shape.Type, "#")
	if !found {
		name = shape.Type
	}
	return name
}

func TestPutLogEventsLimits(t *testing.T) {
	url := withStream(t)
	const invalid = "InvalidParameterException"
	line := func(n int) string { return strings.Repeat("x", n) }
	for name, c := range map[string]struct {
		events []event
		want   string // error code
		says   string
	}{
		"10,000 events":              {repeat(10_000, event{after(0), "x"}), "", ""},
		"10,001 events":              {repeat(10_001, event{after(0), "x"}), invalid, "less than or equal to 10000"},
		"no events":                  {[]event{}, invalid, "greater than or equal to 1"},
		"1,048,576 bytes":            {repeat(1024, event{after(0), line(1024 - 26)}), "", ""},
		"one byte more":              {append(repeat(1023, event{after(0), line(1024 - 26)}), event{after(0), line(1025 - 26)}), invalid, "Upload too large: 1048577 bytes exceeds limit of 1048576"},
		"bytes are counted in UTF-8": {repeat(2, event{after(0), strings.Repeat("é", 300_000)}), invalid, "Upload too large: 1200052"},
		"an event of 1 MB":           {[]event{{after(0), line(1_048_576 - 26)}}, "", ""},
		"an event beyond 1 MB":       {[]event{{after(0), line(1_048_576 - 25)}}, invalid, "Log event too large: 1048577 bytes exceeds limit of 1048576"},
		"24 hours":                   {[]event{{after(-24 * time.Hour), "x"}, {after(0), "x"}}, "", ""},
		"24 hours and 1 ms":          {[]event{{after(-24*time.Hour) - 1, "x"}, {after(0), "x"}}, invalid, "cannot span more than 24 hours"},
		"out of order":               {[]event{{after(0), "x"}, {after(0) - 1, "x"}}, invalid, "chronological order"},
		"an empty message":           {[]event{{after(0), ""}}, invalid, "'logEvents.1.member.message'"},
		"a negative time":            {[]event{{-1, "x"}}, invalid, "greater than or equal to 0"},
		"a span over rejected ones":  {[]event{{after(-30 * 24 * time.Hour), "old"}, {after(0), "x"}, {after(3 * time.Hour), "new"}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := callLogs(t, url, "PutLogEvents", putBody(t, c.events))
			if refusal(got) != c.want || !strings.Contains(got.body, c.says) {
				t.Errorf("%d %.300s, want %s saying %q", got.status, got.body, c.want, c.says)
			}
		})
	}
}

func TestEventsOutsideOfTheirTimeAreRejectedByIndex(t *testing.T) {
	url := withStream(t)
	day := 24 * time.Hour
	events := []event{{after(-15 * day), "too old"}, {after(-14*day) - 1, "too old"}, {after(-14 * day), "taken"},
		{after(-14*day + time.Hour), "taken"}}
	check := func(events []event, want string) {
		t.Helper()
		got := callLogs(t, url, "PutLogEvents", putBody(t, events))
		_, info, _ := strings.Cut(got.body, `"rejectedLogEventsInfo":`)
		if got.status != 200 || strings.TrimSuffix(info, "}") != strings.TrimSuffix(want, "}") && info != want+"}" {
			t.Errorf("%d %s, want %s", got.status, got.body, want)
		}
	}
	check(events, `{"tooOldLogEventEndIndex":2}`)
	check([]event{{after(2 * time.Hour), "taken"}, {after(2*time.Hour) + 1, "too new"}, {after(9 * time.Hour), "too new"}}, `{"tooNewLogEventStartIndex":1}`)
	check([]event{{after(-15 * day), "too old"}, {after(3 * time.Hour), "too new"}}, `{"tooNewLogEventStartIndex":1,"tooOldLogEventEndIndex":1}`)

	if got := callLogs(t, url, "PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":3}`); got.status != 200 {
		t.Fatal(got.body)
	}
	check([]event{{after(-15 * day), "too old"}, {after(-3*day) - 1, "expired"}, {after(-3 * day), "taken"}}, `{"tooOldLogEventEndIndex":1,"expiredLogEventEndIndex":2}`)
	check([]event{{after(-3*day) - 2, "expired"}, {after(-3*day) - 1, "expired"}}, `{"expiredLogEventEndIndex":2}`)
}

func TestLogNamesAndOtherLimits(t *testing.T) {
	url := withStream(t)
	long := strings.Repeat("n", 512)
	quote := func(format string, args ...any) string { return fmt.Sprintf(format, args...) }
	for _, c := range []struct {
		name, operation, body, want string
	}{
		{"a name of 512", "CreateLogGroup", quote(`{"logGroupName":%q}`, long), ""},
		{"a name of 513", "CreateLogGroup", quote(`{"logGroupName":%q}`, long+"n"), "InvalidParameterException"},
		{"every character", "CreateLogGroup", `{"logGroupName":"/aZ9_-.#"}`, ""},
		{"a blank in a group's name", "CreateLogGroup", `{"logGroupName":"a b"}`, "InvalidParameterException"},
		{"an empty name", "CreateLogGroup", `{"logGroupName":""}`, "InvalidParameterException"},
		{"no name", "CreateLogGroup", `{}`, "InvalidParameterException"},
		{"a reserved name", "CreateLogGroup", `{"logGroupName":"aws/mine"}`, "InvalidParameterException"},
		{"not reserved", "CreateLogGroup", `{"logGroupName":"/aws/lambda/f"}`, ""},
		{"an unknown class", "CreateLogGroup", `{"logGroupName":"c","logGroupClass":"CHEAP"}`, "InvalidParameterException"},
		{"a key that does not exist", "CreateLogGroup", `{"logGroupName":"c","kmsKeyId":"k"}`, "InvalidParameterException"},
		{"a group twice", "CreateLogGroup", `{"logGroupName":"g"}`, "ResourceAlreadyExistsException"},
		{"a stream twice", "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`, "ResourceAlreadyExistsException"},
		{"a colon", "CreateLogStream", `{"logGroupName":"g","logStreamName":"a:b"}`, "InvalidParameterException"},
		{"an asterisk", "CreateLogStream", `{"logGroupName":"g","logStreamName":"a*b"}`, "InvalidParameterException"},
		{"a blank in a stream's name", "CreateLogStream", `{"logGroupName":"g","logStreamName":"a b é"}`, ""},
		{"a stream in no group", "CreateLogStream", `{"logGroupName":"none","logStreamName":"s"}`, "ResourceNotFoundException"},
		{"events in no group", "PutLogEvents", `{"logGroupName":"none","logStreamName":"s","logEvents":[{"timestamp":1,"message":"x"}]}`, "ResourceNotFoundException"},
		{"events in no stream", "PutLogEvents", `{"logGroupName":"g","logStreamName":"none","logEvents":[{"timestamp":1,"message":"x"}]}`, "ResourceNotFoundException"},
		{"events without a time", "PutLogEvents", `{"logGroupName":"g","logStreamName":"s","logEvents":[{"message":"x"}]}`, "InvalidParameterException"},
		{"no list of events", "PutLogEvents", `{"logGroupName":"g","logStreamName":"s"}`, "InvalidParameterException"},
		{"8 days", "PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":8}`, "InvalidParameterException"},
		{"no days", "PutRetentionPolicy", `{"logGroupName":"g"}`, "InvalidParameterException"},
		{"3653 days", "PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":3653}`, ""},
		{"retention of no group", "PutRetentionPolicy", `{"logGroupName":"none","retentionInDays":1}`, "ResourceNotFoundException"},
		{"51 groups", "DescribeLogGroups", `{"limit":51}`, "InvalidParameterException"},
		{"prefix and pattern", "DescribeLogGroups", `{"logGroupNamePrefix":"a","logGroupNamePattern":"a"}`, "InvalidParameterException"},
		{"prefix by time", "DescribeLogStreams", `{"logGroupName":"g","logStreamNamePrefix":"s","orderBy":"LastEventTime"}`, "InvalidParameterException"},
		{"name and identifier", "DescribeLogStreams", `{"logGroupName":"g","logGroupIdentifier":"g"}`, "InvalidParameterException"},
		{"an ARN", "DescribeLogStreams", `{"logGroupIdentifier":"arn:aws:logs:eu-west-1:000000000000:log-group:g:*"}`, ""},
		{"10,001 events asked for", "GetLogEvents", `{"logGroupName":"g","logStreamName":"s","limit":10001}`, "InvalidParameterException"},
		{"a made-up token", "GetLogEvents", `{"logGroupName":"g","logStreamName":"s","nextToken":"f/1"}`, "InvalidParameterException"},
		{"names and a prefix", "FilterLogEvents", `{"logGroupName":"g","logStreamNames":["s"],"logStreamNamePrefix":"s"}`, "InvalidParameterException"},
		{"a name of no stream", "FilterLogEvents", `{"logGroupName":"g","logStreamNames":["none"]}`, "ResourceNotFoundException"},
		{"a term that wants quotes", "FilterLogEvents", `{"logGroupName":"g","filterPattern":"a/b"}`, "InvalidParameterException"},
		{"a JSON pattern", "FilterLogEvents", `{"logGroupName":"g","filterPattern":"{ $.a = 1 }"}`, "InvalidParameterException"},
		{"a long pattern", "FilterLogEvents", quote(`{"logGroupName":"g","filterPattern":%q}`, strings.Repeat("a", 1025)), "InvalidParameterException"},
		{"newest first of long ago", "FilterLogEvents", `{"logGroupName":"g","startFromHead":false}`, "InvalidParameterException"},
		{"deleting what is not there", "DeleteLogGroup", `{"logGroupName":"none"}`, "ResourceNotFoundException"},
		{"an operation that is not there", "StartQuery", `{}`, "UnknownOperationException"},
		{"not JSON", "PutLogEvents", `{"logGroupName":`, "SerializationException"},
		{"another type", "PutLogEvents", `{"logGroupName":["g"]}`, "SerializationException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := callLogs(t, url, c.operation, c.body); refusal(got) != c.want {
				t.Errorf("%d %s, want %q", got.status, got.body, c.want)
			}
		})
	}
}

func TestAProtectedGroupIsNotDeleted(t *testing.T) {
	url := serve(t, atNoon())
	callLogs(t, url, "CreateLogGroup", `{"logGroupName":"g","deletionProtectionEnabled":true}`)
	if got := callLogs(t, url, "DeleteLogGroup", `{"logGroupName":"g"}`); refusal(got) != "ValidationException" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
