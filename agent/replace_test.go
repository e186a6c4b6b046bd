package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/listeners"
	"github.com/nephoscope/nephoscope/publish"
	"go.uber.org/zap"
)

// bare is an agent without a disk.
func bare(t *testing.T) *Agent {
	ctx, stop := context.WithCancel(t.Context())
	return &Agent{env: Env{Log: zap.NewNop()}, ctx: ctx, stop: stop, closing: make(chan struct{}), publishers: map[string]*publish.Logs{}, events: listeners.NewEventSpool("", zap.NewNop())}
}

// diary is what tasks did, in order.
type diary struct {
	mu   sync.Mutex
	said []string
}

func (d *diary) say(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = append(d.said, text)
}

// obeying is up at once and ends when it is told to.
func (d *diary) obeying(key, turn string) Task {
	return Task{Name: key, Key: key, Turn: turn, run: func(ctx context.Context, r *running) {
		d.say(key + " begins")
		r.isUp()
		<-ctx.Done()
		d.say(key + " ends")
	}}
}

// hanging comes up never, and ends when the disk answers.
func (d *diary) hanging(key, turn string, disk <-chan struct{}) Task {
	t := d.obeying(key, turn)
	t.run = func(context.Context, *running) {
		d.say(key + " begins")
		<-disk
		d.say(key + " ends")
	}
	return t
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.Sort(d.said)
	slices.Sort(want)
	if !slices.Equal(d.said, want) {
		t.Errorf("got %q, want %q", d.said, want)
	}
	d.said = nil
}

func TestTaskThatHangsIsLeftBehindAndWhatMustNotRunBesideItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := bare(t)
		var d diary
		disk := make(chan struct{})
		released := false
		hang := d.hanging("hang", "files", disk)
		hang.release = func() { released = true }
		began := time.Now()
		a.switchTo([]Task{hang, d.obeying("other", "")})
		d.expect(t, "hang begins", "other begins")
		changes, fresh := a.switchTo([]Task{d.obeying("next", "files"), d.obeying("free", "else"), d.obeying("other", "")})
		if changes != (Changes{Started: 2, Stopped: 1, Undisturbed: 1}) || len(fresh) != 2 {
			t.Errorf("got %+v", changes)
		}
		if took := time.Since(began); took != leave {
			t.Errorf("it was waited for for %v", took)
		}
		d.expect(t, "free begins")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if late, err := a.late(ctx, fresh); err != nil || !slices.Equal(late, []string{"next"}) {
			t.Errorf("late: %v, %v", late, err)
		}
		if released {
			t.Error("released before it has ended")
		}
		close(disk)
		d.expect(t, "hang ends", "next begins")
		if !released {
			t.Error("not released")
		}
		a.switchTo(nil)
		d.expect(t, "next ends", "free ends", "other ends")
	})
}

func TestTaskThatWaitsForItsTurnIsNotRunWhenItIsNotWantedAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := bare(t)
		var d diary
		disk := make(chan struct{})
		a.switchTo([]Task{d.hanging("hang", "spool", disk)})
		a.switchTo([]Task{d.obeying("next", "spool")})
		a.switchTo(nil)
		close(disk)
		d.expect(t, "hang begins", "hang ends")
	})
}

func TestAwaitUpEndsWhenTheAgentIsClosed(t *testing.T) {
	log, _ := logged()
	a := newAgent(t, log)
	a.mu.Lock()
	a.switchTo([]Task{{Name: "slow", Key: "slow", run: func(ctx context.Context, _ *running) { <-ctx.Done() }}})
	a.mu.Unlock()
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.AwaitUp(short); err == nil || !strings.Contains(err.Error(), "wait for slow") {
		t.Errorf("got %v", err)
	}
	said := make(chan error)
	go func() { said <- a.AwaitUp(context.Background()) }()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := <-said; !errors.Is(err, errStopping) {
		t.Errorf("got %v", err)
	}
	if _, err := a.Replace(parse(t, `{}`), time.Minute); !errors.Is(err, errStopping) {
		t.Errorf("got %v", err)
	}
}

func TestSpoolThatCannotBeOpenedIsNotUp(t *testing.T) {
	log, logs := logged()
	a := newAgent(t, log)
	logFile := filepath.Join(t.TempDir(), "a.log")
	if err := a.Apply(parse(t, withLogs(logFile, "g"))); err != nil {
		t.Fatal(err)
	}
	if err := a.AwaitUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	spool := filepath.Join(a.env.StateDir, "spool")
	if err := os.WriteFile(spool, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	withMetrics := strings.TrimSuffix(withLogs(logFile, "g"), "}") + `, "metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`
	_, err := a.Replace(parse(t, withMetrics), 50*time.Millisecond)
	failed, ok := errors.AsType[*NotUpError](err)
	if !ok || !slices.Equal(failed.Tasks, []string{"metrics to namespace CWAgent"}) {
		t.Fatalf("got %v", err)
	}
	last := logs.FilterMessage("configuration applied").All()
	if got := last[len(last)-1].ContextMap(); fmt.Sprint(got["started"], got["stopped"], got["undisturbed"]) != "0 2 2" {
		t.Errorf("going back: got %v", got)
	}
	if s := a.Status(); s.Metrics != nil {
		t.Errorf("metrics go on: %+v", s.Metrics)
	}
	if err := os.Remove(spool); err != nil {
		t.Fatal(err)
	}
	changes, err := a.Replace(parse(t, withMetrics), time.Minute)
	if err != nil || changes != (Changes{Started: 2, Undisturbed: 2}) {
		t.Errorf("got %+v, %v", changes, err)
	}
}

func TestManyTasksThatAreNotUpAreCounted(t *testing.T) {
	f := func(n int, want string) {
		t.Helper()
		e := &NotUpError{Patience: time.Second}
		for i := range n {
			e.Tasks = append(e.Tasks, fmt.Sprint("t", i))
		}
		if got := e.Error(); got != "apply configuration: not up within 1s: "+want {
			t.Errorf("got %s", got)
		}
	}
	f(1, "t0")
	f(5, "t0, t1, t2, t3, t4")
	f(7, "t0, t1, t2, t3, t4 and 2 more")
}

func TestReconnectOpensEveryConnectionAnew(t *testing.T) {
	log, _ := logged()
	a := newAgent(t, log)
	opened := 0
	c := connection[int]{renewed: &a.renewed, region: a.identity.region, connect: func(context.Context, Destination) (int, error) { opened++; return opened, nil }}
	f := func(want int) {
		t.Helper()
		if got, err := c.get(t.Context()); err != nil || got != want {
			t.Errorf("got connection %d, %v, want %d", got, err, want)
		}
	}
	f(1)
	f(1)
	a.Reconnect()
	f(2)
	f(2)
}
