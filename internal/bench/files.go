package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// manyLogs is a configuration that ships every file of a folder into a stream of its own.
func manyLogs(folder string) map[string]any {
	return map[string]any{
		"agent": map[string]any{"region": "us-east-1"},
		"logs": map[string]any{
			"logs_collected": map[string]any{"files": map[string]any{"collect_list": []any{
				map[string]any{"file_path": filepath.Join(folder, "*.log"), "log_group_name": "bench", "log_stream_name": "bench", "publish_multi_logs": true},
			}}},
		},
	}
}

const (
	liveFiles = 1_000
	liveLines = 100 // of each file, before its writer slows down to a line a second
	idleFiles = 10_000
)

// measureLive is a host of a thousand services, each writing a line a second for half a minute.
func (b *bench) measureLive(ctx context.Context) ([]row, error) {
	seconds := int(b.trickleTime.Seconds())
	l := newLedger(liveFiles * (liveLines + seconds))
	p, e, folder, err := b.startMany(ctx, liveFiles, liveLines, l)
	if err != nil {
		return nil, err
	}
	defer e.close()
	defer p.kill()
	all := func(lines int) func() bool { return func() bool { return e.events() >= lines } }
	if err := p.until(ctx, 2*time.Minute, "ship what is there", all(liveFiles*liveLines)); err != nil {
		return nil, err
	}
	for s := range seconds {
		for i := range liveFiles {
			number := liveFiles*liveLines + s*liveFiles + i
			if err := appendLines(livePath(folder, i), number, 1); err != nil {
				return nil, err
			}
			if i%100 == 99 { // spread over the second, as strangers write
				next := time.Now().Add(90 * time.Millisecond)
				if err := p.until(ctx, time.Second, "wait", func() bool { return time.Now().After(next) }); err != nil {
					return nil, err
				}
			}
		}
	}
	written := liveFiles * (liveLines + seconds)
	if err := p.until(ctx, time.Minute, "ship the last lines", all(written)); err != nil {
		return nil, err
	}
	m, cpu, err := p.finish()
	if err != nil {
		return nil, err
	}
	if err := e.err(); err != nil {
		return nil, err
	}
	// Streams are sent side by side: of order between them nothing is asked.
	if l.Arrived != written || l.Repeated+l.Unknown > 0 {
		return nil, fmt.Errorf("live files: %w", l.verdict(written))
	}
	return []row{
		{Name: "1,000 live files: peak resident", Got: mib(m.peak), Unit: "MiB", Goal: atMost(60)},
		{Name: "1,000 live files: processor", Got: cpu.Seconds(), Unit: "CPU-s", Goal: atMost(3)},
		{Name: "1,000 live files: requests", Got: float64(e.logRequests.Load())},
	}, nil
}

// measureMany is ten thousand files that nobody writes to, after the few lines in them have been shipped.
func (b *bench) measureMany(ctx context.Context) ([]row, error) {
	l := newLedger(idleFiles * 3)
	p, e, _, err := b.startMany(ctx, idleFiles, 3, l)
	if err != nil {
		return nil, err
	}
	defer e.close()
	defer p.kill()
	if err := p.until(ctx, 5*time.Minute, "ship what is there", func() bool { return e.events() >= idleFiles*3 }); err != nil {
		return nil, err
	}
	settled := time.Now().Add(10 * time.Second)
	if err := p.until(ctx, time.Minute, "settle", func() bool { return time.Now().After(settled) }); err != nil {
		return nil, err
	}
	before, err := p.cpu()
	if err != nil {
		return nil, err
	}
	over := time.Now().Add(b.idleTime)
	if err := p.until(ctx, b.idleTime+time.Second, "be idle", func() bool { return time.Now().After(over) }); err != nil {
		return nil, err
	}
	after, err := p.cpu()
	if err != nil {
		return nil, err
	}
	m, cpu, err := p.finish()
	if err != nil {
		return nil, err
	}
	return []row{
		{Name: "10,000 idle files: peak resident", Got: mib(m.peak), Unit: "MiB", Goal: atMost(80)},
		{Name: "10,000 idle files: processor while idle", Got: (after - before).Seconds() / b.idleTime.Seconds() * 100, Unit: "% of a core", Goal: atMost(0.1)},
		{Name: "10,000 idle files: processor from start to end", Got: cpu.Seconds(), Unit: "CPU-s"},
	}, nil
}

// startMany makes files of some lines each, and starts an agent that follows them all. Lines are numbered across files.
func (b *bench) startMany(ctx context.Context, files, lines int, l *ledger) (p *process, e *endpoint, folder string, err error) {
	if folder, err = os.MkdirTemp(b.dir, "files"); err != nil {
		return nil, nil, "", fmt.Errorf("make files: %w", err)
	}
	for i := range files {
		if err := appendLines(livePath(folder, i), i*lines, lines); err != nil {
			return nil, nil, "", err
		}
	}
	if e, err = newEndpoint(func(body []byte, gzipped bool, _ time.Time) error {
		return decode(body, gzipped, func(message string) {
			line, _ := readStamp(message)
			l.arrive(line)
		})
	}); err != nil {
		return nil, nil, "", err
	}
	e.counted = func() int { return l.Arrived }
	if p, err = b.startAgent(ctx, manyLogs(folder), e.url); err != nil {
		e.close()
		return nil, nil, "", err
	}
	return p, e, folder, nil
}

func livePath(folder string, i int) string {
	return filepath.Join(folder, fmt.Sprintf("service-%05d.log", i))
}

// appendLines opens, writes and closes: no program has ten thousand logs open, but ten thousand programs have one.
func appendLines(path string, number, lines int) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("append to log: %w", err)
	}
	defer f.Close()
	var text strings.Builder
	for i := range lines {
		fmt.Fprintf(&text, "INFO request served, status 200, nothing to report %d %d\n", time.Now().UnixNano(), number+i)
	}
	if _, err := f.WriteString(text.String()); err != nil {
		return fmt.Errorf("append to log: %w", err)
	}
	return nil
}
