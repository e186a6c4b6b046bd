package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/internal/install"
)

// nephoscope runs the command as a user does.
func nephoscope(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

const tenMistakes = `{
  "agent": {"metrics_collection_interval": 0, "region": 7},
  "metrics": {
    "namespce": "x",
    "force_flush_interval": "60",
    "metrics_collected": {
      "cpu": {"measurement": ["usage_idel"]},
      "mem": {"measurement": "used_percent"}
    }
  },
  "logs": {"logs_collected": {"files": {"collect_list": [
    {"file_path": "/a", "retention_in_days": 8},
    {"log_group_name": "g"},
    {"file_path": "/b", "filters": [{"type": "includes", "expression": "x"}]},
    {"file_path": "/c", "multi_line_start_pattern": "("}
  ]}}}
}`

func TestTenMistakesGiveTenPlacedErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(tenMistakes), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, status := nephoscope(t, "", "check", file)
	placed := 0
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, file+":") {
			placed++
		}
	}
	if placed != 10 || status != exitMistakes {
		t.Errorf("%d placed mistakes, status %d:\n%s", placed, status, out)
	}
}

func TestCheckStatusTellsFineFromWrongFromUnread(t *testing.T) {
	f := func(stdin string, want int, args ...string) {
		t.Helper()
		out, errs, status := nephoscope(t, stdin, append([]string{"check"}, args...)...)
		if status != want {
			t.Errorf("%v: status %d, want %d\n%s%s", args, status, want, out, errs)
		}
	}
	f(`{"metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`, exitFine, "-")
	f(`{`, exitMistakes, "-")
	f(`{"metrics": {"metrics_collected": {"mem": {"measurement": ["used_percnt"]}}}}`, exitMistakes, "-")
	f("", exitUnread, "/nonexistent/config.json")
	f("", exitUnread, "--nonsense")
}

func TestCheckWithoutAFileChecksWhatIsInstalled(t *testing.T) {
	root := t.TempDir()
	if out, errs, status := nephoscope(t, "", "check", "--root", root); status != exitUnread || out != "" || !strings.Contains(errs, "name a file, a folder of them, or - for standard input") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	folder := (install.Layout{Root: root}).Configs()
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, "a.json"), []byte(tenMistakes), 0o600)); err != nil {
		t.Fatal(err)
	}
	if out, errs, status := nephoscope(t, "", "check", "--root", root); status != exitMistakes || !strings.Contains(out, filepath.Join(folder, "a.json")+":") || !strings.Contains(errs, "installed: "+folder) {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

func TestUserThatDoesNotExistIsAWarningWithTheCure(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: only Linux has run_as_user")
	}
	const c = `{"agent": {"run_as_user": "nobody-of-that-name"}, "metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`
	for _, command := range []string{"check", "explain"} {
		out, errs, status := nephoscope(t, c, command, "-")
		if text := strings.Join(strings.Fields(out), " "); status != exitFine || !strings.Contains(text, "nobody-of-that-name on this host") || !strings.Contains(text, "useradd --system nobody-of-that-name") {
			t.Errorf("%s: status %d\n%s%s", command, status, out, errs)
		}
	}
}

func TestCheckPrintsTheSchema(t *testing.T) {
	out, errs, status := nephoscope(t, "", "check", "--schema")
	published, err := os.ReadFile("../../docs/schema.json")
	if status != exitFine || err != nil || out != string(published) {
		t.Errorf("status %d, %d bytes, published are %d, %v\n%s", status, len(out), len(published), err, errs)
	}
	if _, errs, status := nephoscope(t, "", "check", "--schema", "config.json"); status != exitUnread || !strings.Contains(errs, "name no file") {
		t.Errorf("with a file: status %d\n%s", status, errs)
	}
}

// The name of a file says nothing of what is in it.
func TestCheckReadsJSONInAFileNamedYAML(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(`{"metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, status := nephoscope(t, "", "check", file); status != exitFine {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

func TestCheckAsJSON(t *testing.T) {
	out, _, status := nephoscope(t, `{"metrics": {"metrics_collected": {"mem": {"measurement": ["used_percnt"]}}}}`, "check", "--json", "-")
	var got struct {
		OK       bool
		Problems []struct {
			Line, Column     int
			Path, Text, Hint string
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got.OK || status != exitMistakes || len(got.Problems) != 1 {
		t.Fatalf("status %d\n%s", status, out)
	}
	p := got.Problems[0]
	if p.Line != 1 || p.Column != 60 || p.Path != "metrics.metrics_collected.mem.measurement[0]" || !strings.Contains(p.Text+p.Hint, "used_percent") {
		t.Errorf("got %+v", p)
	}
}

// What the linker leaves out is worth six megabytes, and is put in again by one innocent call that looks methods up by name
// (a template of cobra's, say).
func TestBinaryStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nephoscope")
	if out, err := exec.Command("../../scripts/build.sh", "nephoscope", path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const most = 19 << 20 // bytes
	if info, err := os.Stat(path); err != nil || info.Size() > most {
		t.Errorf("%d bytes, more than %d: does something look up methods by name?", info.Size(), most)
	}
}
