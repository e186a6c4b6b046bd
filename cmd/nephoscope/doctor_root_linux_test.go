package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/nephoscope/nephoscope/internal/doctor"
)

func TestDoctorWithoutProcKnowsWhoAsks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT RUN: a root folder of one's own is the superuser's to have")
	}
	b := newBed(t)
	path, err := binary()
	b.must(err)
	raw, err := os.ReadFile(path)
	b.must(err)
	b.must(os.WriteFile(b.path("nephoscope"), raw, 0o700))
	b.config(oneLog)
	cmd := exec.Command("/nephoscope", "doctor", "--offline", "--only", "files", "/config.json")
	cmd.SysProcAttr, cmd.Dir = &syscall.SysProcAttr{Chroot: b.dir}, "/"
	out, _ := cmd.CombinedOutput()
	if text := string(out); !strings.Contains(text, "user 0") && !strings.Contains(text, "user root") || strings.Contains(text, "FAIL") {
		t.Errorf("%s", text)
	}
}

func TestDoctorKnowsWhatRunAsUserKeeps(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT RUN: files that others may not read are the superuser's to have")
	}
	b := newBed(t)
	b.config(strings.Replace(oneLog, `"region"`, `"run_as_user": "nobody", "region"`, 1))
	b.write("access.log", "a\n")
	b.must(os.Chmod(b.path("access.log"), 0o600))
	if r, _ := b.diagnosis("files", "config.json"); r.Outcome != doctor.Fine || !strings.Contains(r.Says, "readable by nobody") {
		t.Errorf("got %s", textOf(r))
	}
	if r, _ := b.diagnosis("files", "--user", "nobody", "config.json"); r.Outcome != doctor.Failed {
		t.Errorf("without that right: %s", textOf(r))
	}
}

func TestWhatMayNotBeReadSaysSudo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT RUN: to be somebody else is the superuser's to choose")
	}
	b := newBed(t)
	b.mayEnter()
	path, err := binary()
	b.must(err)
	raw, err := os.ReadFile(path)
	b.must(err)
	b.must(os.WriteFile(b.path("nephoscope"), raw, 0o755))
	b.config(oneLog)
	b.must(os.Chmod(b.path("config.json"), 0o600))
	c := b.path("config.json")
	for _, args := range [][]string{{"check", c}, {"explain", c}, {"diff", c, c}, {"doctor", c}, {"run", "--state", b.path("own"), "--config", c}} {
		cmd := exec.Command(b.path("nephoscope"), args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: strangerID, Gid: strangerID}}
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != exitUnread || !strings.Contains(string(out), "permission denied (try sudo)") {
			t.Errorf("%v: status %d: %s", args, code, out)
		}
	}
}
