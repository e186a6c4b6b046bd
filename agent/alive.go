package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/nephoscope/nephoscope/publish"
)

// wedged is how late what the agent has to do by the clock may be before it counts as hanging.
const wedged = time.Minute

// works tells whether what drives the agent moves: collectors are asked at their times, sources that are due get a lane, and
// nobody holds what all need. It waits for no disk, no service and no configuration: with those the agent is troubled, but
// it works, and its status has more to say.
func (a *Agent) works(now time.Time) error {
	a.tasks.mu.Lock()
	open := make([]task, 0, len(a.tasks.open))
	for one := range a.tasks.open {
		open = append(open, one)
	}
	a.tasks.mu.Unlock()
	a.sink.add(nil) // through which every collector's data go
	asked := map[*publish.Logs]bool{}
	for _, one := range open {
		switch one := one.(type) {
		case *watchedCollector:
			if l := one.tell(); l.working.IsZero() && !l.LastRun.IsZero() && now.Sub(l.LastRun) > one.interval+wedged {
				return fmt.Errorf("collector %s has not been asked for %s", l.Name, minutes(now.Sub(l.LastRun)))
			}
		case *filesTask:
			if asked[one.logs] {
				continue
			}
			asked[one.logs] = true
			if late := one.logs.Overdue(now); late > wedged {
				return fmt.Errorf("log files have been due for %s, and nothing ships them", minutes(late))
			}
		}
	}
	return nil
}

// alive answers GET /alive: 204, if the agent works.
func (c *Control) alive(w http.ResponseWriter, _ *http.Request) {
	if err := c.agent.works(time.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Works tells, by asking through the control socket as everybody else would, whether the agent works. It says nothing of
// whether the service can be reached. Without a socket, which is no reason for an agent not to work, it asks directly.
func (c *Control) Works(ctx context.Context) error {
	c.mu.Lock()
	socket, closed := c.socket, c.closed
	c.mu.Unlock()
	if closed {
		return errStopping
	}
	if socket != nil {
		path := SocketPath(c.agent.env.StateDir)
		if _, err := os.Lstat(path); err == nil {
			_, err := call(ctx, c.agent.env.StateDir, http.MethodGet, "/alive")
			return err
		}
		// Somebody has removed it: the others cannot ask, but the agent works.
	}
	answered := make(chan error, 1)
	go func() { answered <- c.agent.works(time.Now()) }()
	select {
	case err := <-answered:
		return err
	case <-ctx.Done():
		return errors.New("the agent does not answer itself")
	}
}
