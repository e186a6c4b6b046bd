package collectors

import (
	"bytes"
	"context"

	"github.com/shirou/gopsutil/v3/cpu"
)

// cpuReader reads /proc/stat once for the total and the cores, and remembers what the cores are called. gopsutil, which reads
// it whole for each, is asked when there is anything uncommon in it: what to make of that, gopsutil decides.
type cpuReader struct {
	host  Host
	stat  procFile
	names []string
	times []cpuTimes
}

func newCPUReader(h Host) *cpuReader {
	return &cpuReader{host: h, stat: procFile{path: h.proc("stat")}}
}

// read returns times that are good until the next read.
func (r *cpuReader) read(ctx context.Context, totals, cores bool) ([]cpuTimes, error) {
	if text, err := r.stat.read(); err == nil && r.parse(text) {
		switch {
		case !cores:
			return r.times[:1], nil
		case !totals:
			return r.times[1:], nil
		}
		return r.times, nil
	}
	return askCPU(r.host.context(ctx), totals, cores)
}

// parse reads the line of the machine and those of its cores. False: it is not what every kernel since 3.2 writes.
func (r *cpuReader) parse(text []byte) bool {
	r.times = r.times[:0]
	for i := 0; bytes.HasPrefix(text, []byte("cpu")); i++ {
		var line []byte
		line, text = nextLine(text)
		name, rest := nextWord(line)
		if (i == 0) != (len(name) == len("cpu")) {
			return false
		}
		var n [10]float64
		for j := range n {
			var word []byte
			word, rest = nextWord(rest)
			ticks, ok := number(word)
			if !ok {
				return false
			}
			n[j] = float64(ticks) / cpu.ClocksPerSec
		}
		if word, _ := nextWord(rest); len(word) > 0 {
			return false
		}
		r.times = append(r.times, cpuTimes{
			CPU: r.name(i, name), User: n[0], Nice: n[1], System: n[2], Idle: n[3], Iowait: n[4],
			Irq: n[5], Softirq: n[6], Steal: n[7], Guest: n[8], GuestNice: n[9],
		})
	}
	return len(r.times) > 1
}

// name is what the line is called: as a string that was there before, as a rule.
func (r *cpuReader) name(i int, written []byte) string {
	if i == len(r.names) {
		r.names = append(r.names, "")
	}
	if i == 0 {
		return "cpu-total"
	}
	if r.names[i] != string(written) {
		r.names[i] = string(written)
	}
	return r.names[i]
}
