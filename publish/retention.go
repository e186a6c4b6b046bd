package publish

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// retentionSpread is the time over which the hosts of a fleet spread the look at their groups' retention after a start.
const retentionSpread = 30 * time.Second

// retain has a group's retention looked at, once for each group and each retention that is asked for.
func (l *Logs) retain(ctx context.Context, s cloudwatch.LogStream) {
	if s.RetentionDays <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retained[s.Group] == s.RetentionDays {
		return
	}
	l.retained[s.Group] = s.RetentionDays
	l.work.Go(func() {
		if !l.untilRetained(ctx, s) { // whoever comes after this source begins again
			l.mu.Lock()
			delete(l.retained, s.Group)
			l.mu.Unlock()
		}
	})
}

// untilRetained repeats a request until the group's retention is set; false: ctx was done first.
func (l *Logs) untilRetained(ctx context.Context, s cloudwatch.LogStream) bool {
	wire, cancel := outlive(ctx)
	defer cancel()
	var wait backoff
	for first := true; ; first = false {
		pause := time.NewTimer(rand.N(retentionSpread))
		select {
		case <-ctx.Done():
			pause.Stop()
			return false
		case <-pause.C:
		}
		own, cancel := attempt(wire)
		err := l.api.PutRetention(own, s)
		cancel()
		if err == nil {
			return true
		}
		if first {
			l.Log.Warn("set retention of log group; trying again, events are shipped meanwhile", zap.String("log_group", s.Group), zap.Error(err))
		}
		wait.wait(ctx)
	}
}

// retainNew sets the retention of a group that was just made; if that fails, retain tries again.
func (d *delivery) retainNew(ctx context.Context) {
	if d.stream.RetentionDays <= 0 {
		return
	}
	if err := d.api.PutRetention(ctx, d.stream); err != nil {
		return
	}
	d.mu.Lock()
	d.retained[d.stream.Group] = d.stream.RetentionDays
	d.mu.Unlock()
}
