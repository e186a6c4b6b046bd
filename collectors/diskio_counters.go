//go:build !darwin && !linux

package collectors

import (
	"context"

	"github.com/shirou/gopsutil/v3/disk"
)

// countersOf takes no times: on Windows gopsutil gives seconds for milliseconds.
func countersOf(ctx context.Context) ([]device, error) {
	counters, err := disk.IOCountersWithContext(ctx)
	devices := make([]device, 0, len(counters))
	for name, c := range counters {
		devices = append(devices, device{name: name, counters: [deviceCounted]uint64{
			deviceReads: c.ReadCount, deviceWrites: c.WriteCount, deviceReadBytes: c.ReadBytes, deviceWriteBytes: c.WriteBytes,
		}})
	}
	return devices, err
}
