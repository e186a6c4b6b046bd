//go:build !linux

package collectors

import (
	"context"
	"fmt"

	"github.com/shirou/gopsutil/v3/mem"
)

func readSwap(ctx context.Context, h Host) (swapSpace, error) {
	m, err := mem.SwapMemoryWithContext(h.context(ctx))
	if err != nil {
		return swapSpace{}, fmt.Errorf("read swap space: %w", err)
	}
	return swapSpace{total: float64(m.Total), free: float64(m.Free)}, nil
}
