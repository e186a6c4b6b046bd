//go:build !darwin && !windows

package collectors

import (
	"context"

	"github.com/shirou/gopsutil/v3/cpu"
)

func timesOf(ctx context.Context, perCore bool) ([]cpuTimes, error) {
	return cpu.TimesWithContext(ctx, perCore)
}
