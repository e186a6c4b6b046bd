//go:build !linux

package collectors

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// deviceReader asks gopsutil for what this system counts.
type deviceReader struct{}

func newDeviceReader(Host) *deviceReader { return &deviceReader{} }

func (*deviceReader) read() ([]device, error) {
	devices, err := countersOf(context.Background())
	if err != nil {
		return nil, fmt.Errorf("read disk counters: %w", err)
	}
	slices.SortFunc(devices, func(a, b device) int { return cmp.Compare(a.name, b.name) })
	return devices, nil
}
