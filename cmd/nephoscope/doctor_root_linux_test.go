package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
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
