package doctor

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/internal/output"
)

// lookAtAgent repeats what the agent says is the matter, with its own hints.
func lookAtAgent(ctx context.Context, w *World, r *Result) {
	s := w.Status
	if s == nil && w.Given {
		r.skip("none answers, and the configuration that was named does not need one")
		return
	} else if s == nil {
		r.warn(w.startCure(ctx), "%v", w.NoStatus)
		return
	}
	undelivered := s.Health == agent.Failing || denied(s) || unheard(s, w.Now())
	for _, reason := range s.Reasons {
		if undelivered {
			r.fail(reason.Hint, "%s", reason.What)
		} else {
			r.warn(reason.Hint, "%s", reason.What)
		}
	}
	if len(s.Reasons) == 0 && undelivered {
		r.fail("see the agent's log", "process %d has had nothing acknowledged since it started %s ago, and something waits", s.PID, w.Now().Sub(s.Started).Round(time.Second))
	}
	if len(r.Findings) > 0 {
		return
	}
	var lag int64
	for _, f := range s.Logs {
		lag += f.LagBytes
	}
	r.note("process %d is %s, up for %s, %s behind in %s", s.PID, s.Health, w.Now().Sub(s.Started).Round(time.Second), output.Bytes(max(lag, 0)), output.Count(s.Files, "log file"))
}

// startCure is how to have an agent answer.
func (w *World) startCure(ctx context.Context) string {
	if errors.Is(w.NoStatus, fs.ErrPermission) {
		return asRoot
	}
	if name := w.service(ctx); name != "" {
		return "sudo systemctl start " + name
	}
	return "nephoscope run"
}

// asRoot is the cure for what this user may not see.
const asRoot = "sudo nephoscope doctor"

// patience is how long something may wait before somebody could have acknowledged it.
const patience = time.Minute

// denied tells whether the service refuses the agent: that does not get better by itself.
func denied(s *agent.Status) bool {
	refused := func(t *agent.Trouble) bool { return t != nil && t.Class == cloudwatch.Denied.String() }
	return s.Metrics != nil && refused(s.Metrics.Trouble) || slices.ContainsFunc(s.Streams, func(l agent.StreamLedger) bool { return refused(l.Trouble) })
}

// unheard tells whether nothing of the logs, or nothing of the metrics, has ever been acknowledged though some waits.
func unheard(s *agent.Status, now time.Time) bool {
	waits := func(since time.Time) bool {
		return !since.IsZero() && now.Sub(since) > patience && now.Sub(s.Started) > patience
	}
	if m := s.Metrics; m != nil && m.Spooled > 0 && m.Acknowledged.IsZero() && (m.Trouble != nil || waits(m.Oldest)) {
		return true
	}
	return s.Total.Acknowledged.IsZero() && slices.ContainsFunc(s.Logs, func(f agent.LogFile) bool { return f.LagBytes > 0 && (f.Trouble != nil || waits(f.LagSince)) })
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
