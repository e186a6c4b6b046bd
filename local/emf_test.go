package local_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// putDocument sends one log event, into a group of a class of its own.
func putDocument(t *testing.T, url, class, message string, at time.Time) {
	t.Helper()
	group := "group-" + class
	callLogs(t, url, "CreateLogGroup", fmt.Sprintf(`{"logGroupName":%q,"logGroupClass":%q}`, group, class))
	callLogs(t, url, "CreateLogStream", fmt.Sprintf(`{"logGroupName":%q,"logStreamName":"s"}`, group))
	quoted, _ := json.Marshal(message)
	got := callLogs(t, url, "PutLogEvents", fmt.Sprintf(`{"logGroupName":%q,"logStreamName":"s","logEvents":[{"timestamp":%d,"message":%s}]}`, group, at.UnixMilli(), quoted))
	if got.status != 200 {
		t.Fatalf("got %d: %s", got.status, got.body)
	}
}

func TestMetricsAreMadeOfDocumentsInTheEmbeddedMetricFormat(t *testing.T) {
	now := time.Now()
	at := now.Add(-time.Hour).Truncate(time.Minute)
	fresh := func(t *testing.T) (*local.Server, string) {
		s := &local.Server{}
		return s, serve(t, s)
	}
	document := strings.NewReplacer("AT", fmt.Sprint(at.UnixMilli())).Replace(`{"_aws":{"Timestamp":AT,"CloudWatchMetrics":[{"Namespace":"shop",
		"Dimensions":[["service"],["service","zone"],[],["missing"]],
		"Metrics":[{"Name":"took","Unit":"Milliseconds","StorageResolution":1},{"Name":"orders","Unit":"Pancakes"},{"Name":"absent"},{"Name":"text"}]}]},
		"service":"cart","zone":"a","took":[1,2,3],"orders":7,"text":"no number","request":"r-1"}`)

	s, url := fresh(t)
	putDocument(t, url, "STANDARD", document, now)
	all, err := s.Metrics()
	if err != nil || len(all) != 6 {
		t.Fatalf("got %d metrics: %+v, %v", len(all), all, err)
	}
	took, err := s.Data("shop", "took", local.Dimension{Name: "zone", Value: "a"}, local.Dimension{Name: "service", Value: "cart"})
	if err != nil || len(took) != 1 || took[0].SampleCount != 3 || took[0].Sum != 6 || took[0].Unit != "Milliseconds" || took[0].Resolution != time.Second || !took[0].At.Equal(at) {
		t.Errorf("got %+v, %v", took, err)
	}
	if orders, err := s.Data("shop", "orders"); err != nil || len(orders) != 1 || orders[0].Sum != 7 || orders[0].Unit != "None" || orders[0].Resolution != time.Minute {
		t.Errorf("got %+v, %v", orders, err)
	}

	f := func(what, class, message string, want int) {
		t.Helper()
		s, url := fresh(t)
		putDocument(t, url, class, message, now)
		if all, err := s.Metrics(); err != nil || len(all) != want {
			t.Errorf("%s: got %+v, %v", what, all, err)
		}
		if events, err := s.Events("group-"+class, "s"); err != nil || len(events) != 1 {
			t.Errorf("%s: got %d events, %v", what, len(events), err)
		}
	}
	f("a class that makes no metrics", "INFREQUENT_ACCESS", document, 0)
	f("something before the document", "STANDARD", "INFO "+document, 0)
	f("something behind the document", "STANDARD", document+" x", 0)
	f("version 0", "STANDARD", fmt.Sprintf(`{"version":"0","Timestamp":"%d","CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["a"]],"Metrics":[{"Name":"n"}]}],"a":"b","n":1}`, at.UnixMilli()), 1)
	f("version 0 with a logger's time", "STANDARD", `{"version":"0","timestamp":"2026-11-20T12:00:00Z","CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[[]],"Metrics":[{"Name":"n"}]}],"n":1}`, 1)
	f("a time of another name", "STANDARD", fmt.Sprintf(`{"_aws":{"timestamp":%d,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[[]],"Metrics":[{"Name":"n"}]}]},"n":1}`, at.UnixMilli()), 0)
	f("no time", "STANDARD", `{"_aws":{"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[[]],"Metrics":[{"Name":"n"}]}]},"n":1}`, 0)
	f("an old time", "STANDARD", `{"_aws":{"Timestamp":1000,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[[]],"Metrics":[{"Name":"n"}]}]},"n":1}`, 0)
	f("AWS's namespace", "STANDARD", fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"AWS/EC2","Dimensions":[[]],"Metrics":[{"Name":"n"}]}]},"n":1}`, at.UnixMilli()), 0)
	many := strings.TrimSuffix(strings.Repeat(`{"Name":"n"},`, 101), ",")
	f("101 metrics", "STANDARD", fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[[]],"Metrics":[%s]}]},"n":1}`, at.UnixMilli(), many), 0)
}
