package collectors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/shirou/gopsutil/v3/mem"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

type memory = mem.VirtualMemoryStat

// memTable does again what gopsutil has done: it subtracts unsigned and divides by a total of zero. Here a difference below
// zero is no datum instead of sixteen exbibytes.
var memTable = []row[memory]{
	{"active", cloudwatch.Bytes, func(m *memory) float64 { return float64(m.Active) }},
	{"available", cloudwatch.Bytes, func(m *memory) float64 { return available(m) }},
	{"available_percent", cloudwatch.Percent, func(m *memory) float64 { return percentOf(available(m), float64(m.Total)) }},
	{"buffered", cloudwatch.Bytes, func(m *memory) float64 { return float64(m.Buffers) }},
	{"cached", cloudwatch.Bytes, func(m *memory) float64 { return float64(m.Cached) }},
	{"free", cloudwatch.Bytes, func(m *memory) float64 { return float64(m.Free) }},
	{"inactive", cloudwatch.Bytes, func(m *memory) float64 { return float64(m.Inactive) }},
	{"shared", cloudwatch.Bytes, func(m *memory) float64 { return float64(m.Shared) }},
	{"total", cloudwatch.Bytes, func(m *memory) float64 { return float64(m.Total) }},
	{"used", cloudwatch.Bytes, func(m *memory) float64 { return used(m) }},
	{"used_percent", cloudwatch.Percent, func(m *memory) float64 { return percentOf(used(m), float64(m.Total)) }},
}

// available is the kernel's own estimate. Before Linux 3.14 gopsutil makes one by subtraction, which can wrap around.
func available(m *memory) float64 {
	if m.Available > m.Total {
		return math.NaN()
	}
	return float64(m.Available)
}

type memCollector struct {
	reader *memoryReader
	data   []cloudwatch.Datum
	*sheet[memory]
}

func buildMem(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, memTable)
	if s == nil {
		return nil, problems
	}
	return &memCollector{reader: newMemoryReader(h), sheet: s}, problems
}

func (c *memCollector) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	m, err := c.reader.read(ctx)
	if err != nil {
		return nil, err
	}
	c.data = c.fill(c.data[:0], now, &m, c.static)
	return c.data, nil
}

// askMemory asks gopsutil, which takes a meminfo that it cannot open for an empty one: a machine without memory.
func askMemory(ctx context.Context) (memory, error) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err == nil && m.Total == 0 {
		err = errors.New("no total in it")
	}
	if err != nil {
		return memory{}, fmt.Errorf("read memory information: %w", err)
	}
	return *m, nil
}
