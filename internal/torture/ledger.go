package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/nephoscope/nephoscope/tailer"
)

// status is what `nephoscope status --json` says of logs.
type status struct {
	PID int `json:"pid"`
	EMF *struct {
		Accepted int              `json:"documents_accepted"`
		Refused  map[string]int64 `json:"documents_refused"`
	} `json:"emf"`
	Logs []struct {
		Path string `json:"path"`
		tailer.Ledger
	} `json:"logs"`
}

// checkLedgers asks the running agent for its books, if it can tell, and holds them against what they promise.
func (t *torture) checkLedgers(ctx context.Context) {
	if err := t.agent.command(ctx, "status", "--help").Run(); err != nil {
		t.remark("the agent has no status command: its ledgers were not looked at")
		return
	}
	var wrong []string
	for range 20 {
		// What has arrived may not have been committed yet.
		if wrong = t.wrongLedgers(ctx); len(wrong) == 0 || !pause(ctx, 500*time.Millisecond) {
			break
		}
	}
	for _, w := range wrong {
		t.blame("ledger: %s", w)
	}
	if len(wrong) == 0 {
		t.remark("the agent's ledgers balance, and nothing is pending")
	}
}

// status asks the agent how it is.
func (a *agent) status(ctx context.Context) (s status, err error) {
	out, err := a.command(ctx, "status", "--json", "--state", a.state()).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) { // 1: it is not well, and says so
		return s, fmt.Errorf("status --json: %w", err)
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("status --json is no JSON: %w: %.300q", err, out)
	}
	return s, nil
}

// wrongLedgers says what the agent's books get wrong now.
func (t *torture) wrongLedgers(ctx context.Context) (wrong []string) {
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	s, err := t.agent.status(ctx)
	if err != nil {
		complain("%v", err)
		return wrong
	}
	told := map[string]bool{}
	for _, l := range s.Logs {
		told[l.Path] = true
		books, _ := json.Marshal(l.Ledger) // it was JSON a moment ago
		switch rejected := l.Rejected.Sum(); {
		case !l.Balanced():
			complain("%s does not balance: %s", l.Path, books)
		case l.Pending.Events != 0 || l.Pending.Bytes != 0:
			complain("%s has something pending when all has arrived: %s", l.Path, books)
		case rejected.Events != 0:
			complain("%s says that the service rejected events, which it did not: %s", l.Path, books)
		}
	}
	for _, w := range t.writers {
		if !told[w.path] {
			complain("%s is not in it", w.path)
		}
	}
	return wrong
}

// checkSpool waits until nothing is left of documents that were accepted and delivered.
func (t *torture) checkSpool(ctx context.Context) {
	waiting, cancel := context.WithTimeout(ctx, 30*time.Second) // a file may be idle for a third of that before it is done with
	defer cancel()
	for {
		left, err := filepath.Glob(filepath.Join(t.agent.state(), "events", "*"))
		if err == nil && len(left) == 0 {
			return
		}
		if !pause(waiting, 500*time.Millisecond) {
			t.blame("all documents were delivered, and there are still %q, %v", left, err)
			return
		}
	}
}

// remark notes what is worth saying and no problem.
func (t *torture) remark(text string) {
	t.history.note("%s", text)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, text)
}
