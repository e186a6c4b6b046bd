package publish

import (
	"context"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

const (
	// suspicious is how many single events of a batch the service may call invalid, before it has taken any, until the fault is
	// sought in the request and not in the events.
	suspicious = 8
	// insists is how often an event that came alone has to be called invalid; with the waits between, for about a minute.
	insists = 8
)

// delivery is one batch on its way.
type delivery struct {
	*Logs
	wire     context.Context // of its requests
	stream   cloudwatch.LogStream
	tally    *Tally
	log      *zap.Logger
	suspects []error // why single events were called invalid
	took     bool    // the service has taken a part of the batch
}

// send returns when the service has taken every event that it will ever take; false if ctx was done first.
func (d *delivery) send(ctx context.Context, b *cloudwatch.LogBatch) bool {
	var wait backoff
	for {
		d.suspects = nil
		switch d.sendPart(ctx, b) {
		case taken:
			if len(d.suspects) == 0 {
				return true
			}
			if d.guilty(b, wait.failures) {
				d.tally.Invalid.Add(int64(len(d.suspects)))
				d.log.Error("the service refuses these events as invalid; they are dropped, all others were taken", zap.Int("events", len(d.suspects)), zap.Error(d.suspects[0]))
				return true
			}
		case stopped:
			return false
		}
		wait.warn(d.log, "the service calls every event invalid, as if the log group or stream were", d.suspects[0])
		if !wait.wait(ctx) {
			return false
		}
	}
}

// guilty tells whether it is the events that are at fault, and not whatever they were sent to: others of their batch were taken.
// One that came alone is believed to be when others of its stream were taken before, and the service insists.
func (d *delivery) guilty(b *cloudwatch.LogBatch, tries int) bool {
	return d.took || b.Len() == 1 && d.tally.accepted.Load() && tries >= insists
}

type outcome int

const (
	taken   outcome = iota // but for the suspects
	stopped                // ctx was done
	refused                // nothing is taken, whatever is sent
	idle                   // there is nothing to send
)

// sendPart sends a part of the batch. Of one that is called invalid it sends the halves, in order, down to single events.
func (d *delivery) sendPart(ctx context.Context, b *cloudwatch.LogBatch) outcome {
	err := d.untilAnswered(ctx, b)
	switch {
	case err == nil:
		return taken
	case cloudwatch.ClassOf(err) != cloudwatch.Invalid:
		return stopped
	case b.Len() == 1:
		d.suspects = append(d.suspects, err)
		if len(d.suspects) >= suspicious && !d.took {
			return refused
		}
		return taken
	}
	half := b.Len() / 2
	if o := d.sendPart(ctx, b.Part(0, half)); o != taken {
		return o
	}
	return d.sendPart(ctx, b.Part(half, b.Len()))
}

// untilAnswered repeats a request until it is taken or called invalid, or ctx is done.
func (d *delivery) untilAnswered(ctx context.Context, b *cloudwatch.LogBatch) error {
	var wait backoff
	for created := false; ; {
		err := d.put(ctx, b)
		if err == nil || cloudwatch.ClassOf(err) == cloudwatch.Invalid {
			if wait.failures > 0 {
				d.log.Info("the service answers again", zap.Int("failures", wait.failures))
			}
			return err
		}
		if cloudwatch.ClassOf(err) == cloudwatch.NotFound {
			missing := err
			if err = d.create(); err == nil && !created {
				created = true
				continue
			} else if err == nil {
				err = missing // though it was created a moment ago
			}
		}
		wait.warn(d.log, "log events were not taken", err)
		if !wait.wait(ctx) {
			return ctx.Err()
		}
	}
}

// put makes one request, when it is its turn.
func (d *delivery) put(ctx context.Context, b *cloudwatch.LogBatch) error {
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-d.wire.Done():
		return context.Cause(d.wire)
	}
	own, cancel := attempt(d.wire)
	defer cancel()
	without, err := d.api.PutLogEvents(own, d.stream, b)
	if err != nil {
		return err
	}
	d.took = true
	d.tally.accepted.Store(true)
	tooNew, tooOld, expired := without.Count(b.Len())
	d.tally.Events.Add(int64(b.Len() - tooNew - tooOld - expired))
	bytes := 0
	for _, message := range b.Events() {
		bytes += len(message)
	}
	d.tally.Bytes.Add(int64(bytes))
	if tooNew+tooOld+expired > 0 {
		d.tally.TooNew.Add(int64(tooNew))
		d.tally.TooOld.Add(int64(tooOld))
		d.tally.Expired.Add(int64(expired))
		d.log.Error("the service took a batch without these events", zap.Int("too_new", tooNew), zap.Int("too_old", tooOld), zap.Int("expired", expired))
	}
	d.retain(ctx, d.stream)
	return nil
}

// create makes the stream and, if it is missing too, the group.
func (d *delivery) create() error {
	own, cancel := attempt(d.wire)
	defer cancel()
	err := d.api.CreateLogStream(own, d.stream)
	if err != nil && cloudwatch.ClassOf(err) == cloudwatch.NotFound {
		if err = d.api.CreateLogGroup(own, d.stream); err != nil && cloudwatch.ClassOf(err) != cloudwatch.Exists {
			return err
		}
		if err == nil {
			d.log.Info("log group created", zap.String("class", d.stream.Class), zap.Int("retention_days", d.stream.RetentionDays))
			d.retainNew(own)
		}
		err = d.api.CreateLogStream(own, d.stream)
	}
	if err != nil && cloudwatch.ClassOf(err) != cloudwatch.Exists {
		return err
	}
	return nil
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
