package collectors

import (
	"context"

	"github.com/shirou/gopsutil/v3/cpu"
)

// timesOf takes no time of interrupts: the kernel's own, which is System, has it in it already, and of all cores together it
// is not known.
func timesOf(ctx context.Context, perCore bool) ([]cpuTimes, error) {
	times, err := cpu.TimesWithContext(ctx, perCore)
	for i := range times {
		times[i].Irq = 0
	}
	return times, err
}
