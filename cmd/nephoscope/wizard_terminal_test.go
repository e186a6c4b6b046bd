//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// terminal is a wizard on a pseudo-terminal.
type terminal struct {
	*testing.T
	root string
	tty  *os.File
	end  func() int
}

func onTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	term := &terminal{T: t, root: t.TempDir()}
	cmd := wizardCommand(t, append([]string{"--root", term.root}, args...)...)
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	term.tty = tty
	term.end = func() int { _ = cmd.Wait(); return cmd.ProcessState.ExitCode() }
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = tty.Close() })
	return term
}

// until reads to a text, and returns everything up to it.
func (t *terminal) until(text string) string {
	t.Helper()
	var all bytes.Buffer
	one := make([]byte, 1)
	for !strings.HasSuffix(all.String(), text) {
		if _, err := t.tty.Read(one); err != nil {
			t.Fatalf("%v, waiting for %q after\n%s", err, text, all.String())
		}
		all.Write(one)
	}
	return all.String()
}

func (t *terminal) types(text string) {
	t.Helper()
	if _, err := io.WriteString(t.tty, text); err != nil {
		t.Fatal(err)
	}
}

// rest reads what is left. A terminal that nobody else has open any more ends with an error.
func (t *terminal) rest() string {
	raw, _ := io.ReadAll(t.tty)
	return string(raw)
}

func TestTypedWizardGivesTheExpectedFile(t *testing.T) {
	t.Parallel()
	w := onTerminal(t)
	for _, a := range walkthroughAnswers {
		w.until("default choice: [")
		w.until("]:\r\n")
		w.types(a + "\r")
	}
	out := w.rest()
	if status := w.end(); status != exitFine || writtenUnder(t, w.root) != expectedStandard(t) {
		t.Errorf("got status %d\n%s\n%s", status, out, writtenUnder(t, w.root))
	}
}

// What is typed ahead counts.
func TestWizardThatIsTypedAheadGivesTheExpectedFile(t *testing.T) {
	t.Parallel()
	w := onTerminal(t)
	w.types(strings.Join(walkthroughAnswers, "\n") + "\n")
	out := w.rest()
	if status := w.end(); status != exitFine || writtenUnder(t, w.root) != expectedStandard(t) {
		t.Errorf("got status %d\n%s\n%s", status, out, writtenUnder(t, w.root))
	}
}

func TestControlDEndsTheInterviewWithDefaults(t *testing.T) {
	t.Parallel()
	w := onTerminal(t)
	w.types(strings.Join(walkthroughAnswers[:16], "\n") + "\n")
	w.until("Parameter Store")
	w.until("]:\r\n")
	w.types("\x04")
	out := w.rest()
	if status := w.end(); status != exitFine || writtenUnder(t, w.root) != expectedStandard(t) {
		t.Errorf("got status %d\n%s", status, out)
	}
}

func TestControlCKeepsTheAnswersAndResumeGoesOn(t *testing.T) {
	t.Parallel()
	w := onTerminal(t)
	w.types("1\n1\n2\n2\n2\n1\n")
	w.until("each core?")
	w.until("]:\r\n")
	w.types("\x03")
	out := w.rest()
	if status := w.end(); status != exitMistakes || !strings.Contains(out, "--resume") {
		t.Errorf("got status %d\n%s", status, out)
	}
	config := filepath.Join(w.root, "opt/aws/amazon-cloudwatch-agent/bin/config.json")
	if _, err := os.Stat(config); err == nil {
		t.Error("a configuration was written")
	}
	r := runWizard(t, strings.NewReader(strings.Join(walkthroughAnswers[6:], "\n")), "--root", w.root, "--resume")
	if r.status != exitFine || writtenUnder(t, w.root) != expectedStandard(t) {
		t.Errorf("got %+v", r)
	}
	if _, err := os.Stat(config + ".answers"); err == nil {
		t.Error("the answers are still there")
	}
}

func TestControlCBeforeTheFirstAnswerLeavesNothing(t *testing.T) {
	t.Parallel()
	w := onTerminal(t)
	w.until("]:\r\n")
	w.types("\x03")
	out := w.rest()
	if status := w.end(); status != exitMistakes || strings.Contains(out, "--resume") {
		t.Errorf("got status %d\n%s", status, out)
	}
	if left, err := os.ReadDir(filepath.Join(w.root, "opt/aws/amazon-cloudwatch-agent/bin")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestWizardThatIsTerminatedKeepsItsAnswers(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cmd := wizardCommand(t, "--root", root)
	in, _ := cmd.StdinPipe()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answerEach(t, out, in, walkthroughAnswers[:6])
	answerEach(t, out, io.Discard, []string{""})
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	r := runWizard(t, strings.NewReader(strings.Join(walkthroughAnswers[6:], "\n")), "--root", root, "--resume")
	if r.status != exitFine || writtenUnder(t, root) != expectedStandard(t) {
		t.Errorf("got %+v", r)
	}
}

// A terminal that stays silent after the wizard is gone is a nuisance.
func TestTerminalShowsWhatIsTypedAgainAfterControlC(t *testing.T) {
	t.Parallel()
	w := onTerminal(t)
	w.types("1\n1\n2\n2\n2\n2\n2\n2\n2\n2\n1\nname\neu-west-1\nAKIAEXAMPLE\n")
	w.until("AWS secret access key:\r\n")
	if w.shows() {
		t.Error("what is typed is shown")
	}
	w.types("\x03")
	w.until("its answers are kept")
	if !w.shows() {
		t.Error("what is typed is not shown any more")
	}
}

// shows is whether the terminal shows what is typed.
func (t *terminal) shows() bool {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(t.tty.Fd()), getTermios)
	if err != nil {
		t.Fatal(err)
	}
	return mode.Lflag&unix.ECHO != 0
}

func TestSecretIsNotShownOnATerminal(t *testing.T) {
	t.Parallel()
	w := onTerminal(t)
	w.types("1\n1\n2\n2\n2\n2\n2\n2\n2\n2\n1\nname\neu-west-1\nAKIAEXAMPLE\n")
	w.until("AWS secret access key:\r\n")
	w.types("not a secret\n")
	out := w.until("Start the agent with it")
	if strings.Contains(out, "not a secret") {
		t.Errorf("the secret is shown:\n%s", out)
	}
	if !strings.Contains(out, "Failed to store the configuration in name") {
		t.Errorf("got\n%s", out) // there is nobody to store it with
	}
	_ = w.rest()
	if status := w.end(); status != exitMistakes {
		t.Errorf("got status %d", status)
	}
}
