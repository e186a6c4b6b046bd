package collectors

import (
	"bytes"
	"context"
)

// memoryReader reads the lines of /proc/meminfo that are measured. gopsutil takes every line apart, each into strings; it is
// asked when one of them is missing or strange: it has estimates for old kernels.
type memoryReader struct {
	host Host
	file procFile
}

func newMemoryReader(h Host) *memoryReader {
	return &memoryReader{h, procFile{path: h.proc("meminfo")}}
}

func (r *memoryReader) read(ctx context.Context) (memory, error) {
	if text, err := r.file.read(); err == nil {
		if m, ok := parseMeminfo(text); ok && m.Total > 0 {
			return m, nil
		}
	}
	return askMemory(r.host.context(ctx))
}

// parseMeminfo is false unless every line that is measured is there, once, in kB. As in gopsutil, Cached is what the kernel
// calls Cached and SReclaimable.
func parseMeminfo(text []byte) (m memory, ok bool) {
	lines := [...]struct {
		name  string
		value *uint64
	}{
		{"MemTotal", &m.Total}, {"MemFree", &m.Free}, {"MemAvailable", &m.Available}, {"Buffers", &m.Buffers}, {"Cached", &m.Cached},
		{"Active", &m.Active}, {"Inactive", &m.Inactive}, {"SwapTotal", &m.SwapTotal}, {"SwapFree", &m.SwapFree},
		{"Shmem", &m.Shared}, {"SReclaimable", &m.Sreclaimable},
	}
	var seen [len(lines)]bool
	missing := len(lines)
	for len(text) > 0 {
		var line []byte
		line, text = nextLine(text)
		name, value, _ := bytes.Cut(line, []byte{':'})
		name = bytes.TrimSpace(name)
		for i := range lines {
			if lines[i].name != string(name) {
				continue
			}
			kib, ok := kilobytes(value)
			if !ok || seen[i] {
				return m, false
			}
			*lines[i].value, seen[i] = kib*1024, true
			missing--
			break
		}
	}
	m.Cached += m.Sreclaimable
	return m, missing == 0
}

// kilobytes reads what stands behind the colon: blanks, digits, kB.
func kilobytes(text []byte) (kib uint64, ok bool) {
	digits, rest := nextWord(text)
	unit, rest := nextWord(rest)
	kib, ok = number(digits)
	return kib, ok && string(unit) == "kB" && len(rest) == 0
}

// used is the original's total − free − buffers − (cached + SReclaimable).
func used(m *memory) float64 {
	return float64(m.Total) - float64(m.Free) - float64(m.Buffers) - float64(m.Cached)
}
