package collectors

import (
	"context"
	"fmt"

	"github.com/shirou/gopsutil/v3/mem"
)

// swapReader adds up the page files. What gopsutil calls the swap memory of Windows is the commit charge, most of which is
// physical memory.
type swapReader struct{ host Host }

func newSwapReader(h Host) swapReader { return swapReader{h} }

func (r swapReader) read(ctx context.Context) (swapSpace, error) {
	files, err := mem.SwapDevicesWithContext(r.host.context(ctx))
	if err != nil {
		return swapSpace{}, fmt.Errorf("read page files: %w", err)
	}
	var all swapSpace
	for _, f := range files {
		all.total += float64(f.UsedBytes) + float64(f.FreeBytes)
		all.free += float64(f.FreeBytes)
	}
	return all, nil
}
