package publish

import (
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// refusals are events that a stream's batches were taken without. They are logged once a minute: a wrong clock makes them of
// every line, and the agent's own log may be among those that it ships.
type refusals struct {
	said   time.Time
	unsaid cloudwatch.Verdict
}

func (r *refusals) note(log func() *zap.Logger, v cloudwatch.Verdict) {
	if v == (cloudwatch.Verdict{}) {
		return
	}
	r.unsaid.Add(v)
	now := time.Now()
	if now.Sub(r.said) < repeatWarning {
		return
	}
	log().Error("the service took events of this stream without these", zap.Int64("too_new", r.unsaid.TooNew.Events), zap.Int64("too_old", r.unsaid.TooOld.Events), zap.Int64("expired", r.unsaid.Expired.Events))
	r.said, r.unsaid = now, cloudwatch.Verdict{}
}
