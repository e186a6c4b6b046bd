package doctor

import (
	"context"
	"errors"
	"time"
)

// farOff is more than an hour's drift of a bad clock, and less than what any endpoint minds.
const farOff = 10 * time.Second

// lookAtClock asks the kernel whether somebody keeps its clock in step. How far it is off shows in the endpoints' answers.
func lookAtClock(_ context.Context, w *World, r *Result) {
	c, err := w.Host.Clock()
	switch {
	case errors.Is(err, ErrElsewhere):
		r.skip("%v", err)
	case err != nil:
		r.skip("the kernel does not say whether its clock is kept in step: %v", err)
	case !c.Synchronized:
		r.warn("sudo timedatectl set-ntp true (or start chronyd)", "nobody keeps the clock in step; requests that are more than five minutes off are refused")
	case c.MaxError > farOff:
		r.warn("chronyc tracking, or timedatectl timesync-status", "the clock may be off by %s, by the kernel's own estimate", c.MaxError.Round(time.Second))
	default:
		r.note("kept in step, to within %s", max(c.MaxError.Round(time.Millisecond), time.Millisecond))
	}
}
