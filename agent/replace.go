package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

var errStopping = errors.New("apply configuration: the agent is stopping")

// NotUpError is that a configuration did not come up.
type NotUpError struct {
	Tasks    []string // that are not up, by name
	Patience time.Duration
}

func (e *NotUpError) Error() string {
	names := e.Tasks
	more := ""
	if n := len(names) - 5; n > 0 {
		names, more = names[:5], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("apply configuration: not up within %v: %s%s", e.Patience, strings.Join(names, ", "), more)
}

// Replace applies a configuration and waits until it is up: every collector that is new has come back from its first
// Collect, every new entry has looked for its files, and the spool is open. A service that is away, refuses, or does not say
// who this host is holds nothing up: what waits for it is up. If something else is not up in time, the configuration before
// is applied again, and the error is a *NotUpError. On any error what ran before runs.
func (a *Agent) Replace(c *config.Config, patience time.Duration) (Changes, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.applied.Load()
	changes, fresh, err := a.apply(c)
	if err != nil {
		return Changes{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	late, err := a.late(ctx, fresh)
	switch {
	case err != nil:
		return Changes{}, err // all of it is being stopped
	case len(late) == 0:
		return changes, nil
	}
	failed := &NotUpError{late, patience}
	if before == nil {
		return changes, failed
	}
	a.env.Log.Warn("the configuration is not up in time; going back to the one before", zap.Strings("tasks", late), zap.Duration("waited", patience))
	if _, _, err := a.apply(before); err != nil { // it was built before
		return Changes{}, errors.Join(failed, err)
	}
	return Changes{}, failed
}

// late waits for tasks to be up, and names those that are not when ctx is done. The error is that the agent is being closed.
func (a *Agent) late(ctx context.Context, tasks []*running) (names []string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-a.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	for _, r := range tasks {
		if !happens(ctx, r.up) {
			names = append(names, r.Name)
		}
	}
	select {
	case <-a.closing:
		return nil, errStopping
	default:
		slices.Sort(names)
		return names, nil
	}
}

// AwaitUp returns when everything that runs now is up, or with an error when ctx is done or the agent is being closed.
func (a *Agent) AwaitUp(ctx context.Context) error {
	a.mu.Lock()
	tasks := slices.Clone(a.running)
	a.mu.Unlock()
	late, err := a.late(ctx, tasks)
	if err == nil && len(late) > 0 {
		err = fmt.Errorf("wait for %s: %w", strings.Join(late, ", "), ctx.Err())
	}
	return err
}

// Reconnect has every connection to the service made anew at its next request: credentials, proxies or certificates have
// changed. What is on the wire stays there.
func (a *Agent) Reconnect() { a.renewed.Add(1) }
