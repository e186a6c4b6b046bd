package publish

import (
	"context"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

const (
	// suspicious is how many single events of a batch the service may call invalid, before it has taken any, until the fault is
	// sought in the request and not in the events.
	suspicious = 8
	// insists is how often an event that came alone has to be called invalid; with the waits between, for about a minute.
	insists = 8
	// inHand is how many failures in a row a batch is kept for. After that its memory is worth more than reading it again.
	inHand = 3
)

type outcome int

const (
	taken   outcome = iota // but for the suspects
	stopped                // ctx was done
	later                  // not now
	refused                // nothing is taken, whatever is sent
	idle                   // there is nothing to send
)

// delivery is one batch on its way.
type delivery struct {
	*Logs
	*shipment
	*flight
	wire     context.Context // of its requests
	stream   cloudwatch.LogStream
	suspects []suspect
	took     bool // the service has taken a part of the batch
}

// suspect is an event that was called invalid when it was sent alone.
type suspect struct {
	bytes int
	err   error
}

// deliver sends a batch until the service has taken every event that it will ever take, ctx is done, or it is not worth
// holding on to.
func (l *Logs) deliver(sh *shipment, f *flight) outcome {
	f.verdict, f.unsure = cloudwatch.Verdict{}, false
	if f.batch.Len() == 0 {
		return taken // nothing but what the filters left out
	}
	f.batch.Sort()
	wire, cancel := outlive(sh.ctx)
	defer cancel()
	d := delivery{Logs: l, shipment: sh, flight: f, wire: wire, stream: sh.src.Stream()}
	d.remember()
	return d.send()
}

// says is the log with the stream's name.
func (d *delivery) says() *zap.Logger {
	return d.Log.With(zap.String("log_group", d.stream.Group), zap.String("log_stream", d.stream.Name))
}

func (d *delivery) send() outcome {
	for {
		d.suspects = nil
		if o := d.sendPart(d.batch); o == later || o == stopped {
			return o
		} else if o == taken && len(d.suspects) == 0 {
			d.calm()
			return taken
		} else if o == taken && d.guilty() {
			for _, s := range d.suspects {
				d.verdict.Invalid.Add(cloudwatch.Amount{Events: 1, Bytes: int64(s.bytes)})
			}
			d.says().Error("the service refuses these events as invalid; they are dropped, all others were taken", zap.Int("events", len(d.suspects)), zap.Error(d.suspects[0].err))
			d.calm()
			return taken
		}
		d.invalid++
		if o := d.pause("the service calls every event invalid, as if the log group or stream were", d.suspects[0].err); o != taken {
			return o
		}
	}
}

// guilty tells whether it is the events that are at fault, and not whatever they were sent to: others of their batch were taken.
// One that came alone is believed to be when others of its group were taken before, and the service insists.
func (d *delivery) guilty() bool {
	if d.took {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.batch.Len() == 1 && d.accepted[d.stream.Group] && d.invalid >= insists
}

// sendPart sends a part of the batch. Of one that is called invalid it sends the halves, in order, down to single events.
func (d *delivery) sendPart(b *cloudwatch.LogBatch) outcome {
	o, err := d.untilAnswered(b)
	switch {
	case o != refused:
		return o
	case b.Len() == 1:
		d.suspects = append(d.suspects, suspect{b.MessageBytes(), err})
		if len(d.suspects) >= suspicious && !d.took {
			return refused
		}
		return taken
	}
	half := b.Len() / 2
	if o := d.sendPart(b.Part(0, half)); o != taken {
		return o
	}
	return d.sendPart(b.Part(half, b.Len()))
}

// untilAnswered repeats a request until it is taken or called invalid (refused), ctx is done, or it is not to be held on to.
func (d *delivery) untilAnswered(b *cloudwatch.LogBatch) (outcome, error) {
	for created := false; ; {
		err := d.put(b)
		class := cloudwatch.ClassOf(err)
		switch {
		case err == nil:
			return taken, nil
		case class == cloudwatch.Invalid:
			return refused, err
		case class == cloudwatch.NotFound:
			missing := err
			if err = d.create(); err == nil && !created {
				created = true
				continue
			} else if err == nil {
				err = missing // though it was created a moment ago
			}
		}
		d.unsure = d.unsure || class == cloudwatch.Unavailable
		if o := d.pause("log events were not taken", err); o != taken {
			return o, nil
		}
	}
}

// pause waits before the next try, or has it made later, with whatever will have been read by then.
func (d *delivery) pause(what string, err error) outcome {
	if d.ctx.Err() != nil {
		return stopped
	}
	d.wait.warn(d.Log, what, err, zap.String("log_group", d.stream.Group), zap.String("log_stream", d.stream.Name))
	wait := d.wait.next()
	d.mu.Lock()
	if d.trouble.Err == nil {
		d.trouble.Since = time.Now()
	}
	d.trouble.Failures, d.trouble.Err = d.wait.failures, err
	d.retry = time.Now().Add(wait)
	d.mu.Unlock()
	held := d.patient || d.took || d.wait.failures < inHand && !(d.unsure && d.ReadBack)
	if !held {
		return later
	}
	if !sleep(d.ctx, wait) {
		return stopped
	}
	return taken
}

// calm ends a trouble.
func (d *delivery) calm() {
	if d.wait.failures > 0 {
		d.says().Info("the service answers again", zap.Int("failures", d.wait.failures))
	}
	d.wait, d.invalid = backoff{}, 0
	d.mu.Lock()
	d.trouble = Trouble{}
	d.mu.Unlock()
}

// put makes one request.
func (d *delivery) put(b *cloudwatch.LogBatch) error {
	own, cancel := attempt(d.wire)
	defer cancel()
	without, err := d.api.PutLogEvents(own, d.stream, b)
	if d.ctx.Err() == nil || err == nil {
		d.judge(err)
	}
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.took, d.accepted[d.stream.Group] = true, true
	d.mu.Unlock()
	v := verdictOf(without, b)
	d.verdict.Add(v)
	d.refusals.note(d.says, v)
	d.retain(d.ctx, d.stream)
	return nil
}

// judge has all streams learn from what came of a request.
func (l *Logs) judge(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := !l.brake.lifts.IsZero()
	if l.brake.judge(err, time.Now()); held {
		l.dispatch()
	}
}

// verdictOf counts what a batch was taken without.
func verdictOf(without cloudwatch.Refused, b *cloudwatch.LogBatch) (v cloudwatch.Verdict) {
	n := b.Len()
	tooNew, tooOld, expired := without.Count(n)
	if tooNew+tooOld+expired == 0 {
		return v
	}
	for _, r := range []struct {
		to       *cloudwatch.Amount
		from, up int
	}{{&v.TooOld, 0, tooOld}, {&v.Expired, tooOld, tooOld + expired}, {&v.TooNew, n - tooNew, n}} {
		*r.to = cloudwatch.Amount{Events: int64(r.up - r.from), Bytes: int64(b.Part(r.from, r.up).MessageBytes())}
	}
	return v
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
			d.says().Info("log group created", zap.String("class", d.stream.Class), zap.Int("retention_days", d.stream.RetentionDays))
			d.retainNew(own)
		}
		err = d.api.CreateLogStream(own, d.stream)
	}
	if err != nil && cloudwatch.ClassOf(err) != cloudwatch.Exists {
		return err
	}
	return nil
}
