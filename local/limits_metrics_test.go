package local_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/nephoscope/nephoscope/local"
)

type shape = map[string]any

// callCBOR makes one CloudWatch call in Smithy RPC v2 CBOR.
func callCBOR(t testing.TB, url, operation string, in any, headers ...string) answer {
	t.Helper()
	body, err := cbor.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return postCBOR(t, url, operation, string(body), headers...)
}

func postCBOR(t testing.TB, url, operation, body string, headers ...string) answer {
	t.Helper()
	headers = append([]string{"Content-Type", "application/cbor", "Smithy-Protocol", "rpc-v2-cbor"}, headers...)
	return post(t, url+"/service/GraniteServiceVersion20100801/operation/"+operation, body, headers...)
}

// cborError is the code and the message of an error in CBOR, with the older code of its header.
func cborError(t testing.TB, a answer) (code, message string) {
	t.Helper()
	if a.status == 200 {
		return "", ""
	}
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := cbor.Unmarshal([]byte(a.body), &e); err != nil {
		t.Fatalf("%d: the body is not CBOR: %v", a.status, err)
	}
	code, fault, _ := strings.Cut(a.header.Get("X-Amzn-Query-Error"), ";")
	if fault != "Sender" || !strings.HasPrefix(e.Type, "com.amazonaws.cloudwatch#") {
		t.Errorf("type %q, header %q", e.Type, a.header.Get("X-Amzn-Query-Error"))
	}
	return code, e.Message
}

func epoch(at time.Time) cbor.Tag {
	return cbor.Tag{Number: 1, Content: float64(at.UnixMilli()) / 1000}
}

func TestPutMetricDataLimits(t *testing.T) {
	url := serve(t, atNoon())
	datum := func(more ...any) shape {
		d := shape{"MetricName": "m", "Value": 1.0}
		for i := 0; i < len(more); i += 2 {
			if more[i+1] == nil {
				delete(d, more[i].(string))
				continue
			}
			d[more[i].(string)] = more[i+1]
		}
		return d
	}
	one := func(more ...any) shape { return shape{"Namespace": "N", "MetricData": []shape{datum(more...)}} }
	in := func(namespace any) shape { return shape{"Namespace": namespace, "MetricData": []shape{datum()}} }
	many := func(n int) []shape {
		all := make([]shape, n)
		for i := range all {
			all[i] = datum()
		}
		return all
	}
	dimensions := func(n int) []shape {
		all := make([]shape, n)
		for i := range all {
			all[i] = shape{"Name": fmt.Sprintf("d%d", i), "Value": "v"}
		}
		return all
	}
	numbers := func(n int) []float64 { return make([]float64, n) }
	dimension := func(name, value string) []shape { return []shape{{"Name": name, "Value": value}} }
	set := func(count, sum, least, most float64) shape {
		return shape{"SampleCount": count, "Sum": sum, "Minimum": least, "Maximum": most}
	}
	const value, missing, both = "InvalidParameterValue", "MissingParameter", "InvalidParameterCombination"

	for _, c := range []struct {
		name string
		in   shape
		want string
	}{
		{"1000 data", shape{"Namespace": "N", "MetricData": many(1000)}, ""},
		{"1001 data", shape{"Namespace": "N", "MetricData": many(1001)}, value},
		{"no namespace", shape{"MetricData": many(1)}, missing},
		{"no data", shape{"Namespace": "N"}, missing},
		{"a namespace of 255", in(strings.Repeat("n", 255)), ""},
		{"a namespace of 256", in(strings.Repeat("n", 256)), value},
		{"a namespace of AWS", in("AWS/EC2"), value},
		{"a colon first", in(":N"), value},
		{"a control character", in("a\tb"), value},
		{"beyond ASCII", in("é"), value},
		{"data with entities", shape{"Namespace": "N", "StrictEntityValidation": false, "MetricData": many(500),
			"EntityMetricData": []shape{{"Entity": shape{"KeyAttributes": shape{"Type": "Service"}}, "MetricData": many(500)}}}, ""},
		{"1001 over both lists", shape{"Namespace": "N", "StrictEntityValidation": false, "MetricData": many(501),
			"EntityMetricData": []shape{{"MetricData": many(500)}}}, value},
		{"entities without strictness", shape{"Namespace": "N", "EntityMetricData": []shape{{"MetricData": many(1)}}}, missing},
		{"three entities", shape{"Namespace": "N", "StrictEntityValidation": false, "EntityMetricData": []shape{{}, {}, {}}}, value},
		{"no name", one("MetricName", nil), missing},
		{"a name of 255", one("MetricName", strings.Repeat("é", 255)), ""},
		{"a name of 256", one("MetricName", strings.Repeat("n", 256)), value},
		{"30 dimensions", one("Dimensions", dimensions(30)), ""},
		{"31 dimensions", one("Dimensions", dimensions(31)), value},
		{"a dimension without a value", one("Dimensions", []shape{{"Name": "d"}}), missing},
		{"an empty dimension value", one("Dimensions", dimension("d", "")), missing},
		{"a blank dimension value", one("Dimensions", dimension("d", "  ")), value},
		{"a dimension value of 1024", one("Dimensions", dimension("d", strings.Repeat("v", 1024))), ""},
		{"a dimension value of 1025", one("Dimensions", dimension("d", strings.Repeat("v", 1025))), value},
		{"a dimension value beyond ASCII", one("Dimensions", dimension("d", "é")), value},
		{"a dimension name of 256", one("Dimensions", dimension(strings.Repeat("d", 256), "v")), value},
		{"a dimension name with a colon first", one("Dimensions", dimension(":d", "v")), value},
		{"a dimension name twice", one("Dimensions", []shape{{"Name": "d", "Value": "1"}, {"Name": "d", "Value": "2"}}), value},
		{"no value", one("Value", nil), missing},
		{"value and values", one("Values", []float64{1}), both},
		{"value and statistics", one("StatisticValues", set(1, 1, 1, 1)), both},
		{"150 values", one("Value", nil, "Values", numbers(150), "Counts", numbers(150)), ""},
		{"151 values", one("Value", nil, "Values", numbers(151)), value},
		{"values and fewer counts", one("Value", nil, "Values", numbers(2), "Counts", numbers(1)), both},
		{"counts alone", one("Value", nil, "Counts", numbers(1)), missing},
		{"a negative count", one("Value", nil, "Values", numbers(1), "Counts", []float64{-1}), value},
		{"NaN", one("Value", math.NaN()), value},
		{"infinity", one("Value", math.Inf(-1)), value},
		{"NaN among values", one("Value", nil, "Values", []float64{1, math.NaN()}), value},
		{"2^360", one("Value", -0x1p360), ""},
		{"beyond 2^360", one("Value", 0x1.0000000001p360), value},
		{"2^-360", one("Value", 0x1p-360), ""},
		{"nearer to zero than 2^-360", one("Value", 0x1p-361), value},
		{"a statistic set", one("Value", nil, "StatisticValues", set(2, 3, 1, 2)), ""},
		{"half a statistic set", one("Value", nil, "StatisticValues", shape{"Sum": 1.0}), missing},
		{"a minimum above the maximum", one("Value", nil, "StatisticValues", set(2, 3, 2, 1)), value},
		{"an unknown unit", one("Unit", "Furlongs"), value},
		{"a unit per second", one("Unit", "Gigabits/Second"), ""},
		{"resolution 1", one("StorageResolution", 1), ""},
		{"resolution 7", one("StorageResolution", 7), value},
		{"two weeks ago", one("Timestamp", epoch(noon().Add(-14*24*time.Hour))), ""},
		{"more than two weeks ago", one("Timestamp", epoch(noon().Add(-14*24*time.Hour-time.Second))), value},
		{"two hours ahead", one("Timestamp", epoch(noon().Add(2*time.Hour))), ""},
		{"more than two hours ahead", one("Timestamp", epoch(noon().Add(2*time.Hour+time.Second))), value},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := callCBOR(t, url, "PutMetricData", c.in)
			if code, message := cborError(t, got); code != c.want {
				t.Errorf("%d %s %s, want %q", got.status, code, message, c.want)
			}
		})
	}
}

func TestOneWrongDatumRefusesTheRequestAndEachIsNamed(t *testing.T) {
	s := atNoon()
	url := serve(t, s)
	got := callCBOR(t, url, "PutMetricData", shape{"Namespace": "N", "MetricData": []shape{
		{"MetricName": "a", "Value": 1}, {"MetricName": "b", "Value": 1, "Unit": "x"}, {"MetricName": "c", "Value": math.NaN()}}})
	code, message := cborError(t, got)
	if code != "InvalidParameterValue" || !strings.Contains(message, "MetricData.member.2.Unit") || !strings.Contains(message, "MetricData.member.3.Value") {
		t.Errorf("%s: %s", code, message)
	}
	if metrics, err := s.Metrics(); err != nil || len(metrics) != 0 {
		t.Errorf("stored: %v %v", metrics, err)
	}
}

func TestARequestOfMoreThanOneMegabyteIsRefused(t *testing.T) {
	url := serve(t, atNoon())
	var data []shape
	for range 1000 {
		data = append(data, shape{"MetricName": "m", "Value": 1.0, "Dimensions": []shape{{"Name": "d", "Value": strings.Repeat("v", 1024)}}})
	}
	body, err := cbor.Marshal(shape{"Namespace": "N", "MetricData": data})
	if err != nil {
		t.Fatal(err)
	}
	if got := postCBOR(t, url, "PutMetricData", string(body)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d bytes: %d", len(body), got.status)
	}
	if got := postCBOR(t, url, "PutMetricData", gzipped(t, string(body)), "Content-Encoding", "gzip"); got.status != 200 {
		t.Errorf("compressed: %d %s", got.status, got.body)
	}
}

func TestReadingMetricsLimits(t *testing.T) {
	url := serve(t, atNoon())
	ask := func(more ...any) shape {
		in := shape{"Namespace": "N", "MetricName": "m", "StartTime": epoch(noon().Add(-time.Hour)), "EndTime": epoch(noon()),
			"Period": 60, "Statistics": []string{"Sum"}}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return in
	}
	query := func(q shape) shape {
		return shape{"StartTime": epoch(noon().Add(-time.Hour)), "EndTime": epoch(noon()), "MetricDataQueries": []shape{q}}
	}
	stat := func(id, name string, period int) shape {
		return shape{"Id": id, "MetricStat": shape{"Metric": shape{"Namespace": "N", "MetricName": "m"}, "Period": period, "Stat": name}}
	}
	for _, c := range []struct {
		name, operation string
		in              shape
		want            string
	}{
		{"a period of 7", "GetMetricStatistics", ask("Period", 7), "InvalidParameterValue"},
		{"1440 points", "GetMetricStatistics", ask("StartTime", epoch(noon().Add(-24*time.Hour))), ""},
		{"1441 points", "GetMetricStatistics", ask("StartTime", epoch(noon().Add(-24*time.Hour-time.Minute))), "InvalidParameterCombination"},
		{"an end before the start", "GetMetricStatistics", ask("EndTime", epoch(noon().Add(-2*time.Hour))), "InvalidParameterValue"},
		{"both kinds of statistics", "GetMetricStatistics", ask("ExtendedStatistics", []string{"p9"}), "InvalidParameterCombination"},
		{"neither", "GetMetricStatistics", ask("Statistics", []string{}), "MissingParameter"},
		{"an unknown statistic", "GetMetricStatistics", ask("Statistics", []string{"Median"}), "InvalidParameterValue"},
		{"p101", "GetMetricStatistics", ask("Statistics", nil, "ExtendedStatistics", []string{"p101"}), "InvalidParameterValue"},
		{"a made-up token", "ListMetrics", shape{"NextToken": "!"}, "InvalidParameterValue"},
		{"a recent hour", "ListMetrics", shape{"RecentlyActive": "PT1H"}, "InvalidParameterValue"},
		{"eleven filters", "ListMetrics", shape{"Dimensions": make([]shape, 11)}, "InvalidParameterValue"},
		{"a trimmed mean", "GetMetricData", query(stat("a", "tm90", 60)), "ValidationError"},
		{"a percentile", "GetMetricData", query(stat("a", "p99.9", 60)), ""},
		{"an id with a capital", "GetMetricData", query(stat("A", "Sum", 60)), "ValidationError"},
		{"metric math", "GetMetricData", query(shape{"Id": "a", "Expression": "1+1"}), "ValidationError"},
		{"no queries", "GetMetricData", shape{"StartTime": epoch(noon()), "EndTime": epoch(noon())}, "MissingParameter"},
		{"an operation that is not there", "PutDashboard", shape{}, "UnknownOperationException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := callCBOR(t, url, c.operation, c.in)
			if code, message := cborError(t, got); code != c.want {
				t.Errorf("%d %s %s, want %q", got.status, code, message, c.want)
			}
		})
	}
}

func TestDataAreFiledUnderTheirResolution(t *testing.T) {
	s := atNoon()
	url := serve(t, s)
	for _, resolution := range []int{1, 60} {
		callCBOR(t, url, "PutMetricData", shape{"Namespace": "N", "MetricData": []shape{{"MetricName": fmt.Sprint("m", resolution),
			"Value": 1, "StorageResolution": resolution, "Timestamp": epoch(noon().Add(-17 * time.Second))}}})
	}
	fine, err1 := s.Data("N", "m1")
	coarse, err2 := s.Data("N", "m60")
	if err1 != nil || err2 != nil || !fine[0].At.Equal(noon().Add(-17*time.Second)) || !coarse[0].At.Equal(noon().Add(-time.Minute)) {
		t.Errorf("%v %v %v %v", fine, coarse, err1, err2)
	}
}

func TestTheOrderOfDimensionsDoesNotMatter(t *testing.T) {
	s := atNoon()
	url := serve(t, s)
	for _, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		callCBOR(t, url, "PutMetricData", shape{"Namespace": "N", "MetricData": []shape{{"MetricName": "m", "Value": 1,
			"Dimensions": []shape{{"Name": names[0], "Value": names[0]}, {"Name": names[1], "Value": names[1]}}}}})
	}
	data, err := s.Data("N", "m", local.Dimension{Name: "b", Value: "b"}, local.Dimension{Name: "a", Value: "a"})
	if err != nil || len(data) != 2 {
		t.Errorf("%v %v", data, err)
	}
}
