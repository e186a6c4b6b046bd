package collectors

import (
	"context"

	"github.com/shirou/gopsutil/v4/cpu"
)

// timesOf asks gopsutil v4: v3 needs cgo for it here, and our binaries are built without.
func timesOf(ctx context.Context, perCore bool) ([]cpuTimes, error) {
	all, err := cpu.TimesWithContext(ctx, perCore)
	times := make([]cpuTimes, len(all))
	for i, t := range all {
		times[i] = cpuTimes{CPU: t.CPU, User: t.User, System: t.System, Idle: t.Idle, Nice: t.Nice}
	}
	return times, err
}
