package agent

import (
	"context"
	"errors"
	"fmt"
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
			if idle := one.idle(now); idle > one.interval+wedged {
				return fmt.Errorf("collector %s has not been asked for %s", one.name, minutes(idle))
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

// Works tells whether the agent works; the error is why not, or that it does not answer itself before ctx is done. It looks
// at no disk and at no socket: neither one that hangs nor one that many ask is a reason to have the agent restarted.
func (a *Agent) Works(ctx context.Context) error {
	answered := make(chan error, 1)
	go func() { answered <- a.works(time.Now()) }()
	select {
	case err := <-answered:
		return err
	case <-ctx.Done():
		return errors.New("the agent does not answer itself")
	}
}
