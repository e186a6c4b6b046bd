//go:build !linux

package collectors

import "context"

// cpuReader asks gopsutil.
type cpuReader struct{ host Host }

func newCPUReader(h Host) *cpuReader { return &cpuReader{h} }

func (r *cpuReader) read(ctx context.Context, totals, cores bool) ([]cpuTimes, error) {
	return askCPU(r.host.context(ctx), totals, cores)
}
