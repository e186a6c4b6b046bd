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
	env       []string // besides the usual
}

func (a awsCLI) try(args ...string) (map[string]any, string) {
	a.t.Helper()
	command := exec.Command(a.path, append([]string{"--endpoint-url", a.url, "--output", "json"}, args...)...)
	command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_DEFAULT_REGION=eu-west-1",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1", "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent")
	command.Env = append(command.Env, a.env...)
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
	for i, path := range awsCLIs(t) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := &local.Server{Tags: map[string]string{"aws:autoscaling:groupName": "web", "Name": "a & b"}}
			cli := awsCLI{t: t, path: path, url: serve(t, s)}
			cliMetrics(t, cli)
			cliLogs(t, cli)
			cliIdentity(t, cli)
			if i == 0 { // all of them speak the same to these
				cliSessions(t, cli)
				cliParameters(t, cli)
			}
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

func cliSessions(t *testing.T, cli awsCLI) {
	got := cli.run("sts", "assume-role", "--role-arn", "arn:aws:iam::123456789012:role/path/reader", "--role-session-name", "test")
	if at(got, "AssumedRoleUser", "Arn") != "arn:aws:sts::123456789012:assumed-role/reader/test" {
		t.Errorf("assume-role: %v", got)
	}
	cli.env = []string{"AWS_SESSION_TOKEN=" + at(got, "Credentials", "SessionToken").(string)}
	if got := cli.run("sts", "get-caller-identity"); at(got, "Account") != "123456789012" || at(got, "Arn") != "arn:aws:sts::123456789012:assumed-role/reader/test" {
		t.Errorf("get-caller-identity of a session: %v", got)
	}
	cli.env = nil
	if _, failure := cli.try("sts", "assume-role", "--role-arn", "arn:aws:iam::123456789012:user/somebody", "--role-session-name", "test"); !strings.Contains(failure, "(ValidationError)") {
		t.Errorf("a role that is none: %s", failure)
	}
}

func cliParameters(t *testing.T, cli awsCLI) {
	config := "{\n  \"agent\": {}, \"ü\": \"<&>\"\n}\n"
	put := cli.run("ssm", "put-parameter", "--name", "AmazonCloudWatch-linux", "--type", "String", "--value", config, "--tags", "Key=a,Value=b")
	if at(put, "Version") != 1.0 || at(put, "Tier") != "Standard" {
		t.Errorf("put-parameter: %v", put)
	}
	got := cli.run("ssm", "get-parameter", "--name", "AmazonCloudWatch-linux")
	if at(got, "Parameter", "Value") != config || at(got, "Parameter", "ARN") != "arn:aws:ssm:eu-west-1:000000000000:parameter/AmazonCloudWatch-linux" ||
		at(got, "Parameter", "LastModifiedDate") == nil {
		t.Errorf("get-parameter: %v", got)
	}
	cli.run("ssm", "put-parameter", "--name", "/cw/one", "--type", "SecureString", "--value", "secret")
	put = cli.run("ssm", "put-parameter", "--name", "/cw/sub/two", "--type", "String", "--tier", "Intelligent-Tiering", "--description", "d", "--value", strings.Repeat("x", 5000))
	if at(put, "Tier") != "Advanced" {
		t.Errorf("put-parameter of 5000 bytes: %v", put)
	}
	got = cli.run("ssm", "get-parameters-by-path", "--path", "/cw", "--recursive", "--page-size", "1")
	if at(got, "Parameters", 0, "Name") != "/cw/one" || at(got, "Parameters", 1, "Name") != "/cw/sub/two" || at(got, "Parameters", 2) != nil {
		t.Errorf("get-parameters-by-path: %v", got)
	}
	got = cli.run("ssm", "describe-parameters", "--parameter-filters", "Key=Name,Option=BeginsWith,Values=/cw/sub")
	if at(got, "Parameters", 0, "Description") != "d" || at(got, "Parameters", 0, "Tier") != "Advanced" || at(got, "Parameters", 1) != nil {
		t.Errorf("describe-parameters: %v", got)
	}
	if _, failure := cli.try("ssm", "put-parameter", "--name", "/cw/one", "--value", "other"); !strings.Contains(failure, "(ParameterAlreadyExists)") {
		t.Errorf("put-parameter over another: %s", failure)
	}
	cli.run("ssm", "put-parameter", "--name", "/cw/one", "--value", "other", "--overwrite")
	got = cli.run("ssm", "get-parameters", "--with-decryption", "--names", "/cw/one:1", "missing")
	if at(got, "Parameters", 0, "Value") != "secret" || at(got, "InvalidParameters", 0) != "missing" {
		t.Errorf("get-parameters: %v", got)
	}
	cli.run("ssm", "delete-parameter", "--name", "/cw/one")
	if _, failure := cli.try("ssm", "get-parameter", "--name", "/cw/one"); !strings.Contains(failure, "(ParameterNotFound)") {
		t.Errorf("a deleted parameter: %s", failure)
	}
}

func ms(n int64) string { return strconv.FormatInt(n, 10) }
