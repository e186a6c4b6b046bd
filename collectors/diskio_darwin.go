package collectors

import (
	"context"

	"github.com/shirou/gopsutil/v4/disk"
)

// countersOf asks gopsutil v4: v3 needs cgo for it here. What v4 calls the time of I/O is the sum of reads and writes, which
// may be more than has passed, and not what io_time is.
func countersOf(ctx context.Context) ([]device, error) {
	counters, err := disk.IOCountersWithContext(ctx)
	devices := make([]device, 0, len(counters))
	for name, c := range counters {
		devices = append(devices, device{name: name, counters: [deviceCounted]uint64{
			deviceReads: c.ReadCount, deviceWrites: c.WriteCount, deviceReadBytes: c.ReadBytes, deviceWriteBytes: c.WriteBytes,
			deviceReadTime: c.ReadTime, deviceWriteTime: c.WriteTime,
		}})
	}
	return devices, err
}
