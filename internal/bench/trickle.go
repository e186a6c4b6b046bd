package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// measureTrickle is a log that is written to at a steady pace, as most are: what it costs, and how late lines arrive.
func (b *bench) measureTrickle(ctx context.Context) (rows []row, err error) {
	for _, flush := range []int{1, 5} {
		late := time.Duration(flush)*time.Second + 200*time.Millisecond
		t := trickle{name: fmt.Sprintf("5,000 lines/s, flush %d s", flush), flush: flush, rate: 5000, processor: atMost(1), p99: atMost(late.Seconds())}
		more, err := b.runTrickle(ctx, t)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// measureLatency is the same for a log so quiet that no batch is ever full.
func (b *bench) measureLatency(ctx context.Context) ([]row, error) {
	return b.runTrickle(ctx, trickle{name: "50 lines/s, flush 1 s", flush: 1, rate: 50, latest: atMost(1.1)})
}

type trickle struct {
	name                   string
	flush                  int // seconds
	rate                   int // lines a second
	processor, p99, latest *bound
}

// tick is how often lines are written: several at once where the pace asks for it, as servers do that buffer.
const tick = 10 * time.Millisecond

func (b *bench) runTrickle(ctx context.Context, t trickle) ([]row, error) {
	lines := int(b.trickleTime.Seconds() * float64(t.rate))
	l, delays := newLedger(lines), make([]time.Duration, 0, lines)
	e, err := newEndpoint(func(body []byte, gzipped bool, at time.Time) error {
		return decode(body, gzipped, func(message string) {
			line, written := readStamp(message)
			l.arrive(line)
			delays = append(delays, at.Sub(written))
		})
	})
	if err != nil {
		return nil, err
	}
	defer e.close()
	path := filepath.Join(b.dir, "trickle.log")
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write slowly: %w", err)
	}
	defer f.Close()
	p, err := b.startAgent(ctx, theLog(path, t.flush), e.url)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	// The start is another measurement's.
	settled := time.Now().Add(2 * time.Second)
	if err := p.until(ctx, 5*time.Second, "start", func() bool { return time.Now().After(settled) }); err != nil {
		return nil, err
	}
	before, err := p.cpu()
	if err != nil {
		return nil, err
	}
	size, err := writeSlowly(ctx, f, lines, t.rate)
	if err != nil {
		return nil, err
	}
	after, err := p.cpu()
	if err != nil {
		return nil, err
	}
	m, err := p.memory()
	if err != nil {
		return nil, err
	}
	if err := p.until(ctx, time.Minute, "ship the last lines", func() bool { return p.acknowledged() == size }); err != nil {
		return nil, err
	}
	if _, err := p.stop(); err != nil {
		return nil, err
	}
	if err := e.err(); err != nil {
		return nil, err
	}
	if err := l.verdict(lines); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	slices.Sort(delays)
	at := func(share float64) float64 { return delays[int(share*float64(len(delays)-1))].Seconds() }
	return []row{
		{Name: t.name + ": processor", Got: (after - before).Seconds() / b.trickleTime.Seconds() * 100, Unit: "% of a core", Goal: t.processor},
		{Name: t.name + ": delay, half of the lines", Got: at(0.5), Unit: "s"},
		{Name: t.name + ": delay, 99 of 100 lines", Got: at(0.99), Unit: "s", Goal: t.p99},
		{Name: t.name + ": delay, the last of all", Got: at(1), Unit: "s", Goal: t.latest},
		{Name: t.name + ": peak resident", Got: mib(m.peak), Unit: "MiB"},
	}, nil
}

// writeSlowly writes lines at a pace, each with the moment at which it is written and its number.
func writeSlowly(ctx context.Context, f *os.File, lines, rate int) (size int64, err error) {
	source, began := newAccessLog(), time.Now()
	next := time.NewTicker(tick)
	defer next.Stop()
	var buf []byte
	for written := 0; written < lines; {
		select {
		case <-ctx.Done():
			return size, ctx.Err()
		case <-next.C:
		}
		now := time.Now()
		due := min(lines, int(now.Sub(began).Seconds()*float64(rate)))
		buf = buf[:0]
		for ; written < due; written++ {
			line := source.next()
			buf = append(buf, line[:len(line)-1]...)
			buf = fmt.Appendf(buf, " %d %d\n", now.UnixNano(), written)
		}
		n, err := f.Write(buf)
		size += int64(n)
		if err != nil {
			return size, fmt.Errorf("write slowly: %w", err)
		}
	}
	return size, nil
}

// readStamp reads what writeSlowly put at the end of a line; -1 is a line that it did not write.
func readStamp(message string) (line int, written time.Time) {
	words := strings.Fields(message)
	if len(words) < 2 {
		return -1, time.Time{}
	}
	line, err := strconv.Atoi(words[len(words)-1])
	nanos, err2 := strconv.ParseInt(words[len(words)-2], 10, 64)
	if err != nil || err2 != nil {
		return -1, time.Time{}
	}
	return line, time.Unix(0, nanos)
}
