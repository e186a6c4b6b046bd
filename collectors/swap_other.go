//go:build !linux && !windows

package collectors

import (
	"context"
	"fmt"

	"github.com/shirou/gopsutil/v3/mem"
)

// swapReader asks gopsutil.
type swapReader struct{ host Host }

func newSwapReader(h Host) swapReader { return swapReader{h} }

func (r swapReader) read(ctx context.Context) (swapSpace, error) {
	m, err := mem.SwapMemoryWithContext(r.host.context(ctx))
	if err != nil {
		return swapSpace{}, fmt.Errorf("read swap space: %w", err)
	}
	return swapSpace{total: float64(m.Total), free: float64(m.Free)}, nil
}
