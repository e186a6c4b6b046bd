package collectors

import "context"

// readSwap takes the two swap lines of /proc/meminfo. gopsutil's swap call asks sysinfo(2), which no captured machine can
// answer and an agent in a container with HOST_PROC cannot redirect, and it reads the whole of /proc/vmstat for paging rates
// that nobody sends. Both come from the kernel's si_swapinfo and are equal.
func readSwap(ctx context.Context, h Host) (swapSpace, error) {
	m, err := readMemory(ctx, h)
	if err != nil {
		return swapSpace{}, err
	}
	return swapSpace{total: float64(m.SwapTotal), free: float64(m.SwapFree)}, nil
}
