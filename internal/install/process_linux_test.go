package install

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
)

const mute = "NEPHOSCOPE_TEST_MUTE" // the socket that an agent listens on and never answers at

func TestAgentThatDoesNotAnswerIsStopped(t *testing.T) {
	if path := os.Getenv(mute); path != "" {
		if _, err := net.Listen("unix", path); err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("listening\n")
		select {}
	}
	h := newHost(t)
	if err := os.MkdirAll(h.layout.State(), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), mute+"="+filepath.Join(h.layout.State(), "control.sock"))
	said, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	asked := 0
	h.asked = func() error {
		if asked++; asked == 1 {
			return errors.New("a disk hangs")
		}
		_ = cmd.Wait() // the exit status is looked at below
		return agent.ErrNotRunning
	}
	h.fine("-a", "stop")
	if got := cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(); got != syscall.SIGTERM {
		t.Errorf("it was ended by %v", got)
	}
}
