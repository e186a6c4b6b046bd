// Package publish gets it there: batching, retry, spool, commit. It is the only place that retries.
package publish

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	firstWait = 200 * time.Millisecond
	longWait  = 30 * time.Second
	// attemptTime bounds one request: a service that hangs is a service that is down.
	attemptTime = 30 * time.Second
	// graceTime is how long a request that is on the wire may take when the agent is asked to stop.
	graceTime = 2 * time.Second
	// repeatWarning is how often a lasting trouble is logged.
	repeatWarning = time.Minute
)

// backoff waits between attempts: twice as long each time, up to longWait, and anything from half of that, so that the
// hosts of a fleet that failed together do not come back together.
type backoff struct {
	failures int
	warned   time.Time
}

// next is how long to wait after one more failure.
func (b *backoff) next() time.Duration {
	d := min(firstWait<<min(b.failures, 16), longWait)
	b.failures++
	return d/2 + rand.N(d/2)
}

// wait returns false when ctx was done first.
func (b *backoff) wait(ctx context.Context) bool { return sleep(ctx, b.next()) }

// sleep returns false when ctx was done first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return ctx.Err() == nil
	}
}

// warn logs a failure the first time, and then once a minute for as long as it lasts.
func (b *backoff) warn(log *zap.Logger, what string, err error, about ...zap.Field) {
	if now := time.Now(); now.Sub(b.warned) >= repeatWarning {
		b.warned = now
		log.Warn(what+"; waiting and trying again, nothing is lost meanwhile", append(about, zap.Error(err), zap.Int("failures", b.failures+1))...)
	}
}

// trouble is one that lasts: logged when it begins, once an hour while it goes on, and when it is over. The disk that takes
// nothing may be the one that the log is on.
type trouble struct {
	mu   sync.Mutex
	said time.Time // zero: there is none
}

const repeatTrouble = time.Hour

// note logs what an attempt says of the trouble.
func (t *trouble) note(log *zap.Logger, err error, bad, good string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil && !t.said.IsZero():
		t.said = time.Time{}
		log.Info(good)
	case err != nil && (t.said.IsZero() || time.Since(t.said) >= repeatTrouble):
		t.said = time.Now()
		log.Warn(bad, zap.Error(err))
	}
}

// attempt makes the context of one request.
func attempt(wire context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(wire, attemptTime)
}

// outlive makes the context of all requests that carry one batch: they may go on for graceTime when ctx is done.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(graceTime, cancel)
		context.AfterFunc(own, func() { t.Stop() })
	})
	return own, func() { stop(); cancel() }
}
