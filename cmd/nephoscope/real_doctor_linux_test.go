package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/nephoscope/nephoscope/internal/doctor"
	"golang.org/x/sys/unix"
)

// strangerID is a user that this machine need not know.
const strangerID = 64990

// startAs starts the agent as another user, with capabilities.
func (b *bed) startAs(uid uint32, capabilities ...uintptr) {
	b.Helper()
	path, err := binary()
	b.must(err)
	raw, err := os.ReadFile(path) // where it is, nobody else may go
	b.must(err)
	b.must(os.WriteFile(b.path("agent"), raw, 0o755))
	if b.output == nil {
		b.output = &syncBuffer{}
	}
	b.cmd = exec.Command(b.path("agent"), "run", "--config", b.path("config.json"), "--state", b.path("state"), "--common-config", b.common())
	b.cmd.Env, b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = b.env, b.dir, b.output, b.output
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}, AmbientCaps: capabilities}
	b.must(b.cmd.Start())
	b.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan error) { ended <- cmd.Wait() }(b.cmd, b.ended)
}

// The doctor judges by what the process may do: its user, its groups, and its capabilities.
func TestDoctorSeesFilesAsTheAgentsProcessDoes(t *testing.T) {
	needsRoot(t)
	b := newBed(t)
	b.mayEnter()
	b.config(oneLog)
	b.common()
	for _, name := range []string{"config.json", "common-config.toml"} {
		b.must(os.Chmod(b.path(name), 0o644))
	}
	b.must(os.Mkdir(b.path("state"), 0o700))
	b.must(os.Chown(b.path("state"), strangerID, strangerID))
	b.write("access.log", "a\nb\n") // root's, 0600

	b.startAs(strangerID)
	b.until("an answer", func() bool { _, code := b.ledger(); return code != exitUnread })
	r, code := b.diagnosis("files")
	if r.Outcome != doctor.Failed || code != exitMistakes || !strings.Contains(textOf(r), b.path("access.log")+" cannot be read by 64990: mode -rw-------, owner root") || !strings.Contains(textOf(r), "sudo setfacl -m u:64990:r "+b.path("access.log")) {
		t.Errorf("status %d: %s", code, textOf(r))
	}
	if r, _ := b.diagnosis("folders"); r.Outcome == doctor.Failed {
		t.Errorf("got %s", textOf(r))
	}
	if got := b.events("g", "s"); len(got) > 0 {
		t.Errorf("the agent has read %q all the same", got)
	}
	b.stop()

	b.startAs(strangerID, unix.CAP_DAC_READ_SEARCH)
	b.until("both lines", func() bool { return len(b.events("g", "s")) == 2 })
	if r, code := b.diagnosis("files"); r.Outcome != doctor.Fine || code != exitFine {
		t.Errorf("with CAP_DAC_READ_SEARCH: status %d: %s", code, textOf(r))
	}
	b.stop()
}
