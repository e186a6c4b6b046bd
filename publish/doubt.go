package publish

import (
	"context"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// Doubter is a source that remembers what is on the wire, so that it can be looked up there after a crash, or when no answer
// came.
type Doubter interface {
	// Remember makes it durable that the batch of a mark, with this trace, is about to be sent.
	Remember(mark uint64, t cloudwatch.Trace, now time.Time) error
	// Doubt is a batch that may have arrived; nothing is filled before that is settled.
	Doubt() (cloudwatch.Doubt, bool)
	// Settle ends the doubt: what has arrived is committed, what has not is filled again.
	Settle(landed bool) error
}

// appears is how long after it was taken an event may not be found yet: reading is eventually consistent, and the service
// promises no bound.
const appears = 5 * time.Second

// remember makes the batch one that can be looked up.
func (d *delivery) remember() {
	src, ok := d.src.(Doubter)
	if !ok || !d.ReadBack {
		return
	}
	d.disk.note(d.Log, src.Remember(d.mark, d.batch.Trace(), time.Now()), "checkpoints cannot be written; what is on the wire would be sent again after a crash", "checkpoints are written again")
}

// settleDoubt finds out whether a batch has arrived of which no answer came. False: that could not be found out now.
func (l *Logs) settleDoubt(sh *shipment) (again time.Time, settled bool) {
	src, ok := sh.src.(Doubter)
	if !ok {
		return again, true
	}
	d, in := src.Doubt()
	if !in {
		return again, true
	}
	landed := false
	if l.ReadBack && !d.Unsure {
		var err error
		if landed, err = l.find(sh, d); err != nil {
			if sh.ctx.Err() != nil {
				return again, false
			}
			sh.wait.warn(l.Log, "a batch of which no answer came could not be looked up", err, zap.String("log_group", sh.src.Stream().Group), zap.String("log_stream", sh.src.Stream().Name))
			return time.Now().Add(sh.wait.next()), false
		}
	}
	sh.wait = backoff{}
	l.disk.note(l.Log, src.Settle(landed), "checkpoints cannot be written; what was acknowledged since would be sent again after a crash", "checkpoints are written again")
	return again, sh.ctx.Err() == nil
}

// find looks for a batch in its stream. An error says that the service did not answer.
func (l *Logs) find(sh *shipment, d cloudwatch.Doubt) (landed bool, err error) {
	stream := sh.src.Stream()
	until := time.Now().Add(appears)
	if d.At.Add(appears).Before(until) { // else the clock was ahead when it was sent
		until = d.At.Add(appears)
	}
	for {
		own, cancel := attempt(sh.ctx)
		found, err := l.api.FindEvents(own, stream, d.Batch, d.Batch.Events+d.Before.Events)
		cancel()
		switch cloudwatch.ClassOf(err) {
		case cloudwatch.NotFound:
			return false, nil
		case cloudwatch.Denied, cloudwatch.Invalid:
			l.reading.note(l.Log, err, "what was sent cannot be read back (allow logs:GetLogEvents, or set nephoscope.read_back to false); a batch of which no answer came is sent again", "")
			return false, nil
		}
		if err != nil {
			l.judge(err)
			return false, err
		}
		l.judge(nil)
		landed, known := d.Landed(found)
		young := time.Until(until)
		if landed || !known || young <= 0 {
			said := l.Log.Info
			if !known {
				said = l.Log.Warn // others write to the stream, or a part of it was refused
			}
			said(map[bool]string{true: "looked up a batch of which no answer came", false: "it cannot be told whether a batch has arrived of which no answer came: there are other events of its times in its stream; it is sent again"}[known], zap.String("log_group", stream.Group), zap.String("log_stream", stream.Name), zap.Int("events", d.Batch.Events),
				zap.Int("found", found.Events), zap.Bool("arrived", landed), zap.Bool("certain", known))
			return landed, nil
		}
		if !sleep(sh.ctx, young) {
			return false, context.Cause(sh.ctx)
		}
	}
}
