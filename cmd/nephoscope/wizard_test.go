package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/wizard"
)

// walkthroughAnswers are those of the walkthrough, with one for the journal.
var walkthroughAnswers = strings.Fields("1 1 2 2 2 1 2 1 2 4 2 1 2 2 2 2 2")

func expectedStandard(t *testing.T) string {
	t.Helper()
	want, err := os.ReadFile("../../wizard/testdata/expected-standard.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(want)
}

// wizardCommand is the wizard as a process of its own, which finds no instance and no credentials of this machine's.
func wizardCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"wizard"}, args...)...)
	home := t.TempDir()
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + filepath.Join(home, "config"), "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "credentials")}
	return cmd
}

// wizardRun is what came of a wizard process.
type wizardRun struct {
	status         int
	stdout, stderr string
}

func runWizard(t *testing.T, in io.Reader, args ...string) (r wizardRun) {
	t.Helper()
	cmd := wizardCommand(t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return wizardRun{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func writtenUnder(t *testing.T, root string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/bin/config.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestPipedWizardGivesTheExpectedFile(t *testing.T) {
	t.Parallel()
	for _, answers := range [][]string{walkthroughAnswers, walkthroughAnswers[:16], append(walkthroughAnswers, "2")} {
		root := t.TempDir()
		r := runWizard(t, strings.NewReader(strings.Join(answers, "\n")), "--root", root)
		if got := writtenUnder(t, root); r.status != exitFine || got != expectedStandard(t) {
			t.Errorf("%d answers: got status %d, %s\n%s", len(answers), r.status, r.stderr, got)
		}
		if !strings.Contains(r.stdout, "default choice: [1]:\n-> root\n") {
			t.Errorf("the answers are not to be seen:\n%s", r.stdout)
		}
	}
}

// A writer that takes its time between the answers: each is written once the wizard has asked for it.
func TestWizardThatIsAnsweredQuestionByQuestionGivesTheExpectedFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cmd := wizardCommand(t, "--root", root)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answerEach(t, out, in, walkthroughAnswers)
	_ = in.Close()
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil || writtenUnder(t, root) != expectedStandard(t) {
		t.Errorf("got %v\n%s", err, writtenUnder(t, root))
	}
}

// answerEach writes an answer whenever a default has been offered, and returns what was read.
func answerEach(t *testing.T, out io.Reader, in io.Writer, answers []string) string {
	t.Helper()
	var all bytes.Buffer
	one := make([]byte, 1)
	for _, a := range answers {
		for seen := all.Len(); !strings.Contains(all.String()[seen:], "]:") && !strings.Contains(all.String()[seen:], "]\n"); {
			if _, err := out.Read(one); err != nil {
				t.Fatalf("read of the wizard: %v after\n%s", err, all.String())
			}
			all.Write(one)
		}
		if _, err := io.WriteString(in, a+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func TestAnswersFromAFileGiveTheExpectedFile(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"lines":      strings.Join(walkthroughAnswers, "\n") + "\n",
		"other ends": strings.Join(walkthroughAnswers, "\r\n"),
		"json": `{"os": 1, "host": "EC2", "user": "root", "statsd": false, "collectd": false, "per-core": "no", "dimensions": true,
			"aggregate": false, "plan": "Standard", "journald": false, "traces": false}`,
	} {
		root, file := t.TempDir(), filepath.Join(t.TempDir(), "answers")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		r := runWizard(t, strings.NewReader("3\n3\n3\n"), "--answers", file, "--root", root, "--json")
		var result struct {
			Changed  bool
			Problems []config.Problem
			Command  string
			Failures []string
		}
		if err := json.Unmarshal([]byte(r.stdout), &result); err != nil {
			t.Fatalf("%s: %v in\n%s%s", name, err, r.stdout, r.stderr)
		}
		if got := writtenUnder(t, root); got != expectedStandard(t) || !result.Changed || result.Problems == nil || result.Failures == nil {
			t.Errorf("%s: got %+v\n%s", name, result, got)
		}
		if want := "sudo nephoscope ctl --root " + root + " -a fetch-config -m ec2 -c file:"; !strings.HasPrefix(result.Command, want) {
			t.Errorf("%s: got command %s", name, result.Command)
		}
	}
}

func TestWizardSaysWhatIsWrongWithItsCommandLine(t *testing.T) {
	t.Parallel()
	answers := filepath.Join(t.TempDir(), "answers.json")
	if err := os.WriteFile(answers, []byte(`{"plann": "Basic"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(status int, want string, args ...string) {
		t.Helper()
		r := runWizard(t, strings.NewReader(""), args...)
		if r.status != status || !strings.Contains(r.stderr, want) || strings.Contains(r.stderr, "goroutine") {
			t.Errorf("%v: got status %d, want %d; %q, want %q", args, r.status, status, r.stderr, want)
		}
	}
	f(exitUnread, "unknown flag: --nope", "-nope")
	f(exitUnread, `takes no arguments, not "linux"`, "linux")
	f(exitUnread, "name two files", "--output", "a", "-configOutputPath", "b")
	f(exitUnread, "exclude each other", "--yes", "--answers", "a")
	f(exitUnread, "no such file", "--answers", filepath.Join(t.TempDir(), "none"))
	f(exitUnread, "holds no answers", "--resume", "--root", t.TempDir())
	f(exitUnread, "ask none", "--resume", "--yes")
	f(exitUnread, "is not read by this version", "-isNonInteractiveWindowsMigration", "-configFilePath", "x")
	f(exitMistakes, "there is no such question", "--answers", answers, "--root", t.TempDir())
	f(exitMistakes, "name another file with --output", "--yes", "--output", filepath.Join(t.TempDir(), "none", "config.json"))
	if r := runWizard(t, nil, "-h"); r.status != exitFine || !strings.Contains(r.stdout, "--useParameterStore") {
		t.Errorf("-h: got %+v", r)
	}
}

func TestOptionsOfTheOriginalHaveOneDashOrTwo(t *testing.T) {
	got := twoDashes(strings.Fields("-configOutputPath a --yes -h -useParameterStore=true -- -x"))
	if want := strings.Fields("--configOutputPath a --yes -h --useParameterStore=true -- -x"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	t.Parallel()
	output := filepath.Join(t.TempDir(), "mine.json")
	r := runWizard(t, strings.NewReader(strings.Join(walkthroughAnswers, "\n")), "-configOutputPath="+output)
	if raw, err := os.ReadFile(output); err != nil || r.status != exitFine || string(raw) != expectedStandard(t) {
		t.Errorf("got %+v, %v", r, err)
	}
	traces := filepath.Join(t.TempDir(), "traces.json")
	r = runWizard(t, strings.NewReader("3\n"), "-tracesOnly", "-nonInteractiveXrayMigration", "-configOutputPath", traces)
	if raw, err := os.ReadFile(traces); err != nil || r.status != exitFine || !strings.HasPrefix(string(raw), "{\n\t\"traces\": {") {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestWizardFindsXRayDaemonsByName(t *testing.T) {
	if _, err := os.Stat("/proc/self/comm"); err != nil {
		t.Skip("NOT RUN: there is no /proc")
	}
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "xray"), raw, 0o700); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(filepath.Join(dir, "xray"), "600")
	daemon.Args[0], daemon.Dir = "xray", dir
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	found := xrayDaemons()
	if !slices.ContainsFunc(found, func(d wizard.Daemon) bool { return d.Folder == dir && fmt.Sprint(d.Args) == "[xray 600]" }) {
		t.Errorf("got %+v", found)
	}
}

// The command that is printed is one that there is, whether the package is installed or not.
func TestCommandOfTheWizardIsOneThatThereIs(t *testing.T) {
	t.Parallel()
	r := runWizard(t, nil, "--yes", "--output", filepath.Join(t.TempDir(), "config.json"), "--json")
	var result wizard.Result
	if err := json.Unmarshal([]byte(r.stdout), &result); err != nil {
		t.Fatal(err)
	}
	command, _, _ := strings.Cut(strings.TrimPrefix(result.Command, "sudo "), " -a ")
	out, err := exec.Command("sh", "-c", command+" -h").CombinedOutput()
	if err != nil || !strings.Contains(strings.ToLower(string(out)), "usage") {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}
