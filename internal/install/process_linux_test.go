package install

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/durable"
)

// mute is the state folder of an agent that never answers, and that takes its time to end.
const mute = "NEPHOSCOPE_TEST_MUTE"

func beMute(t *testing.T, state string) {
	_, err := durable.Lock(state)
	if err == nil {
		_, err = net.Listen("unix", agent.SocketPath(state))
	}
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	_, _ = os.Stdout.WriteString("listening\n")
	<-asked
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(7)
}

func TestAgentThatDoesNotAnswerIsStoppedAndWaitedFor(t *testing.T) {
	if state := os.Getenv(mute); state != "" {
		beMute(t, state)
	}
	h := newHost(t)
	if err := durable.MakeDir(h.layout.State()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), mute+"="+h.layout.State())
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	hold, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	h.patience = time.Minute
	asked := 0
	h.asked = func() error {
		switch asked++; asked {
		case 1:
			return errors.New("a disk hangs")
		case 3:
			_ = hold.Close() // now it ends
		}
		return agent.ErrNotRunning
	}
	h.fine("-a", "stop")
	if durable.Locked(h.layout.State()) {
		t.Error("it has not ended")
	}
	_ = hold.Close()
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
}
