package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nephoscope/nephoscope/internal/explain"
)

// command runs the command in the bed's environment, where everything leads to the local CloudWatch.
func (b *bed) command(args ...string) (stdout, stderr string, status int) {
	b.Helper()
	path, err := binary()
	b.must(err)
	cmd := exec.Command(path, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = b.env, &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// explained is the report on the bed's configuration.
func (b *bed) explained(args ...string) *explain.Report {
	b.Helper()
	out, errs, status := b.command(append([]string{"explain", "--json", "--state", b.path("state"), "--common-config", b.common(), b.path("config.json")}, args...)...)
	if status != exitFine {
		b.Fatalf("explain ended with %d: %s%s", status, errs, out)
	}
	var r explain.Report
	b.must(json.Unmarshal([]byte(out), &r))
	return &r
}

// mountsStay has agent and explain see the mounts of one moment: other tests mount and unmount meanwhile.
func (b *bed) mountsStay() {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return // not Linux
	}
	b.must(os.WriteFile(b.path("mountinfo"), raw, 0o600))
	b.env = append(b.env, "HOST_PROC_MOUNTINFO="+b.path("mountinfo"))
}

// everySecond is the walkthrough's configuration at an interval of one second, with roll-ups, a renamed metric, a dropped one, and the agent's own.
const everySecond = `{"agent": {"metrics_collection_interval": 1}, "nephoscope": {"self_metrics": {"namespace": "Own", "interval": 1}}, "metrics": {"force_flush_interval": 1, "namespace": "Walk/Through",
	"append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}", "ImageId": "${aws:ImageId}", "InstanceId": "${aws:InstanceId}", "InstanceType": "${aws:InstanceType}"},
	"aggregation_dimensions": [["InstanceId"], ["cpu"], []],
	"metrics_collected": {
		"cpu": {"measurement": ["cpu_usage_idle", "cpu_usage_iowait", {"name": "cpu_usage_user", "rename": "CPU_USER", "unit": "None"}, "cpu_usage_system"], "totalcpu": true, "resources": ["*"],
			"append_dimensions": {"who": "${aws:InstanceId}", "team": "blue"}, "drop_original_metrics": ["usage_iowait"]},
		"disk": {"measurement": ["used_percent", "inodes_free"], "resources": ["*"]},
		"diskio": {"measurement": ["io_time", "iops_in_progress"], "resources": ["*"]},
		"net": {"measurement": ["bytes_sent", "packets_recv"], "resources": ["lo"]}, "netstat": {"measurement": ["tcp_established", "tcp_listen", "udp_socket"]},
		"processes": {"measurement": ["running", "total", "zombies", "wait"]}, "loadavg": {"measurement": ["1m"]}, "tcp": {"measurement": ["segments_sent"]}, "uptime": {"measurement": ["seconds"]},
		"procstat": [{"exe": "/nephoscope$", "measurement": ["pid_count", "cpu_usage", "memory_rss", "num_fds", "read_bytes", "rlimit_num_fds_soft"]}, {"pattern": "no such process anywhere [0-9]$", "measurement": ["pid_count", "pid"]}],
		"mem": {"measurement": ["mem_used_percent"]}, "swap": {"measurement": ["swap_used_percent"], "metrics_collection_interval": 60}}}}`

// withSystemd asks systemd as well, where it runs.
func (b *bed) withSystemd(configuration string) string {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		b.Log("systemd does not run here: it is not asked")
		return configuration
	}
	return strings.Replace(configuration, `"mem":`, `"systemd": {"measurement": ["running", "units_active", "unit_active", "unit_restarts"], "resources": ["dbus.service", "nosuch", "-.mount", "template@.service"]}, "mem":`, 1)
}

// arrived lists the metrics of the local CloudWatch as a bill would: name, unit, resolution, dimensions.
func (b *bed) arrived() (all []string) {
	b.Helper()
	metrics, err := b.service.Metrics()
	b.must(err)
	for _, m := range metrics {
		data, err := b.service.Data(m.Namespace, m.Name, m.Dimensions...)
		b.must(err)
		line := fmt.Sprintf("%s/%s %s %v", m.Namespace, m.Name, m.Unit, data[len(data)-1].Resolution.Seconds())
		for _, d := range m.Dimensions {
			line += fmt.Sprintf(" %s=%s", d.Name, d.Value)
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return all
}

// foretold lists the same of a report, with placeholders filled in.
func foretold(r *explain.Report, known map[string]string) (all []string) {
	for _, s := range r.Metrics.Series {
		line := fmt.Sprintf("%s/%s %s %v", cmp.Or(s.Namespace, r.Metrics.Namespace), s.Name, s.Unit, s.ResolutionSeconds)
		for _, d := range s.Dimensions {
			if v, placeholder := known[d.Value]; placeholder {
				d.Value = v
			}
			line += fmt.Sprintf(" %s=%s", d.Name, d.Value)
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return all
}

// untilTwoIntervals waits until differences have been sent twice.
func (b *bed) untilTwoIntervals(name string) {
	b.Helper()
	b.until("two intervals", func() bool {
		metrics, err := b.service.Metrics()
		b.must(err)
		for _, m := range metrics {
			if m.Name == name {
				data, err := b.service.Data(m.Namespace, m.Name, m.Dimensions...)
				b.must(err)
				return len(data) >= 2
			}
		}
		return false
	})
}

func compareLists(t *testing.T, got, want []string) {
	t.Helper()
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("arrived, and was not foretold: %s", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("foretold, and did not arrive: %s", line)
		}
	}
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%d arrived, %d were foretold", len(got), len(want))
	}
}

func TestExplainListsExactlyTheMetricsThatArrive(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.mountsStay()
	b.config(b.withSystemd(everySecond))
	r := b.explained("--mode", "onPremise")
	if n := b.service.Requests(); len(n) > 0 {
		t.Errorf("explain asked the service: %v", n)
	}
	b.start("--mode", "onPremise")
	b.untilTwoIntervals("CPU_USER")
	b.stop()
	compareLists(t, b.arrived(), foretold(r, nil))
	if r.Bill.Series != len(r.Metrics.Series) {
		t.Errorf("the bill counts %d series of %d", r.Bill.Series, len(r.Metrics.Series))
	}
}

func TestExplainListsTheMetricsOfAnInstanceWithoutAskingIt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.mountsStay()
	var asked atomic.Int64
	imds := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		metadata{tags: map[string]string{"aws:autoscaling:groupName": "web"}}.ServeHTTP(w, r)
	}))
	t.Cleanup(imds.Close)
	b.env = append(b.env, "AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT="+imds.URL, "AWS_DEFAULTS_MODE=auto")
	b.config(everySecond)
	r := b.explained()
	if n := asked.Load(); n > 0 || len(b.service.Requests()) > 0 {
		t.Errorf("explain asked the metadata service %d times, and the service %v", n, b.service.Requests())
	}
	b.start()
	b.untilTwoIntervals("CPU_USER")
	b.stop()
	compareLists(t, b.arrived(), foretold(r, map[string]string{
		"${aws:AutoScalingGroupName}": "web", "${aws:ImageId}": "ami-0feedfacefeedface", "${aws:InstanceId}": "i-0abc123def4567890", "${aws:InstanceType}": "t3.small",
	}))
}

// calls notes who called what, of what: "identity action resource".
type calls struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (c *calls) note(r *http.Request, body []byte) (action string) {
	if r.Header.Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, _ = io.ReadAll(z)
		}
	}
	form, _ := url.ParseQuery(string(body))
	resource := "*"
	switch target := r.Header.Get("X-Amz-Target"); {
	case strings.HasPrefix(target, "Logs_"):
		action = "logs:" + target[strings.LastIndexByte(target, '.')+1:]
		var in struct{ LogGroupName, LogStreamName string }
		_ = json.Unmarshal(body, &in)
		resource = "arn:aws:logs:eu-west-1:111122223333:log-group:" + in.LogGroupName + ":log-stream:" + in.LogStreamName
	case form.Get("Action") == "AssumeRole":
		action, resource = "sts:AssumeRole", form.Get("RoleArn")
	case form.Get("Action") != "":
		action = "ec2:" + form.Get("Action")
	default:
		action = "cloudwatch:" + r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	}
	who := "host"
	if strings.Contains(r.Header.Get("Authorization"), "ASIAROLE") {
		who = "role"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[who+" "+action+" "+resource] = true
	return action
}

const roleOfTheTest = "arn:aws:iam::111122223333:role/shipper"

// assumed is the answer of STS.
const assumed = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>
<SecretAccessKey>x</SecretAccessKey><SessionToken>y</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
<AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/shipper/s</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>`

const everyAction = `{"agent": {"metrics_collection_interval": 1, "credentials": {"role_arn": "` + roleOfTheTest + `"}},
	"metrics": {"namespace": "Every/Action", "force_flush_interval": 1, "append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}"}, "metrics_collected": {"mem": {"measurement": ["used"]}}},
	"nephoscope": {"read_back": true}, "logs": {"force_flush_interval": 1, "logs_collected": {"files": {"collect_list": [
		{"file_path": "%DIR%/a.log", "log_group_name": "g-{account_id}", "retention_in_days": 7}]}}}}`

func TestPolicyAllowsWhatTheAgentDoesAndNothingElse(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.onEC2(metadata{})
	b.service.Tags = map[string]string{"aws:autoscaling:groupName": "web"}
	b.config(everyAction)
	r := b.explained("--account", "111122223333")
	seen := &calls{seen: map[string]bool{}}
	var lost atomic.Bool
	b.answer(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		action := seen.note(req, body)
		req.Body = io.NopCloser(bytes.NewReader(body))
		if action == "sts:AssumeRole" {
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, assumed)
			return
		}
		answer := httptest.NewRecorder()
		b.service.ServeHTTP(answer, req)
		if action == "logs:PutLogEvents" && answer.Code == http.StatusOK && !lost.Swap(true) {
			w.WriteHeader(http.StatusServiceUnavailable) // it has arrived, and the agent has to look
			return
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
	b.write("a.log", "first\nsecond\n")
	b.start()
	has := func(action string) bool {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		return slices.ContainsFunc(slices.Collect(maps.Keys(seen.seen)), func(s string) bool { return strings.Contains(s, " "+action+" ") })
	}
	for _, action := range []string{"cloudwatch:PutMetricData", "logs:GetLogEvents", "logs:PutRetentionPolicy", "ec2:DescribeTags"} {
		b.until(action, func() bool { return has(action) })
	}
	b.kill()
	used := map[string]bool{}
	for call := range seen.seen {
		parts := strings.Fields(call)
		if !allowed(r, parts[0], parts[1], parts[2], used) {
			t.Errorf("the agent calls what the policy does not allow: %s", call)
		}
	}
	for _, p := range r.Permissions {
		for _, s := range p.Policy.Statement {
			for _, action := range s.Action {
				if !used[p.Role+action] {
					t.Errorf("the policy of %q allows %s, which the agent never did", p.Role, action)
				}
			}
		}
	}
}

// allowed does what IAM does: some statement of the identity's policy names the action and the resource.
func allowed(r *explain.Report, who, action, resource string, used map[string]bool) bool {
	for _, p := range r.Permissions {
		if (p.Role == "") != (who == "host") {
			continue
		}
		for _, s := range p.Policy.Statement {
			for _, pattern := range s.Resource {
				like := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
				if slices.Contains(s.Action, action) && like.MatchString(resource) {
					used[p.Role+action] = true
					return true
				}
			}
		}
	}
	return false
}

func TestPolicyAloneIsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(everyAction)
	f := func(want string, args ...string) {
		t.Helper()
		out, errs, status := b.command(append([]string{"explain", b.path("config.json")}, args...)...)
		var p explain.Policy
		if err := json.Unmarshal([]byte(out), &p); err != nil || status != exitFine || p.Version != "2012-10-17" || !strings.Contains(out, want) {
			t.Errorf("%v: status %d, %v: %s%s", args, status, err, out, errs)
		}
	}
	f("sts:AssumeRole", "--policy")
	f("Every/Action", "--policy="+roleOfTheTest)
	f("arn:aws:ssm:eu-west-1:111122223333:parameter/agents/web", "--policy", "--with-ssm", "/agents/web", "--account", "111122223333")
	if _, errs, status := b.command("explain", b.path("config.json"), "--policy=arn:aws:iam::1:role/other"); status != exitUnread || !strings.Contains(errs, roleOfTheTest) {
		t.Errorf("an unknown role: status %d: %s", status, errs)
	}
}

func TestExplainSaysWhereAFileWillBegin(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.write("access.log", "first\nsecond\n")
	if f := b.explained().Logs.Entries[0].Files[0]; f.KnownFrom != "beginning" || f.UnreadBytes != 13 || f.LogGroup != "g" || f.LogStream != "s" {
		t.Errorf("before: %+v", f)
	}
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	b.stop()
	b.write("access.log", "third\n")
	before, err := os.ReadFile(b.path("state/checkpoints"))
	b.must(err)
	f := b.explained().Logs.Entries[0].Files[0]
	if f.KnownFrom != "checkpoint" || f.UnreadBytes != 6 || len(f.Begins) != 1 || f.Begins[0].Offset != 13 {
		t.Errorf("after: %+v", f)
	}
	if after, err := os.ReadFile(b.path("state/checkpoints")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("explain has written to the checkpoints: %v", err)
	}
}

func TestExplainPrintsMistakesAsCheckDoes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(tenMistakes)
	checked, _, _ := b.command("check", b.path("config.json"))
	explained, _, status := b.command("explain", b.path("config.json"))
	if explained != checked || status != exitMistakes {
		t.Errorf("status %d, got\n%swant\n%s", status, explained, checked)
	}
}

func TestExplainSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.must(os.WriteFile(b.path("prices.json"), []byte("{\"region\": \"x\",\n \"metric_moth\": 1}"), 0o600))
	f := func(want string, args ...string) {
		t.Helper()
		_, errs, status := b.command(append([]string{"explain"}, args...)...)
		if status != exitUnread || !strings.Contains(errs, want) {
			t.Errorf("%v: status %d, said %s", args, status, errs)
		}
	}
	f("no such file", b.path("missing.json"))
	f("name a file, a folder", "--root", b.path("image"))
	f("prices.json:2:", "--prices", b.path("prices.json"), b.path("config.json"))
	f("twelve digits", "--account", "12", b.path("config.json"))
	f("unknown mode", "--mode", "azure", b.path("config.json"))
	f("--sample", "--sample", "-1s", b.path("config.json"))
}

func TestPreviewIsTwelveLinesAtMost(t *testing.T) {
	text, err := previewOf(t.Context(), "auto", []byte(everySecond))
	if lines := strings.Count(text, "\n"); err != nil || lines > 12 || lines < 4 || !strings.Contains(text, "Walk/Through") || !strings.Contains(text, "$") {
		t.Errorf("%d lines, %v:\n%s", lines, err, text)
	}
	if _, err := previewOf(t.Context(), "auto", []byte(tenMistakes)); err == nil {
		t.Error("mistakes are not an error")
	}
	instance := `{"metrics": {"append_dimensions": {"InstanceId": "${aws:InstanceId}"}, "metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`
	if text, err := previewOf(t.Context(), "ec2", []byte(instance)); err != nil || !strings.Contains(text, "${aws:InstanceId}") || strings.Contains(text, "host=") {
		t.Errorf("on an instance: %v\n%s", err, text)
	}
}
