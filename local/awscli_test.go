package local_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// awsCLIs are the AWS CLIs of this machine: Debian's speaks Query to CloudWatch, a newer one may
// speak CBOR.
func awsCLIs(t *testing.T) []string {
	found := []string{needs(t, "awscli", "/usr/bin/aws", "aws")}
	if path, err := exec.LookPath("aws"); err == nil && path != found[0] && path != "/bin/aws" {
		found = append(found, path)
	}
	return found
}

// An awsCLI runs commands of a CLI against a server and reads their JSON.
type awsCLI struct {
	t         *testing.T
	path, url string
}

func (a awsCLI) try(args ...string) (map[string]any, string) {
	a.t.Helper()
	command := exec.Command(a.path, append([]string{"--endpoint-url", a.url, "--output", "json"}, args...)...)
	command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_DEFAULT_REGION=eu-west-1",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1", "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent")
	out, err := command.Output()
	if err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			return nil, string(exit.Stderr)
		}
		a.t.Fatalf("aws %v: %v", args, err)
	}
	answer := make(map[string]any)
	if len(strings.TrimSpace(string(out))) > 0 {
		if err := json.Unmarshal(out, &answer); err != nil {
			a.t.Fatalf("aws %v: %v in %s", args, err, out)
		}
	}
	return answer, ""
}

func (a awsCLI) run(args ...string) map[string]any {
	a.t.Helper()
	answer, failure := a.try(args...)
	if failure != "" {
		a.t.Fatalf("aws %v: %s", args, failure)
	}
	return answer
}

// at walks down an answer: at(answer, "Datapoints", 0, "Sum").
func at(value any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := value.(map[string]any)
			value = m[s]
		case int:
			l, _ := value.([]any)
			if s >= len(l) {
				return nil
			}
			value = l[s]
		}
	}
	return value
}

func TestTheAWSCLIWorksWordForWord(t *testing.T) {
	for _, path := range awsCLIs(t) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := &local.Server{Tags: map[string]string{"aws:autoscaling:groupName": "web", "Name": "a & b"}}
			cli := awsCLI{t, path, serve(t, s)}
			cliMetrics(t, cli)
			cliLogs(t, cli)
			cliIdentity(t, cli)
		})
	}
}

func cliMetrics(t *testing.T, cli awsCLI) {
	now := time.Now().UTC()
	stamp := now.Add(-5 * time.Minute).Format(time.RFC3339)
	cli.run("cloudwatch", "put-metric-data", "--namespace", "CWAgent", "--metric-data",
		`[{"MetricName":"cpu_usage_idle","Unit":"Percent","Timestamp":"`+stamp+`","Dimensions":[{"Name":"host","Value":"h"},{"Name":"cpu","Value":"cpu0"}],"Values":[10,90],"Counts":[1,3]},
		  {"MetricName":"set","Timestamp":"`+stamp+`","StatisticValues":{"SampleCount":2,"Sum":6,"Minimum":1,"Maximum":5}}]`)
	cli.run("cloudwatch", "put-metric-data", "--namespace", "CWAgent", "--metric-name", "one", "--value", "3.5")
	listed := cli.run("cloudwatch", "list-metrics", "--namespace", "CWAgent", "--dimensions", "Name=host")
	if at(listed, "Metrics", 0, "MetricName") != "cpu_usage_idle" || at(listed, "Metrics", 0, "Dimensions", 0, "Value") != "cpu0" {
		t.Errorf("list-metrics: %v", listed)
	}
	window := []string{"--start-time", now.Add(-time.Hour).Format(time.RFC3339), "--end-time", now.Add(time.Minute).Format(time.RFC3339)}
	got := cli.run(append([]string{"cloudwatch", "get-metric-statistics", "--namespace", "CWAgent", "--metric-name", "cpu_usage_idle", "--period", "60",
		"--dimensions", "Name=cpu,Value=cpu0", "Name=host,Value=h", "--statistics", "Average", "SampleCount"}, window...)...)
	if at(got, "Datapoints", 0, "Average") != 70.0 || at(got, "Datapoints", 0, "SampleCount") != 4.0 || at(got, "Datapoints", 0, "Unit") != "Percent" {
		t.Errorf("get-metric-statistics: %v", got)
	}
	got = cli.run(append([]string{"cloudwatch", "get-metric-statistics", "--namespace", "CWAgent", "--metric-name", "cpu_usage_idle", "--period", "60",
		"--dimensions", "Name=cpu,Value=cpu0", "Name=host,Value=h", "--extended-statistics", "p25", "p90"}, window...)...)
	if at(got, "Datapoints", 0, "ExtendedStatistics", "p25") != 10.0 || at(got, "Datapoints", 0, "ExtendedStatistics", "p90") != 90.0 {
		t.Errorf("extended statistics: %v", got)
	}
	got = cli.run(append([]string{"cloudwatch", "get-metric-data", "--metric-data-queries",
		`[{"Id":"a","MetricStat":{"Metric":{"Namespace":"CWAgent","MetricName":"set"},"Period":60,"Stat":"Average"}}]`}, window...)...)
	if at(got, "MetricDataResults", 0, "Values", 0) != 3.0 || at(got, "MetricDataResults", 0, "StatusCode") != "Complete" {
		t.Errorf("get-metric-data: %v", got)
	}
	if _, failure := cli.try("cloudwatch", "put-metric-data", "--namespace", "AWS/EC2", "--metric-name", "m", "--value", "1"); !strings.Contains(failure, "InvalidParameterValue") {
		t.Errorf("a reserved namespace: %s", failure)
	}
}

func cliLogs(t *testing.T, cli awsCLI) {
	now := time.Now().UnixMilli()
	cli.run("logs", "create-log-group", "--log-group-name", "g", "--tags", "a=b")
	cli.run("logs", "create-log-stream", "--log-group-name", "g", "--log-stream-name", "s")
	cli.run("logs", "put-retention-policy", "--log-group-name", "g", "--retention-in-days", "7")
	put := cli.run("logs", "put-log-events", "--log-group-name", "g", "--log-stream-name", "s", "--log-events",
		`[{"timestamp":1000,"message":"too old"},{"timestamp":`+ms(now)+`,"message":"GET /a 200"},{"timestamp":`+ms(now+1)+`,"message":"GET /b 404"}]`)
	if at(put, "rejectedLogEventsInfo", "tooOldLogEventEndIndex") != 1.0 {
		t.Errorf("put-log-events: %v", put)
	}
	got := cli.run("logs", "filter-log-events", "--log-group-name", "g", "--filter-pattern", `"404" -"/a"`)
	if at(got, "events", 0, "message") != "GET /b 404" || at(got, "events", 1) != nil || at(got, "events", 0, "logStreamName") != "s" {
		t.Errorf("filter-log-events: %v", got)
	}
	got = cli.run("logs", "get-log-events", "--log-group-name", "g", "--log-stream-name", "s", "--start-from-head", "--limit", "1")
	if at(got, "events", 0, "message") != "GET /a 200" {
		t.Errorf("get-log-events: %v", got)
	}
	got = cli.run("logs", "describe-log-groups", "--log-group-name-prefix", "g")
	if at(got, "logGroups", 0, "retentionInDays") != 7.0 || at(got, "logGroups", 0, "storedBytes") != float64(2*(10+26)) {
		t.Errorf("describe-log-groups: %v", got)
	}
	got = cli.run("logs", "describe-log-streams", "--log-group-name", "g", "--order-by", "LastEventTime", "--descending")
	if at(got, "logStreams", 0, "lastEventTimestamp") != float64(now+1) {
		t.Errorf("describe-log-streams: %v", got)
	}
	if _, failure := cli.try("logs", "create-log-group", "--log-group-name", "g"); !strings.Contains(failure, "ResourceAlreadyExistsException") {
		t.Errorf("a group that exists: %s", failure)
	}
	cli.run("logs", "delete-retention-policy", "--log-group-name", "g")
	cli.run("logs", "delete-log-stream", "--log-group-name", "g", "--log-stream-name", "s")
	cli.run("logs", "delete-log-group", "--log-group-name", "g")
	if _, failure := cli.try("logs", "describe-log-streams", "--log-group-name", "g"); !strings.Contains(failure, "ResourceNotFoundException") {
		t.Errorf("a deleted group: %s", failure)
	}
}

func cliIdentity(t *testing.T, cli awsCLI) {
	got := cli.run("ec2", "describe-tags", "--filters", "Name=resource-type,Values=instance", "Name=resource-id,Values=i-0123", "Name=key,Values=aws:autoscaling:groupName,Other")
	if at(got, "Tags", 0, "Value") != "web" || at(got, "Tags", 0, "ResourceId") != "i-0123" || at(got, "Tags", 1) != nil {
		t.Errorf("describe-tags: %v", got)
	}
	if got := cli.run("ec2", "describe-tags"); at(got, "Tags", 0) != nil {
		t.Errorf("describe-tags without a resource: %v", got)
	}
	if got := cli.run("sts", "get-caller-identity"); at(got, "Account") != "000000000000" {
		t.Errorf("get-caller-identity: %v", got)
	}
}

func ms(n int64) string { return strconv.FormatInt(n, 10) }
