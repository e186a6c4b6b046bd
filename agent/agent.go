// Package agent runs all of it, reloads it and reports on it. Build turns a configuration into tasks and starts nothing;
// Apply makes them what runs, and touches nothing that did not change.
package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

// Env is what the agent runs in.
type Env struct {
	StateDir string
	Mode     Mode
	Cloud    Cloud
	Host     collectors.Host
	Adopt    string // the state folder of the original agent, to go on where it stopped; "": none
	Log      *zap.Logger
	// For Status to tell.
	Version, Commit string
	ConfigFiles     []string
}

// Agent runs tasks.
type Agent struct {
	env      Env
	unlock   func()
	journal  *durable.Journal
	memory   *tailer.Memory
	adopted  *tailer.Adopted // nil: nothing is
	watcher  *tailer.Watcher
	watching chan struct{} // closed to end the watcher
	identity *identity
	sink     sink
	holding  *tailer.Holding // what log files may hold of the host
	started  time.Time
	disk     *watchedStore // checkpoints
	tasks    tasks
	judge    judge
	applied  atomic.Pointer[config.Config]

	mu         sync.Mutex
	running    []*running
	publishers map[string]*publish.Logs // by their task's key
	stop       context.CancelFunc
	ctx        context.Context
	work       sync.WaitGroup
}

// running is a task at work.
type running struct {
	Task
	cancel context.CancelFunc
	ended  chan struct{}
}

// New takes the state folder for itself and reads what an earlier run remembered. Nothing runs yet.
func New(env Env) (a *Agent, err error) {
	if err := durable.MakeDir(env.StateDir); err != nil {
		return nil, err
	}
	unlock, err := durable.Lock(env.StateDir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			unlock()
		}
	}()
	if err := durable.RemoveStray(env.StateDir); err != nil {
		return nil, err
	}
	journal, damaged, err := durable.OpenJournal(filepath.Join(env.StateDir, "checkpoints"))
	if err != nil {
		return nil, err
	}
	if damaged > 0 {
		env.Log.Error("checkpoints were damaged; what they were about goes on from an older place, lines may be repeated", zap.Int("damaged", damaged), zap.String("kept_as", filepath.Join(env.StateDir, "checkpoints.damaged")))
	}
	watcher, err := tailer.NewWatcher(env.Log)
	if err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	disk := &watchedStore{Store: journal}
	a = &Agent{
		env: env, unlock: unlock, journal: journal, disk: disk, memory: tailer.NewMemory(disk), watcher: watcher, started: time.Now(), watching: make(chan struct{}),
		holding: tailer.NewHolding(tailer.DefaultOpen, tailer.DefaultDeleted), identity: newIdentity(env), ctx: ctx, stop: stop, publishers: map[string]*publish.Logs{},
	}
	if env.Adopt != "" {
		a.adopted = tailer.Adopt(env.Adopt)
	}
	a.work.Go(func() { watcher.Run(a.watching) })
	return a, nil
}

// Apply makes the tasks of a configuration what runs: those that are no longer wanted are stopped, new ones are started, and
// the others go on undisturbed. On an error nothing has changed.
func (a *Agent) Apply(c *config.Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return errors.New("apply configuration: the agent is stopping")
	}
	tasks, warnings, err := build(c, a)
	if err != nil {
		return err
	}
	for _, w := range append(c.Warnings, warnings...) {
		a.env.Log.Warn(w.Error())
	}
	if c.Logs != nil {
		a.holding.AllowDeleted(c.Logs.DeletedBudget)
	}
	wanted := map[string]bool{}
	for _, t := range tasks {
		wanted[t.Key] = true
	}
	var stay, leave []*running
	kept := map[string]bool{}
	for _, r := range a.running {
		if wanted[r.Key] {
			stay, kept[r.Key] = append(stay, r), true
		} else {
			leave = append(leave, r)
		}
	}
	halt(leave)
	for _, t := range tasks {
		if !kept[t.Key] && t.prepare != nil {
			t.prepare()
		}
	}
	for _, t := range tasks {
		if !kept[t.Key] {
			stay, kept[t.Key] = append(stay, a.start(t)), true
		}
	}
	a.env.Log.Info("configuration applied", zap.Int("started", len(stay)-len(a.running)+len(leave)), zap.Int("stopped", len(leave)), zap.Int("undisturbed", len(a.running)-len(leave)))
	a.running = stay
	a.applied.Store(c)
	return nil
}

// halt stops tasks: first those that bring something, all at once, then those that take it away.
func halt(tasks []*running) {
	for _, serves := range []bool{false, true} {
		for _, r := range tasks {
			if r.Serves == serves {
				r.cancel()
			}
		}
		for _, r := range tasks {
			if r.Serves == serves {
				<-r.ended
			}
		}
	}
}

func (a *Agent) start(t Task) *running {
	ctx, cancel := context.WithCancel(a.ctx)
	r := &running{t, cancel, make(chan struct{})}
	a.work.Go(func() {
		defer close(r.ended)
		t.run(ctx)
	})
	return r
}

// Close stops everything: what is on the wire may finish, what was not acknowledged will be sent by the next run.
func (a *Agent) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return nil // closed already
	}
	began := time.Now()
	halt(a.running)
	a.stop()
	close(a.watching)
	a.work.Wait()
	err := a.journal.Close()
	a.unlock()
	a.env.Log.Info("stopped", zap.Duration("took", time.Since(began).Round(time.Millisecond)))
	if err != nil {
		return fmt.Errorf("close checkpoints: %w", err)
	}
	return nil
}
