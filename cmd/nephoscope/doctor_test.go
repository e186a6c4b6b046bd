package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/internal/doctor"
	"github.com/nephoscope/nephoscope/local"
)

// doctor runs the command on the bed's state folder.
func (b *bed) doctor(args ...string) (out, complaint string, code int) {
	b.Helper()
	path, err := binary()
	b.must(err)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(path, append([]string{"doctor", "--state", b.path("state"), "--common-config", b.common()}, args...)...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = b.env, b.dir, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			b.Fatal(err)
		}
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// diagnosis is one check of doctor --json.
func (b *bed) diagnosis(id string, args ...string) (r doctor.Result, code int) {
	b.Helper()
	out, complaint, code := b.doctor(append([]string{"--json", "--only", id}, args...)...)
	var report doctor.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Checks) != 1 {
		b.Fatalf("%v: %s%s", err, out, complaint)
	}
	return report.Checks[0], code
}

func textOf(r doctor.Result) string {
	text := r.Says
	for _, f := range r.Findings {
		text += "\n" + string(f.Outcome) + ": " + f.What + " → " + f.Cure
	}
	return text
}

// pristine is what the service holds: doctor must leave it as it is.
func (b *bed) pristine() string {
	b.Helper()
	groups, retention, err := b.service.Groups()
	b.must(err)
	var all []string
	for _, g := range groups {
		streams, err := b.service.Streams(g)
		b.must(err)
		for _, s := range streams {
			all = append(all, g+"/"+s+": "+strings.Join(b.events(g, s), "|"))
		}
	}
	metrics, err := b.service.Metrics()
	b.must(err)
	raw, err := json.Marshal([]any{groups, retention, all, metrics})
	b.must(err)
	return string(raw)
}

const everyPermission = `{"agent": {"region": "eu-west-1"}, "metrics": {"append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}"}, "metrics_collected": {"mem": {"measurement": ["used_percent"]}}},
	"nephoscope": {"read_back": true}, "logs": {"logs_collected": {"files": {"collect_list": [
	{"file_path": "%DIR%/access.log", "log_group_name": "g", "log_stream_name": "s", "retention_in_days": 7}, {"file_path": "%DIR%/other.log", "log_group_name": "absent"}]}}}}`

func TestPermissionsAreProbedWithoutWritingAnything(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("a group, a stream and events", func() bool { return len(b.events("g", "s")) == 2 })
	b.stop()
	b.config(everyPermission)
	before := b.pristine()
	r, code := b.diagnosis("permissions", "config.json")
	if r.Outcome != doctor.Fine || code != exitFine || !strings.Contains(textOf(r), "1 log group is not there yet") {
		t.Errorf("status %d, %s", code, textOf(r))
	}
	if after := b.pristine(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	for _, operation := range []string{"PutLogEvents", "CreateLogStream", "PutRetentionPolicy", "DescribeLogGroups", "GetLogEvents", "PutMetricData", "DescribeTags"} {
		if !wasAsked(b.service, operation) {
			t.Errorf("%s was not asked for: %v", operation, b.service.Requests())
		}
	}
}

func wasAsked(s *local.Server, operation string) bool {
	for name, n := range s.Requests() {
		if n > 0 && strings.HasSuffix(name, operation) {
			return true
		}
	}
	return false
}

func TestDeniedActionIsNamedWithTheSmallestStatement(t *testing.T) {
	b := newBed(t)
	b.config(everyPermission)
	before := b.pristine()
	f := func(operation, code string, want doctor.Outcome, status int, words ...string) {
		t.Helper()
		b.must(b.service.SetFaults(local.Fault{Operation: operation, Do: local.FaultError, Code: code, Message: "not authorized", Status: 400}))
		r, got := b.diagnosis("permissions", "config.json")
		if r.Outcome != want || got != status {
			t.Errorf("%s: %s, status %d: %s", operation, r.Outcome, got, textOf(r))
		}
		for _, word := range words {
			if !strings.Contains(textOf(r), word) {
				t.Errorf("%s: no %q in %s", operation, word, textOf(r))
			}
		}
		b.service.ClearFaults()
	}
	f("PutLogEvents", "AccessDeniedException", doctor.Failed, exitMistakes, "logs:PutLogEvents is denied on absent and 1 more", `"Resource":["arn:aws:logs:eu-west-1:*:log-group:absent:*","arn:aws:logs:eu-west-1:*:log-group:g:*"]`)
	f("PutMetricData", "AccessDenied", doctor.Failed, exitMistakes, "cloudwatch:PutMetricData is denied on CWAgent", `"cloudwatch:namespace":["CWAgent"]`)
	f("DescribeTags", "UnauthorizedOperation", doctor.Failed, exitMistakes, "ec2:DescribeTags is denied")
	f("CreateLogStream", "AccessDeniedException", doctor.Warning, exitFine, "logs:CreateLogStream is denied on names that begin like")
	f("PutRetentionPolicy", "AccessDeniedException", doctor.Warning, exitFine, "logs:PutRetentionPolicy")
	f("GetLogEvents", "AccessDeniedException", doctor.Warning, exitFine, "read_back")
	f("*", "ExpiredTokenException", doctor.Warning, exitFine, "not clear", "ExpiredTokenException")
	if after := b.pristine(); after != before {
		t.Errorf("something was written: %s", after)
	}
}

func TestDoctorOfARunningAgentFindsItsConfiguration(t *testing.T) {
	b := newBed(t)
	b.config(logAndMetrics)
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("health", func() bool { s, code := b.ledger(); return code == exitFine && s.Total.Sent.Events == 2 })
	r, code := b.diagnosis("config")
	if r.Outcome != doctor.Fine || code != exitFine || !strings.Contains(r.Says, "it is what runs") {
		t.Errorf("status %d: %s", code, textOf(r))
	}
	if r, _ := b.diagnosis("agent"); r.Outcome != doctor.Fine {
		t.Errorf("got %s", textOf(r))
	}
	if r, _ := b.diagnosis("folders"); r.Outcome == doctor.Failed {
		t.Errorf("got %s", textOf(r))
	}
	if r, _ := b.diagnosis("endpoints"); r.Outcome != doctor.Fine || !strings.Contains(textOf(r), strings.TrimPrefix(b.url, "http://")) {
		t.Errorf("got %s", textOf(r))
	}
	b.config(strings.Replace(logAndMetrics, `"mem"`, `"swap"`, 1))
	if r, _ := b.diagnosis("config"); r.Outcome != doctor.Warning || !strings.Contains(textOf(r), "changed since it was applied") {
		t.Errorf("got %s", textOf(r))
	}
	b.stop()
	if r, _ := b.diagnosis("agent"); r.Outcome != doctor.Warning {
		t.Errorf("after a stop: %s", textOf(r))
	}
}

// A shell with keys must not have the doctor vouch for an agent without.
func TestDoctorUsesTheAgentsEnvironmentAndNothingElse(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: only Linux shows the environment of another process")
	}
	b := newBed(t)
	b.config(logAndMetrics)
	b.write("access.log", "a\n")
	shell := b.env
	b.env = slices.DeleteFunc(slices.Clone(b.env), func(pair string) bool { return strings.Contains(pair, "_KEY") })
	if len(b.env) != len(shell)-2 {
		t.Fatalf("the bed's keys are not in its environment: %v", shell)
	}
	b.start()
	b.until("an answer", func() bool { _, code := b.ledger(); return code != exitUnread })
	b.env = shell
	if r, code := b.diagnosis("credentials"); r.Outcome != doctor.Failed || code != exitMistakes || !strings.Contains(textOf(r), "no credentials") {
		t.Errorf("status %d: %s", code, textOf(r))
	}
}

func TestDoctorStatusTellsFineFromFailedFromUndone(t *testing.T) {
	b := newBed(t)
	f := func(want int, word string, args ...string) {
		t.Helper()
		out, complaint, code := b.doctor(args...)
		if code != want || !strings.Contains(out+complaint, word) {
			t.Errorf("%v: status %d, want %d and %q:\n%s%s", args, code, want, word, out, complaint)
		}
	}
	f(exitUnread, "no such file", "nowhere.json")
	f(exitUnread, "there are config, agent", "--only", "disk")
	f(exitUnread, "unknown mode", "--mode", "moon")
	f(exitUnread, "unknown user nobody-of-that-name", "--user", "nobody-of-that-name")
	f(exitUnread, "no such file", "--common-config", "nowhere.toml")
	b.config(`{"logs": {`)
	f(exitMistakes, "config.json:1:", "--only", "config", "config.json")
	b.config(oneLog)
	f(exitFine, "ok    configuration", "--only", "config", "config.json")
	f(exitFine, "1 ok, 0 warnings, 0 failed, 1 not looked at", "--offline", "--only", "config,endpoints", "config.json")
}

func TestBundleHoldsNoSecretAndReplacesNothing(t *testing.T) {
	b := newBed(t)
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	b.env = append(b.env, "AWS_SECRET_ACCESS_KEY="+secret, "HTTPS_PROXY=http://user:the-proxys-password@127.0.0.1:1")
	b.config(strings.Replace(oneLog, `"region"`, `"x_password": "open-sesame", "region"`, 1))
	b.must(os.WriteFile(b.common(), []byte("[proxy]\nhttp_proxy = \"http://user:the-other-password@127.0.0.1:1\"\n"), 0o600))
	b.write("access.log", "a line of a log file\n")
	out, complaint, code := b.doctor("--bundle", "report.tar.gz", "--only", "config,files", "config.json")
	if code != exitFine || !strings.Contains(out, "blotted out") || !strings.Contains(out, "doctor.json") {
		t.Fatalf("status %d\n%s%s", code, out, complaint)
	}
	raw, err := os.ReadFile(b.path("report.tar.gz"))
	b.must(err)
	if info, err := os.Stat(b.path("report.tar.gz")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	b.must(err)
	var names []string
	for archive := tar.NewReader(zip); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		b.must(err)
		names = append(names, h.Name)
		text, err := io.ReadAll(archive)
		b.must(err)
		for _, s := range []string{secret, "the-proxys-password", "the-other-password", "open-sesame", "a line of a log file"} {
			if strings.Contains(string(text), s) {
				t.Errorf("%s holds %s", h.Name, s)
			}
		}
	}
	for _, want := range []string{"version.txt", "doctor.json", "config/00-config.json", "config/common-config.toml", "CONTENTS.txt"} {
		if !slices.Contains(names, "nephoscope-doctor/"+want) {
			t.Errorf("no %s in %v", want, names)
		}
	}
	if _, complaint, code = b.doctor("--bundle", "report.tar.gz", "--only", "config", "config.json"); code != exitUnread || !strings.Contains(complaint, "not overwritten") {
		t.Errorf("status %d: %s", code, complaint)
	}
	if again, _ := os.ReadFile(b.path("report.tar.gz")); !bytes.Equal(again, raw) {
		t.Error("the first archive was replaced")
	}
	if _, _, code = b.doctor("--bundle", "second.tar.gz", "--only", "nonsense", "config.json"); code != exitUnread {
		t.Errorf("status %d", code)
	}
	if _, err := os.Stat(b.path("second.tar.gz")); err == nil {
		t.Error("an archive without content is left behind")
	}
}

// What doctor is for is to find such things.
func TestDoctorWorksWithABrokenFileBesideTheConfiguration(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.write("common.toml", "[credentials\n")
	out, complaint, code := b.doctor("--offline", "--json", "config.json", "--common-config", b.path("common.toml"))
	var report doctor.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != exitMistakes || len(report.Checks) != len(doctor.IDs()) {
		t.Fatalf("%v, status %d: %s%s", err, code, out, complaint)
	}
	if text := textOf(report.Checks[0]); report.Checks[0].Outcome != doctor.Failed || !strings.Contains(text, "common.toml:1:") {
		t.Errorf("got %s", text)
	}
}

func TestDoctorThatIsInterruptedLeavesNoBundle(t *testing.T) {
	b := newBed(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // whoever connects waits
	b.must(err)
	defer silent.Close()
	b.write("silent.json", fmt.Sprintf(`{"agent": {"region": "eu-west-1"}, "metrics": {"endpoint_override": "http://%s", "metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`, silent.Addr()))
	path, err := binary()
	b.must(err)
	cmd := exec.Command(path, "doctor", "--state", b.path("state"), "--common-config", b.common(), "--bundle", b.path("out.tar.gz"), b.path("silent.json"))
	cmd.Env = b.env
	b.must(cmd.Start())
	b.until("a bundle has been begun", func() bool { _, err := os.Stat(b.path("out.tar.gz")); return err == nil })
	b.must(cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitUnread {
		t.Errorf("status %d", code)
	}
	if _, err := os.Stat(b.path("out.tar.gz")); !os.IsNotExist(err) {
		t.Errorf("a bundle that is not whole is left: %v", err)
	}
}
