package local_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/local"
)

const putForm = "Action=PutMetricData&Version=2010-08-01&Namespace=N&MetricData.member.1.MetricName=m&MetricData.member.1.Value=2"

func TestEveryProtocolTakesGzip(t *testing.T) {
	s := atNoon()
	url := serve(t, s)
	zip := []string{"Content-Encoding", "gzip"}
	if got := callQuery(t, url, gzipped(t, putForm), zip...); got.status != 200 {
		t.Errorf("Query: %d %s", got.status, got.body)
	}
	if got := callLogs(t, url, "CreateLogGroup", gzipped(t, `{"logGroupName":"g"}`), zip...); got.status != 200 {
		t.Errorf("JSON: %d %s", got.status, got.body)
	}
	if got := post(t, url, gzipped(t, `{"Namespace":"N","MetricData":[{"MetricName":"m","Value":3,"Timestamp":1795175999.5}]}`), "Content-Encoding", "gzip",
		"X-Amz-Target", "GraniteServiceVersion20100801.PutMetricData", "Content-Type", "application/x-amz-json-1.0"); got.status != 200 || got.header.Get("Content-Type") != "application/x-amz-json-1.0" {
		t.Errorf("JSON of metrics: %d %s", got.status, got.body)
	}
	if data, err := s.Data("N", "m"); err != nil || len(data) != 2 {
		t.Errorf("stored %v, %v; want two", data, err)
	}
	for name, body := range map[string]string{"not gzip": "hello", "half of it": gzipped(t, `{"logGroupName":"h"}`)[:20]} {
		if got := callLogs(t, url, "CreateLogGroup", body, zip...); refusal(got) != "SerializationException" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := callLogs(t, url, "CreateLogGroup", "x", "Content-Encoding", "br"); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("brotli: %d", got.status)
	}
}

func TestAZipBombIsRefused(t *testing.T) {
	url := serve(t, new(local.Server))
	bomb := gzipped(t, strings.Repeat(" ", 64<<20))
	if got := callLogs(t, url, "PutLogEvents", bomb, "Content-Encoding", "gzip"); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d bytes that become 64 MiB: %d %s", len(bomb), got.status, got.body)
	}
	if got := callLogs(t, url, "PutLogEvents", strings.Repeat(" ", 17<<20)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("17 MiB as they are: %d", got.status)
	}
}

func TestErrorsHaveTheShapeOfTheirProtocol(t *testing.T) {
	url := serve(t, new(local.Server))
	var query struct {
		XMLName xml.Name `xml:"http://monitoring.amazonaws.com/doc/2010-08-01/ ErrorResponse"`
		Type    string   `xml:"Error>Type"`
		Code    string   `xml:"Error>Code"`
		Message string   `xml:"Error>Message"`
		ID      string   `xml:"RequestId"`
	}
	got := callQuery(t, url, strings.Replace(putForm, "Namespace=N", "Namespace=AWS%2F%3Cx%3E", 1))
	if err := xml.Unmarshal([]byte(got.body), &query); err != nil || got.status != 400 || query.Type != "Sender" ||
		query.Code != "InvalidParameterValue" || query.ID != got.header.Get("X-Amzn-Requestid") {
		t.Errorf("Query: %d %+v %v", got.status, query, err)
	}
	got = callQuery(t, url, "Action=Nonsense&Version=2010-08-01")
	if got.status != 400 || !strings.Contains(got.body, "<Code>InvalidAction</Code>") {
		t.Errorf("unknown action: %d %s", got.status, got.body)
	}
	got = callQuery(t, url, "Action=DescribeSnapshots&Version=2016-11-15")
	if !strings.Contains(got.body, "<Response><Errors><Error><Code>InvalidAction</Code>") {
		t.Errorf("EC2: %d %s", got.status, got.body)
	}
	got = callLogs(t, url, "DeleteLogGroup", `{"logGroupName":"none"}`)
	if got.body != `{"__type":"ResourceNotFoundException","message":"The specified log group does not exist."}` {
		t.Errorf("JSON: %s", got.body)
	}
}

func TestAnUnsignedRequestIsRefused(t *testing.T) {
	url := serve(t, new(local.Server))
	for _, unsigned := range []string{"", "Basic eDp5", "AWS4-HMAC-SHA256 Credential=a/b"} {
		if got := callLogs(t, url, "CreateLogGroup", `{"logGroupName":"g"}`, "Authorization", unsigned); got.status != 403 || refusal(got) != "MissingAuthenticationTokenException" {
			t.Errorf("%q: %d %s", unsigned, got.status, got.body)
		}
	}
}

func TestGarbageIsRefusedAndTheServerLivesOn(t *testing.T) {
	s := new(local.Server)
	url := serve(t, s)
	for i, garbage := range []string{"", "\x00\xff\xfe", "{", "[]", "null", `{"logEvents":[null]}`, strings.Repeat("[", 100_000), "\x9f\x9f\x9f", "\xbf", "a=%zz", "a.b.c.d.e.f.g.h.i.j.k.l.m.n=1", "&&==&"} {
		for _, got := range []answer{
			callLogs(t, url, "PutLogEvents", garbage), postCBOR(t, url, "PutMetricData", garbage), postCBOR(t, url, "GetMetricData", garbage),
			callQuery(t, url, garbage), callQuery(t, url, "Action=PutMetricData&Version=2010-08-01&"+garbage),
		} {
			if got.status < 400 || got.status > 499 {
				t.Errorf("garbage %d: %d %s", i, got.status, got.body)
			}
		}
	}
	if got := post(t, url+"/service/Nobody/operation/Nothing", ""); got.status != 400 {
		t.Errorf("an unknown service: %d %s", got.status, got.body)
	}
	if got := callQuery(t, url, putForm); got.status != 200 {
		t.Errorf("afterwards: %d %s", got.status, got.body)
	}
}

func TestRequestsOfOtherSitesAreRefused(t *testing.T) {
	url := serve(t, new(local.Server))
	host := strings.TrimPrefix(url, "http://")
	port := host[strings.LastIndex(host, ":"):]
	for _, c := range []struct {
		name    string
		headers []string
		want    int
	}{
		{"the address", nil, 200},
		{"localhost", []string{"Host", "localhost" + port}, 200},
		{"IPv6", []string{"Host", "[::1]" + port}, 200},
		{"a rebound name", []string{"Host", "evil.example" + port}, 403},
		{"a name that only begins so", []string{"Host", "localhost.evil.example"}, 403},
		{"another address", []string{"Host", "192.0.2.1" + port}, 403},
		{"its own page", []string{"Origin", url, "Sec-Fetch-Site", "same-origin"}, 200},
		{"another page", []string{"Origin", "https://evil.example"}, 403},
		{"a sandboxed page", []string{"Origin", "null"}, 403},
		{"a cross-site picture", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := get(t, url+"/api/metrics", c.headers...); got.status != c.want {
				t.Errorf("the console's data: %d, want %d", got.status, c.want)
			}
			if got := callQuery(t, url, putForm, c.headers...); got.status != c.want {
				t.Errorf("an API call: %d, want %d", got.status, c.want)
			}
		})
	}
	if got := get(t, url+"/", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"); got.status != 200 {
		t.Errorf("following a link to the console: %d", got.status)
	}
	remote := serve(t, &local.Server{AllowRemote: true, Hosts: []string{"monitoring.eu-west-1.amazonaws.com"}})
	for name, want := range map[string]int{"192.0.2.1:1": 200, "monitoring.eu-west-1.amazonaws.com": 200, "evil.example": 403} {
		if got := get(t, remote+"/api/metrics", "Host", name); got.status != want {
			t.Errorf("%s, allowed remotely: %d, want %d", name, got.status, want)
		}
	}
}

func TestAHandWrittenRequestMustBeExact(t *testing.T) {
	url := withStream(t)
	for name, body := range map[string]string{
		"a member in another case": `{"logGroupName":"g","LogStreamName":"s","logEvents":[{"timestamp":1795176000000,"message":"x"}]}`,
		"so deep inside":           `{"logGroupName":"g","logStreamName":"s","logEvents":[{"Timestamp":1795176000000,"message":"x"}]}`,
		"broken UTF-8":             "{\"logGroupName\":\"g\",\"logStreamName\":\"s\",\"logEvents\":[{\"timestamp\":1795176000000,\"message\":\"\xff\"}]}",
		"a newline in a string":    "{\"logGroupName\":\"g\",\"logStreamName\":\"s\",\"logEvents\":[{\"timestamp\":1795176000000,\"message\":\"\n\"}]}",
	} {
		if got := callLogs(t, url, "PutLogEvents", body); refusal(got) != "SerializationException" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	for name, body := range map[string]string{
		"a value like a member": `{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1795176000000,"message":"LogGroupName\\\":"}]}`,
		"an unknown member":     `{"logGroupName":"g","logStreamName":"s","new":1,"logEvents":[{"timestamp":1795176000000,"message":"x"}]}`,
	} {
		if got := callLogs(t, url, "PutLogEvents", body); got.status != 200 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

func TestAQueryPutAsLargeAsTheServiceTakes(t *testing.T) {
	s := atNoon()
	url := serve(t, s)
	var form strings.Builder
	form.WriteString("Action=PutMetricData&Version=2010-08-01&Namespace=N")
	for i := range 100 {
		fmt.Fprintf(&form, "&MetricData.member.%d.MetricName=m", i+1)
		for v := range 150 {
			fmt.Fprintf(&form, "&MetricData.member.%d.Values.member.%d=%d.5&MetricData.member.%d.Counts.member.%d=2", i+1, v+1, v, i+1, v+1)
		}
	}
	if got := callQuery(t, url, gzipped(t, form.String()), "Content-Encoding", "gzip"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	data, err := s.Data("N", "m")
	if err != nil || len(data) != 100 || data[7].SampleCount != 300 || data[7].Maximum != 149.5 {
		t.Errorf("%d data, %v", len(data), err)
	}
}
