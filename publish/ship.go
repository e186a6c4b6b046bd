package publish

import (
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// turn is how many batches a source may ship while others wait for a lane.
const turn = 16

// ship delivers what a source has until it has no more. The next batch is filled while the last one is on the wire, and
// sent when that one has been acknowledged and committed: a commit speaks for everything before it. It returns when the source
// is to be asked again; zero: when it is woken.
func (l *Logs) ship(sh *shipment) (next time.Time) {
	if again, settled := l.settleDoubt(sh); !settled {
		return again
	}
	var last *flight
	for n := 0; sh.ctx.Err() == nil; n++ {
		now := time.Now()
		b := l.batches.Get().(*cloudwatch.LogBatch)
		mark, next := sh.src.Fill(now, b)
		landed := last == nil || l.land(sh, last)
		if !landed || mark == 0 && last == nil {
			l.recycle(b)
			if !landed {
				return sh.retry
			}
			return next
		}
		last = nil
		if mark == 0 { // what was filled last is committed: that may have changed what there is to do
			l.recycle(b)
			continue
		}
		f := &flight{batch: b, mark: mark}
		if next.After(now) || next.IsZero() { // there is nothing to fill meanwhile
			f.outcome = l.deliver(sh, f)
			if !l.land(sh, f) {
				return sh.retry
			}
			continue
		}
		f.landed = make(chan struct{})
		go func() {
			defer close(f.landed)
			f.outcome = l.deliver(sh, f)
		}()
		if last = f; n >= turn && l.others() {
			if !l.land(sh, f) {
				return sh.retry
			}
			return now
		}
	}
	if last != nil {
		l.land(sh, last)
	}
	return time.Time{}
}

// flight is a batch on its way.
type flight struct {
	batch   *cloudwatch.LogBatch
	mark    uint64
	patient bool // it is not given back
	landed  chan struct{}
	outcome outcome
	unsure  bool // it may have arrived though no answer came
	verdict cloudwatch.Verdict
}

// land waits for a batch, and commits it or gives it back. False: it was not taken, and nothing more is to be sent now.
func (l *Logs) land(sh *shipment, f *flight) bool {
	if f.landed != nil {
		<-f.landed
	}
	if f.outcome != taken && !sh.src.Rewind(f.unsure) && f.outcome == later {
		f.outcome = l.holdOn(sh, f)
	}
	defer l.recycle(f.batch)
	if f.outcome != taken {
		return false
	}
	l.disk.note(l.Log, sh.src.Commit(f.mark, f.verdict), "checkpoints cannot be written; what was acknowledged since would be sent again after a crash", "checkpoints are written again")
	return true
}

// holdOn sends a batch until it is taken: what it was filled from is gone. Nobody waits for what comes of that.
func (l *Logs) holdOn(sh *shipment, f *flight) outcome {
	l.mu.Lock()
	l.brake.end()
	l.dispatch()
	l.mu.Unlock()
	if f.patient = true; f.unsure && l.ReadBack {
		if !sleep(sh.ctx, time.Until(sh.retry)) {
			return stopped
		}
		if landed, err := l.find(sh, cloudwatch.Doubt{Batch: f.batch.Trace(), At: time.Now()}); err == nil && landed {
			f.verdict = cloudwatch.Verdict{}
			return taken
		}
	}
	return l.deliver(sh, f)
}

// others tells whether somebody else waits for a lane.
func (l *Logs) others() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.free == 0 && len(l.waiting) > 0 && !l.waiting[0].when.After(time.Now())
}

func (l *Logs) recycle(b *cloudwatch.LogBatch) {
	b.Reset()
	l.batches.Put(b)
}
