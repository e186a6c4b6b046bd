//go:build !linux

package collectors

import (
	"fmt"

	"github.com/shirou/gopsutil/v3/disk"
)

// mountTable remembers nothing: this system's mounts are read each time.
type mountTable struct{}

func (*mountTable) read(h Host) ([]mount, error) { return readMounts(h) }

// readMounts asks gopsutil for every mount of this system.
func readMounts(Host) ([]mount, error) {
	parts, err := disk.Partitions(true)
	mounts := make([]mount, len(parts))
	for i, p := range parts {
		mounts[i] = mount{p.Mountpoint, p.Device, p.Fstype}
	}
	if err != nil {
		return mounts, fmt.Errorf("read mounts: %w", err)
	}
	return mounts, nil
}
