package collectors

import (
	"bytes"
	"math"

	"github.com/shirou/gopsutil/v3/cpu"
)

// Fields of proc_pid_stat(5), counted from the state on.
const (
	userField     = 11
	systemField   = 12
	priorityField = 15
	niceField     = 16
	startField    = 19
	blockedField  = 39 // delays by block devices, where the kernel counts them
)

// parse reads a stat file and returns when the process began, in ticks since boot.
func (s *processStat) parse(stat []byte) (start uint64, ok bool) {
	_, rest, ok := splitStat(stat)
	if !ok {
		return 0, false
	}
	field := 0
	for ; len(rest) > 0 && field <= blockedField; field++ {
		var word []byte
		word, rest = nextWord(rest)
		word, negative := bytes.CutPrefix(word, []byte{'-'})
		n, ok := number(word)
		v := float64(n)
		if negative {
			v = -v
		}
		switch field {
		case userField:
			s.user = v / cpu.ClocksPerSec
		case systemField:
			s.system = v / cpu.ClocksPerSec
		case priorityField:
			if v < 0 { // -1-p for a real-time priority of p
				s.realtime = -1 - v
			}
		case niceField:
			s.nice = 20 - v // as getpriority(2) tells it to the original: 1 to 40
		case threadsField:
			s.threads = v
		case startField:
			start = n
		case blockedField:
			s.blocked = v / cpu.ClocksPerSec
		default:
			continue
		}
		if !ok {
			return 0, false
		}
	}
	return start, field > startField
}

// readMore reads the files that are asked for. What may not be read is left out.
func (r *processReading) readMore(t *procTree, sources source) {
	if sources&ofStatus != 0 {
		if text, err := t.read(int(r.pid), "status"); err == nil {
			r.status = true
			r.parseStatus(text)
		}
	}
	if sources&ofIO != 0 {
		if text, err := t.read(int(r.pid), "io"); err == nil {
			r.io = true
			r.parseIO(text)
		}
	}
	if sources&ofLimits != 0 {
		if text, err := t.read(int(r.pid), "limits"); err == nil {
			r.limits = true
			r.parseLimits(text)
		}
	}
	if sources&ofFDs != 0 {
		if n, err := t.count(int(r.pid), "fd"); err == nil {
			r.fds, r.descriptors = true, float64(n)
		}
	}
}

// parseStatus reads the lines of proc_pid_status(5) that are measured. A thread of the kernel has no memory of its own.
func (r *processReading) parseStatus(text []byte) {
	for len(text) > 0 {
		var line []byte
		line, text = nextLine(text)
		name, value, _ := bytes.Cut(line, []byte{':'})
		switch string(name) {
		case "VmSize":
			setBytes(&r.memory.vms, value)
		case "VmLck":
			setBytes(&r.memory.locked, value)
		case "VmRSS":
			setBytes(&r.memory.rss, value)
		case "VmData":
			setBytes(&r.memory.data, value)
		case "VmStk":
			setBytes(&r.memory.stack, value)
		case "VmSwap":
			setBytes(&r.memory.swap, value)
		case "ShdPnd":
			word, _ := nextWord(value)
			r.pending = bits(word)
		case "voluntary_ctxt_switches":
			setNumber(&r.voluntary, value)
		case "nonvoluntary_ctxt_switches":
			setNumber(&r.involuntary, value)
		}
	}
}

func (r *processReading) parseIO(text []byte) {
	for len(text) > 0 {
		var line []byte
		line, text = nextLine(text)
		name, value, _ := bytes.Cut(line, []byte{':'})
		switch string(name) {
		case "syscr":
			setNumber(&r.readCount, value)
		case "syscw":
			setNumber(&r.writeCount, value)
		case "read_bytes":
			setNumber(&r.readBytes, value)
		case "write_bytes":
			setNumber(&r.writeBytes, value)
		}
	}
}

// parseLimits reads the soft and the hard limit behind each name. There is no number for unlimited.
func (r *processReading) parseLimits(text []byte) {
	for i := range r.limit {
		r.limit[i] = [2]float64{math.NaN(), math.NaN()}
	}
	for len(text) > 0 {
		var line []byte
		line, text = nextLine(text)
		for i := range limitNames {
			values, ok := bytes.CutPrefix(line, []byte(limitNames[i].row))
			if !ok {
				continue
			}
			soft, rest := nextWord(values)
			hard, _ := nextWord(rest)
			if n, ok := number(soft); ok {
				r.limit[i][0] = float64(n)
			}
			if n, ok := number(hard); ok {
				r.limit[i][1] = float64(n)
			}
		}
	}
}

// setBytes reads a number of KiB; what is none is not known.
func setBytes(to *float64, text []byte) {
	if kib, ok := kilobytes(text); ok {
		*to = float64(kib) * 1024
	} else {
		*to = math.NaN()
	}
}

func setNumber(to *float64, text []byte) {
	word, _ := nextWord(text)
	if n, ok := number(word); ok {
		*to = float64(n)
	} else {
		*to = math.NaN()
	}
}

// bits reads the hexadecimal digits of a set, of any length.
func bits(word []byte) (v float64) {
	for len(word) > 8 {
		n, ok := hexadecimal(word[:8])
		if !ok {
			return math.NaN()
		}
		v, word = v*(1<<32)+float64(n), word[8:]
	}
	n, ok := hexadecimal(word)
	if !ok {
		return math.NaN()
	}
	return v*math.Pow(16, float64(len(word))) + float64(n)
}
