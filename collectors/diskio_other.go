//go:build !linux

package collectors

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/shirou/gopsutil/v3/disk"
)

// deviceReader asks gopsutil for what this system counts.
type deviceReader struct{}

func newDeviceReader(Host) *deviceReader { return &deviceReader{} }

func (*deviceReader) read() ([]device, error) {
	counters, err := disk.IOCounters()
	if err != nil {
		return nil, fmt.Errorf("read disk counters: %w", err)
	}
	devices := make([]device, 0, len(counters))
	for name, c := range counters {
		devices = append(devices, device{
			name: name, reads: c.ReadCount, writes: c.WriteCount, readBytes: c.ReadBytes, writeBytes: c.WriteBytes,
			readTime: c.ReadTime, writeTime: c.WriteTime, ioTime: c.IoTime, inProgress: c.IopsInProgress,
		})
	}
	slices.SortFunc(devices, func(a, b device) int { return cmp.Compare(a.name, b.name) })
	return devices, nil
}
