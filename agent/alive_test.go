package agent

import (
	"context"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

func TestAgentAnswersItself(t *testing.T) {
	a := newAgent(t, zap.NewNop())
	c := OpenControl(a, nil)
	defer c.Close()
	f := func(what string, works bool) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		if !works {
			cancel() // else it would be waited for
		}
		defer cancel()
		if err := a.Works(ctx); (err == nil) != works {
			t.Errorf("%s: got %v", what, err)
		}
	}
	f("it works", true)
	a.tasks.mu.Lock() // as if somebody never gave it back
	f("it hangs", false)
	a.tasks.mu.Unlock()
	a.sink.mu.Lock()
	f("its collectors hang", false)
	a.sink.mu.Unlock()
	for range controlConns { // others, who ask and do not read
		conn, err := net.Dial("unix", SocketPath(a.env.StateDir))
		if err != nil {
			t.Skip("NOT RUN: no unix sockets here")
		}
		defer conn.Close()
	}
	f("its socket is taken", true)
	if err := os.Chmod(a.env.StateDir, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(a.env.StateDir, 0o700)
	f("its folder cannot be looked into", true)
}

// What a service, a disk or a slow collector does to an agent is no reason to have it restarted.
func TestOnlyWhatHangsByItselfIsWedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan bool)
		w := &watchedCollector{Collector: hanging(hang), name: "cpu", interval: time.Minute}
		a := &Agent{}
		a.tasks.begin(w)
		ask := func() { go w.Collect(t.Context(), time.Now()) }
		f := func(what string, wedged bool) {
			t.Helper()
			if err := a.works(time.Now()); (err != nil) != wedged {
				t.Errorf("%s: got %v", what, err)
			}
		}
		f("not asked yet", false)
		ask()
		time.Sleep(time.Hour)
		f("has not come back for an hour", false)
		hang <- true
		synctest.Wait()
		f("has just come back, and waits for its time", false)
		time.Sleep(2 * time.Minute)
		f("asked two minutes ago", false)
		time.Sleep(time.Second)
		f("not asked for longer", true)
		ask()
		synctest.Wait()
		f("asked again", false)
		hang <- true
		delete(a.tasks.open, task(w))
		logs := publish.NewLogs(nil, publish.LogsOptions{Log: zap.NewNop()})
		a.tasks.begin(&filesTask{logs: logs, entry: new(tailer.Entry)})
		f("nothing is due", false)
	})
}

// hanging is a collector that takes until it is told to come back.
type hanging chan bool

func (h hanging) Collect(context.Context, time.Time) ([]cloudwatch.Datum, error) {
	<-h
	return nil, nil
}
