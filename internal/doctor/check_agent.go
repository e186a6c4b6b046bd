package doctor

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/output"
)

// lookAtAgent repeats what the agent says is the matter, with its own hints.
func lookAtAgent(_ context.Context, w *World, r *Result) {
	s := w.Status
	if s == nil && w.Given {
		r.skip("none answers, and the configuration that was named does not need one")
		return
	} else if s == nil {
		r.warn("sudo systemctl start nephoscope, or nephoscope run", "%v", w.NoStatus)
		return
	}
	for _, reason := range s.Reasons {
		if s.Health == agent.Failing {
			r.fail(reason.Hint, "%s", reason.What)
		} else {
			r.warn(reason.Hint, "%s", reason.What)
		}
	}
	if len(s.Reasons) > 0 {
		return
	}
	var lag int64
	for _, f := range s.Logs {
		lag += f.LagBytes
	}
	r.note("process %d is %s, up for %s, %s behind in %s", s.PID, s.Health, w.Now().Sub(s.Started).Round(1e9), output.Bytes(max(lag, 0)), output.Count(s.Files, "log file"))
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
