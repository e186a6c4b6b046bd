package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/internal/explain"
)

// stored writes configurations, as name and text, into a folder.
func stored(t *testing.T, files ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i := 0; i+1 < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	memOnly = `{"metrics": {"metrics_collected": {"mem": {"measurement": ["used"]}}}}`
	memSwap = `{"metrics": {"metrics_collected": {"swap": {"measurement": ["used"]}, "mem": {"measurement": ["mem_used"]}}}}`
)

func TestDiffEndsAsDiffDoes(t *testing.T) {
	t.Parallel()
	const installed = "opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/file_config.json"
	dir := stored(t, "mem.json", memOnly, "both.json", memSwap, "wrong.json", tenMistakes, "folder/a.json", memOnly, "folder/b.json", `{"metrics": {"metrics_collected": {"swap": {"measurement": ["used"]}}}}`,
		"root/"+installed, memOnly)
	at := func(name string) string { return filepath.Join(dir, name) }
	f := func(want int, says string, args ...string) {
		t.Helper()
		out, errs, status := nephoscope(t, memOnly, append([]string{"diff"}, args...)...)
		if status != want || !strings.Contains(out+errs, says) {
			t.Errorf("%v: status %d, want %d and %q: %s%s", args, status, want, says, out, errs)
		}
	}
	f(0, "the same", at("mem.json"), at("mem.json"))
	f(1, "starts   metrics of swap: swap_used", at("mem.json"), at("both.json"))
	f(1, "stops    metrics of swap", at("both.json"), at("mem.json"))
	f(0, "the same", at("folder"), at("both.json"))
	f(0, "the same", at("mem.json"), "-")
	f(0, "the same", "--root", at("root"), at("mem.json"))
	f(1, "starts   metrics of swap", "--root", at("root"), at("both.json"))
	f(2, "wrong.json has 10 mistakes", at("mem.json"), at("wrong.json"))
	f(2, "wrong.json:2:", at("wrong.json"), at("mem.json"))
	f(2, "no such file", at("mem.json"), at("missing.json"))
	f(2, "name two configurations", "--root", at("folder"), at("mem.json"))
	f(2, "one of the two only", "-", "-")
	f(2, "accepts", at("mem.json"), at("mem.json"), at("mem.json"))
}

// ${NAME} is what it is for the agent that would be reloaded.
func TestDiffKnowsTheVariablesOfTheInstallation(t *testing.T) {
	named := func(group string) string {
		return `{"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/var/log/a", "log_group_name": "` + group + `"}]}}}}`
	}
	dir := stored(t, "one.json", named("${GROUP_OF_THE_TEST}"), "other.json", named("g"), "root/opt/aws/amazon-cloudwatch-agent/etc/env-config.json", `{"GROUP_OF_THE_TEST": "g"}`)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "diff", "--root", "root", "one.json", "other.json")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestDiffInJSON(t *testing.T) {
	t.Parallel()
	dir := stored(t, "old.json", memOnly, "new.json", memSwap)
	out, errs, status := nephoscope(t, "", "diff", "--json", filepath.Join(dir, "old.json"), filepath.Join(dir, "new.json"))
	var d explain.Difference
	if err := json.Unmarshal([]byte(out), &d); err != nil || status != exitDiffers {
		t.Fatalf("status %d, %v: %s%s", status, err, out, errs)
	}
	if d.Same || len(d.Changes) != 1 || d.Changes[0].Does != "starts" || len(d.Tasks.Started) != 1 || d.Tasks.Stopped == nil || d.Changes[0].Place.Line != 1 {
		t.Errorf("got %s", out)
	}
}
