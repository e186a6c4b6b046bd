package main

import (
	"context"
	"fmt"
	"hash/maphash"
	"path/filepath"
	"time"
)

// theLog is a configuration that ships one file and does nothing else.
func theLog(path string, flush int) map[string]any {
	return map[string]any{
		"agent": map[string]any{"region": "us-east-1", "metrics_collection_interval": 10},
		"logs": map[string]any{
			"force_flush_interval": flush,
			"logs_collected": map[string]any{"files": map[string]any{"collect_list": []any{
				map[string]any{"file_path": path, "log_group_name": "bench", "log_stream_name": "bench"},
			}}},
		},
	}
}

// shipTime bounds how long a file may take: ten times what is wanted.
func shipTime(size int64) time.Duration {
	return time.Minute + time.Duration(size/(10<<20))*time.Second
}

// measureFloors prints the floor by itself, also with the standard library's gzip and with none.
func (b *bench) measureFloors(ctx context.Context) (rows []row, err error) {
	for _, f := range []struct{ name, compressor string }{
		{"floor", "gzip"}, {"floor, standard library's gzip", "stdlib"}, {"floor without gzip", "none"},
	} {
		r, err := b.floor(ctx, f.compressor)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{Name: f.name, Got: perGiB(r.CPU, r.Bytes), Unit: "CPU-s/GiB"})
	}
	return rows, nil
}

// floor is measured once in a round.
func (b *bench) floor(ctx context.Context, compressor string) (floorResult, error) {
	if r, done := b.floors[compressor]; done {
		return r, nil
	}
	if err := b.makeLog(); err != nil {
		return floorResult{}, err
	}
	r, err := measureFloor(ctx, b.log.path, compressor)
	if err == nil {
		b.floors[compressor] = r
	}
	return r, err
}

// measureShip has the agent ship the whole file, and compares it with the floor.
func (b *bench) measureShip(ctx context.Context) ([]row, error) {
	floor, err := b.floor(ctx, "gzip")
	if err != nil {
		return nil, err
	}
	if err := warm(b.log.path); err != nil {
		return nil, err
	}
	e, err := newEndpoint(nil)
	if err != nil {
		return nil, err
	}
	defer e.close()
	p, err := b.startAgent(ctx, theLog(b.log.path, 1), e.url)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	if err := p.until(ctx, shipTime(b.log.bytes), "ship the file", func() bool { return p.acknowledged() == b.log.bytes }); err != nil {
		return nil, err
	}
	m, cpu, err := p.finish()
	if err != nil {
		return nil, err
	}
	if err := e.err(); err != nil {
		return nil, err
	}
	_, last, _ := e.times()
	wall := last.Sub(p.began)
	return []row{
		{Name: "ship: processor", Got: perGiB(cpu, b.log.bytes), Unit: "CPU-s/GiB"},
		{Name: "ship: processor, times the floor", Got: cpu.Seconds() / floor.CPU.Seconds(), Unit: "x", Target: atMost(3), Goal: atMost(1.5)},
		{Name: "ship: lines for a second of processor", Got: float64(b.log.lines) / cpu.Seconds(), Unit: "lines", Goal: atLeast(1_000_000)},
		{Name: "ship: start to last request", Got: wall.Seconds(), Unit: "s"},
		{Name: "ship: speed", Got: float64(b.log.bytes) / 1e6 / wall.Seconds(), Unit: "MB/s"},
		{Name: "ship: lines", Got: float64(b.log.lines) / wall.Seconds(), Unit: "lines/s"},
		{Name: "ship: requests", Got: float64(e.logRequests.Load()), Unit: ""},
		{Name: "ship: on the wire", Got: float64(e.logBytes.Load()) / float64(b.log.bytes), Unit: "of the file"},
		{Name: "ship: peak resident", Got: mib(m.peak), Unit: "MiB", Target: atMost(60), Goal: atMost(40)},
		{Name: "ship: of it not pages of files, at the end", Got: mib(m.anonymous), Unit: "MiB"},
	}, nil
}

// measureVerify ships a smaller file and reads every request: each line once, in order.
func (b *bench) measureVerify(ctx context.Context) ([]row, error) {
	path := filepath.Join(b.dir, "verify.log")
	lines, size, err := writeAccessLog(path, min(b.size, 64<<20))
	if err != nil {
		return nil, err
	}
	// Lines differ in address, size and time; the hash is for the memory that the lines themselves would take.
	seed := maphash.MakeSeed()
	number := make(map[uint64]int, lines)
	for source, i := newAccessLog(), 0; i < int(lines); i++ {
		line := source.next()
		number[maphash.Bytes(seed, line[:len(line)-1])] = i
	}
	l := newLedger(int(lines))
	e, err := newEndpoint(func(body []byte, gzipped bool, _ time.Time) error {
		return decode(body, gzipped, func(message string) {
			if line, known := number[maphash.String(seed, message)]; known {
				l.arrive(line)
			} else {
				l.Unknown++
			}
		})
	})
	if err != nil {
		return nil, err
	}
	defer e.close()
	p, err := b.startAgent(ctx, theLog(path, 1), e.url)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	if err := p.until(ctx, shipTime(size), "ship the file", func() bool { return p.acknowledged() == size }); err != nil {
		return nil, err
	}
	if _, err := p.stop(); err != nil {
		return nil, err
	}
	if err := e.err(); err != nil {
		return nil, err
	}
	if err := l.verdict(int(lines)); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return []row{{Name: "verify: lines compared, all there, once, in order", Got: float64(l.Arrived), Unit: "lines"}}, nil
}
