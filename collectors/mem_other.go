//go:build !linux

package collectors

import "context"

// memoryReader asks gopsutil.
type memoryReader struct{ host Host }

func newMemoryReader(h Host) *memoryReader { return &memoryReader{h} }

func (r *memoryReader) read(ctx context.Context) (memory, error) {
	return askMemory(r.host.context(ctx))
}

// used is what is not available: macOS and Windows do not tell buffers and cache apart from it.
func used(m *memory) float64 { return float64(m.Total) - available(m) }
