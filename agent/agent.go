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
	"github.com/nephoscope/nephoscope/listeners"
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
	// Configuration tells where what runs comes from; nil: nobody knows.
	Configuration func() Configuration
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
	events   *listeners.EventSpool // what listeners were sent, until it is delivered
	budget   *publish.Budget
	sockets  listeners.Sockets
	holding  *tailer.Holding // what log files may hold of the host
	started  time.Time
	disk     *watchedStore // checkpoints
	tasks    tasks
	judge    judge
	applied  atomic.Pointer[config.Config]
	renewed  atomic.Int64  // how often Reconnect was called
	closing  chan struct{} // closed when Close begins
	closed   sync.Once

	mu         sync.Mutex
	running    []*running
	stragglers []*running               // were told to end, and have not yet
	publishers map[string]*publish.Logs // by their task's key
	stop       context.CancelFunc
	ctx        context.Context
	work       sync.WaitGroup // the watcher
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
	env.Host = env.Host.Shared()
	disk := &watchedStore{Store: journal}
	a = &Agent{
		budget: publish.NewBudget(),
		env:    env, unlock: unlock, journal: journal, disk: disk, memory: tailer.NewMemory(disk), watcher: watcher, started: time.Now(), watching: make(chan struct{}),
		holding: tailer.NewHolding(tailer.DefaultOpen, tailer.DefaultDeleted), identity: newIdentity(env), ctx: ctx, stop: stop, publishers: map[string]*publish.Logs{}, closing: make(chan struct{}),
	}
	if env.Adopt != "" {
		a.adopted = tailer.Adopt(env.Adopt)
	}
	a.events = listeners.NewEventSpool(filepath.Join(absolute(env.StateDir), "events"), env.Log)
	a.events.Mend()
	a.work.Go(func() { watcher.Run(a.watching) })
	return a, nil
}

// Apply makes the tasks of a configuration what runs: those that are no longer wanted are stopped, new ones are started, and
// the others go on undisturbed. It does not wait until they are up. On an error nothing has changed.
func (a *Agent) Apply(c *config.Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _, err := a.apply(c)
	return err
}

// apply is to be called with mu held.
func (a *Agent) apply(c *config.Config) (changes Changes, fresh []*running, err error) {
	if a.ctx.Err() != nil {
		return Changes{}, nil, errStopping
	}
	tasks, warnings, err := build(c, a)
	if err != nil {
		return Changes{}, nil, err
	}
	for _, w := range append(c.Warnings, warnings...) {
		a.env.Log.Warn(w.Error())
	}
	if c.Logs != nil {
		a.holding.AllowDeleted(c.Logs.DeletedBudget)
		a.events.Allow(c.Logs.EventsBytes)
	}
	if c.Metrics != nil {
		a.budget.Configure(c.Metrics.SeriesBudget, admission(c.Metrics))
	}
	changes, fresh = a.switchTo(tasks)
	a.applied.Store(c)
	return changes, fresh, nil
}

// Close stops everything: what is on the wire may finish, what was not acknowledged will be sent by the next run.
func (a *Agent) Close() error {
	a.closed.Do(func() { close(a.closing) }) // a reload that waits gives up mu
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return nil // closed already
	}
	began := time.Now()
	a.halt(a.running)
	a.sockets.Sweep()
	a.stop()
	close(a.watching)
	a.work.Wait()
	a.events.Close()
	err := a.journal.Close()
	a.unlock()
	a.env.Log.Info("stopped", zap.Duration("took", time.Since(began).Round(time.Millisecond)))
	if err != nil {
		return fmt.Errorf("close checkpoints: %w", err)
	}
	return nil
}
