package agent

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

func TestAgentAnswersItselfThroughItsSocket(t *testing.T) {
	a := newAgent(t, zap.NewNop())
	c := OpenControl(a, nil)
	if err := c.Works(t.Context()); err != nil {
		t.Error(err)
	}
	a.tasks.mu.Lock() // as if somebody never gave it back
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Works(ctx); err == nil {
		t.Error("an agent that hangs says that it works")
	}
	a.tasks.mu.Unlock()
	c.Close()
	if err := c.Works(t.Context()); err == nil {
		t.Error("it works after its end")
	}
}

func TestAgentWithoutASocketIsAskedAllTheSame(t *testing.T) {
	a := &Agent{}
	c := &Control{agent: a}
	if err := c.Works(t.Context()); err != nil {
		t.Error(err)
	}
	a.sink.mu.Lock()
	defer a.sink.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Works(ctx); err == nil || !strings.Contains(err.Error(), "does not answer itself") {
		t.Errorf("got %v", err)
	}
}

// What a service, a disk or a slow collector does to an agent is no reason to have it restarted.
func TestOnlyWhatHangsByItselfIsWedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watchedCollector{name: "cpu", interval: time.Minute}
		a := &Agent{}
		a.tasks.begin(w)
		f := func(what string, wedged bool) {
			t.Helper()
			if err := a.works(time.Now()); (err != nil) != wedged {
				t.Errorf("%s: got %v", what, err)
			}
		}
		f("not asked yet", false)
		w.asked = time.Now()
		time.Sleep(119 * time.Second)
		f("asked two minutes ago", false)
		w.working = true
		time.Sleep(time.Hour)
		f("has not come back for an hour", false)
		w.working = false
		f("not asked for an hour", true)
		delete(a.tasks.open, task(w))
		logs := publish.NewLogs(nil, publish.LogsOptions{Log: zap.NewNop()})
		a.tasks.begin(&filesTask{logs: logs, entry: new(tailer.Entry)})
		f("nothing is due", false)
	})
}
