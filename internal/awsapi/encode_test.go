package awsapi

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

func FuzzJSONString(f *testing.F) {
	f.Add("plain")
	f.Add("\"quotes\" and \\ and \x00\x1f\x7f\n\r\t")
	f.Add("ä€😀 <script>&\u2028")
	f.Add(strings.Repeat("1234567\"", 9))
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return // a batch holds none
		}
		var back string
		if quoted := appendJSONString(nil, []byte(s)); json.Unmarshal(quoted, &back) != nil || back != s {
			t.Errorf("%q became %s", s, quoted)
		}
	})
}

func TestRequestBodyIsWhatEncodingJSONReads(t *testing.T) {
	f := func(n int) {
		t.Helper()
		var b cloudwatch.LogBatch
		var want []string
		for i := range n {
			want = append(want, strings.Repeat("x\"\n", i%50))
			if !b.Add(time.UnixMilli(int64(1000+i/3)), []byte(want[i])) {
				t.Fatal("batch full")
			}
		}
		var raw bytes.Buffer
		if _, err := encodeLogEvents(&raw, cloudwatch.LogStream{Group: "g\"", Name: "s"}, &b, nil); err != nil {
			t.Fatal(err)
		}
		var got struct {
			LogGroupName, LogStreamName string
			LogEvents                   []struct {
				Timestamp int64
				Message   string
			}
		}
		d := json.NewDecoder(&raw)
		if err := d.Decode(&got); err != nil || d.More() {
			t.Fatalf("%d events: %v", n, err)
		}
		if got.LogGroupName != "g\"" || got.LogStreamName != "s" || len(got.LogEvents) != n {
			t.Fatalf("got %s %s, %d events", got.LogGroupName, got.LogStreamName, len(got.LogEvents))
		}
		for i, e := range got.LogEvents {
			if e.Message != want[i] || e.Timestamp != int64(1000+i/3) {
				t.Errorf("event %d: got %+v", i, e)
			}
		}
	}
	f(0)
	f(1)
	f(3)
	f(5000)
}
