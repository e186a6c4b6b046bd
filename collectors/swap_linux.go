package collectors

import "context"

// swapReader takes the two swap lines of /proc/meminfo. gopsutil's swap call asks sysinfo(2), which no captured machine can
// answer and an agent in a container with HOST_PROC cannot redirect, and it reads the whole of /proc/vmstat for paging rates
// that nobody sends. Both come from the kernel's si_swapinfo and are equal.
type swapReader struct{ memory *memoryReader }

func newSwapReader(h Host) swapReader { return swapReader{newMemoryReader(h)} }

func (r swapReader) read(ctx context.Context) (swapSpace, error) {
	m, err := r.memory.read(ctx)
	if err != nil {
		return swapSpace{}, err
	}
	return swapSpace{total: float64(m.SwapTotal), free: float64(m.SwapFree)}, nil
}
