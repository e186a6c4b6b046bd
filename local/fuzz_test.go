package local

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// answers sends a body to a server and fails unless the answer is a decision: no panic, no error
// of the server's own.
func answers(t *testing.T, s *Server, path, body string, headers ...string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/20261120/eu-west-1/logs/aws4_request, Signature=0")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code >= 500 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
}

// fuzzed is a server with a log group g, a stream s, and a metric m, at a fixed time.
func fuzzed(f *testing.F) *Server {
	s := &Server{Now: func() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }}
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	if err := s.Open(); err != nil {
		f.Fatal(err)
	}
	ctx := f.Context()
	if _, err := s.store.createGroup(ctx, "g", "STANDARD", false, 1); err != nil {
		f.Fatal(err)
	}
	if _, err := s.store.createStream(ctx, 1, "s", 1); err != nil {
		f.Fatal(err)
	}
	return s
}

func FuzzJSON(f *testing.F) {
	for _, seed := range [][2]string{
		{"PutLogEvents", `{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1795176000000,"message":"x"},{"timestamp":9223372036854775807,"message":"y"}]}`},
		{"GetLogEvents", `{"logGroupName":"g","logStreamName":"s","nextToken":"b/0000000179517600000000000000000000000001000000","endTime":-9223372036854775808}`},
		{"FilterLogEvents", `{"logGroupName":"g","filterPattern":"?a ?b","limit":1,"startTime":9223372036854775807,"startFromHead":false}`},
		{"DescribeLogStreams", `{"logGroupName":"g","nextToken":"zz","orderBy":"LastEventTime"}`},
		{"PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":1}`},
		{"DescribeLogGroups", `{"logGroupNamePattern":"%_","limit":1}`},
	} {
		f.Add(seed[0], seed[1])
	}
	s := fuzzed(f)
	f.Fuzz(func(t *testing.T, operation, body string) {
		if strings.ContainsAny(operation, "\r\n\x00") {
			return
		}
		answers(t, s, "/", body, "X-Amz-Target", "Logs_20140328."+operation, "Content-Type", "application/x-amz-json-1.1")
		answers(t, s, "/", body, "X-Amz-Target", "GraniteServiceVersion20100801."+operation)
	})
}

func FuzzParameters(f *testing.F) {
	for _, seed := range [][2]string{
		{"PutParameter", `{"Name":"/a/b","Value":"v","Type":"String","Tier":"Intelligent-Tiering","Overwrite":true,"AllowedPattern":"v+"}`},
		{"GetParameter", `{"Name":"arn:aws:ssm:eu-west-1:000000000000:parameter/a/b:1","WithDecryption":true}`},
		{"GetParameters", `{"Names":["p"," p:2"]}`},
		{"GetParametersByPath", `{"Path":"/","Recursive":true,"MaxResults":1,"NextToken":"cA"}`},
		{"DescribeParameters", `{"ParameterFilters":[{"Key":"Name","Option":"BeginsWith","Values":["p"]}],"MaxResults":1}`},
		{"DeleteParameter", `{"Name":"/a/b"}`},
	} {
		f.Add(seed[0], seed[1], "local.YXJuOmF3czpzdHM6OjE6YXNzdW1lZC1yb2xlL3Ivcw")
	}
	s := fuzzed(f)
	f.Fuzz(func(t *testing.T, operation, body, token string) {
		if strings.ContainsAny(operation, "\r\n\x00") {
			return
		}
		answers(t, s, "/", `{"Name":"p","Value":"v","Type":"SecureString","Overwrite":true}`, "X-Amz-Target", "AmazonSSM.PutParameter")
		answers(t, s, "/", body, "X-Amz-Target", "AmazonSSM."+operation, "Content-Type", "application/x-amz-json-1.1")
		answers(t, s, "/", "Action=GetCallerIdentity&Version=2011-06-15", "X-Amz-Security-Token", token, "Content-Type", "application/x-www-form-urlencoded")
	})
}

func FuzzCBOR(f *testing.F) {
	for operation, in := range map[string]any{
		"PutMetricData": map[string]any{"Namespace": "N", "MetricData": []any{map[string]any{"MetricName": "m", "Values": []float64{1, 2},
			"Counts": []float64{1, 1}, "Timestamp": cbor.Tag{Number: 1, Content: 1795176000.5}}}},
		"GetMetricStatistics": map[string]any{"Namespace": "N", "MetricName": "m", "StartTime": cbor.Tag{Number: 1, Content: 1795172400},
			"EndTime": cbor.Tag{Number: 1, Content: 1795176000}, "Period": 60, "ExtendedStatistics": []string{"p99"}},
		"GetMetricData": map[string]any{"NextToken": "zz", "MaxDatapoints": 1, "StartTime": cbor.Tag{Number: 1, Content: 1e11},
			"MetricDataQueries": []any{map[string]any{"Id": "a"}}},
		"ListMetrics": map[string]any{"NextToken": "1"},
	} {
		body, err := cbor.Marshal(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(operation, body)
	}
	f.Add("PutMetricData", []byte{0xbf, 0x69})
	s := fuzzed(f)
	f.Fuzz(func(t *testing.T, operation string, body []byte) {
		if strings.Trim(operation, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return
		}
		answers(t, s, "/service/GraniteServiceVersion20100801/operation/"+operation, string(body), "Content-Type", "application/cbor")
	})
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"Action=PutMetricData&Version=2010-08-01&Namespace=N&MetricData.member.1.MetricName=m&MetricData.member.1.Values.member.01=2&MetricData.member.1.Timestamp=2026-11-20T12:00:00Z",
		"Action=GetMetricStatistics&Version=2010-08-01&Namespace=N&MetricName=m&StartTime=0001-01-01&EndTime=2026-11-20T12:00:00Z&Period=60&Statistics.member.1=Sum",
		"Action=GetMetricData&Version=2010-08-01&StartTime=1e10&EndTime=2e10&MetricDataQueries.member.1.Id=a&MetricDataQueries.member.1.MetricStat.Stat=Sum",
		"Action=ListMetrics&Version=2010-08-01&Dimensions.member.1.Name=d",
		"Action=DescribeVolumes&Version=2016-11-15&Filter.1.Name=attachment.instance-id&Filter.1.Value.1=i-1",
		"Action=DescribeTags&Version=2016-11-15&Filter.1.Name=resource-id&Filter.1.Value.1=i-1",
		"Action=GetCallerIdentity&Version=2011-06-15",
		"Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/path/r&RoleSessionName=s1&DurationSeconds=900",
	} {
		f.Add(seed)
	}
	s := fuzzed(f)
	f.Fuzz(func(t *testing.T, body string) {
		answers(t, s, "/", body, "Content-Type", "application/x-www-form-urlencoded")
	})
}

func FuzzForm(f *testing.F) {
	f.Add("a.member.1.b=c&a.member.2.b=%20+d&a.member.x=1", "a.member.1.b")
	f.Fuzz(func(t *testing.T, body, name string) {
		tree, err := parseForm([]byte(body))
		if err != nil {
			return
		}
		_ = tree.text(name)
		var into putMetricDataInput
		_ = tree.into(reflect.ValueOf(&into).Elem(), "") // an error is as good as a value
	})
}

func FuzzFilterPattern(f *testing.F) {
	for _, pattern := range []string{"", "ERROR", `"a phrase" -no ?one ?other`, `"\"quoted\" \\"`, `-`, `"open`, "é ü"} {
		f.Add(pattern, "ERROR a phrase one")
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		strict, err := parseFilterPattern(pattern)
		if err != nil {
			if strict != nil {
				t.Fatal("a pattern and an error")
			}
			return
		}
		lenient, err := parseSearch(pattern)
		if err != nil {
			t.Fatalf("the console refuses %q, which the service takes: %v", pattern, err)
		}
		if strict.match([]byte(message)) != lenient.match([]byte(message)) {
			t.Fatalf("%q matches %q in one reading and not in the other", pattern, message)
		}
	})
}

func FuzzBatch(f *testing.F) {
	f.Add(int64(1795176000000), []byte("a line"), []byte{0}, uint16(3))
	f.Fuzz(func(t *testing.T, at int64, message, payload []byte, later uint16) {
		_, _ = unpackBatch(at, payload) // what is on the disk may be anything
		if at < 0 || at > 1<<50 || len(message) == 0 {
			return
		}
		next, text := at+int64(later), string(message)
		b := packBatch([]inputLogEvent{{&at, &text}, {&next, &text}})
		events, err := unpackBatch(b.first, b.payload)
		if err != nil || len(events) != 2 || events[0].at != at || events[1].at != next || !bytes.Equal(events[1].message, message) {
			t.Fatalf("%v %v", events, err)
		}
	})
}
