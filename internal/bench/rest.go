package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/collectors"
)

// allCollectors adds every measurement of every collector to a configuration.
func allCollectors(c map[string]any, interval int) map[string]any {
	collected := map[string]any{}
	for _, name := range collectors.Names() {
		var measurements []string
		for _, m := range collectors.Measurements(name) {
			measurements = append(measurements, m.Name)
		}
		plugin := map[string]any{"measurement": measurements, "metrics_collection_interval": interval}
		if slices.Contains([]string{"cpu", "disk", "diskio", "net"}, name) {
			plugin["resources"] = []string{"*"}
		}
		switch collected[name] = plugin; name {
		case "procstat":
			plugin["exe"] = "nephoscope"
			collected[name] = []any{plugin}
		case "ethtool":
			collected[name] = map[string]any{} // has neither measurements nor an interval of its own
		}
	}
	c["metrics"] = map[string]any{"metrics_collected": collected}
	return c
}

// quietLog makes a log of three lines.
func (b *bench) quietLog() (path string, err error) {
	path = filepath.Join(b.dir, "quiet.log")
	f, err := os.Create(path)
	if err != nil {
		return "", fmt.Errorf("make quiet log: %w", err)
	}
	source := newAccessLog()
	for range 3 {
		if _, err := f.Write(source.next()); err != nil {
			_ = f.Close()
			return "", fmt.Errorf("make quiet log: %w", err)
		}
	}
	return path, f.Close()
}

// measureIdle lets the agent collect everything and ship nothing.
func (b *bench) measureIdle(ctx context.Context) ([]row, error) {
	return b.idle(ctx, 10, "idle", atMost(30), nil)
}

// measureIdleFast is the same at the shortest interval there is. The goal is stated for two minutes.
func (b *bench) measureIdleFast(ctx context.Context) ([]row, error) {
	return b.idle(ctx, 1, "idle, every second", nil, atMost(20))
}

func (b *bench) idle(ctx context.Context, interval int, name string, target, goal *bound) ([]row, error) {
	path, err := b.quietLog()
	if err != nil {
		return nil, err
	}
	e, err := newEndpoint(nil)
	if err != nil {
		return nil, err
	}
	defer e.close()
	p, err := b.startAgent(ctx, allCollectors(theLog(path, 5), interval), e.url)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	over := time.Now().Add(b.idleTime)
	if err := p.until(ctx, b.idleTime+time.Second, "be idle", func() bool { return time.Now().After(over) }); err != nil {
		return nil, err
	}
	m, cpu, err := p.finish()
	if err != nil {
		return nil, err
	}
	if e.metricRequests.Load() == 0 || e.logRequests.Load() == 0 {
		return nil, fmt.Errorf("idle: %d metric and %d log requests arrived: the agent did not do its work", e.metricRequests.Load(), e.logRequests.Load())
	}
	var cpuGoal *bound
	if goal != nil {
		cpuGoal = atMost(0.2)
	}
	return []row{
		{Name: name + ": resident", Got: mib(m.resident), Unit: "MiB", Target: target, Goal: goal},
		{Name: name + ": peak resident", Got: mib(m.peak), Unit: "MiB"},
		{Name: name + ": of it not pages of files", Got: mib(m.anonymous), Unit: "MiB"},
		{Name: name + ": processor for two minutes", Got: cpu.Seconds() * 120 / b.idleTime.Seconds(), Unit: "CPU-s", Goal: cpuGoal},
	}, nil
}

// measureStart is how long after its start the agent's first requests arrive.
func (b *bench) measureStart(ctx context.Context) ([]row, error) {
	path, err := b.quietLog()
	if err != nil {
		return nil, err
	}
	e, err := newEndpoint(nil)
	if err != nil {
		return nil, err
	}
	defer e.close()
	p, err := b.startAgent(ctx, allCollectors(theLog(path, 5), 10), e.url)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	if err := p.until(ctx, 30*time.Second, "first requests", func() bool {
		log, _, metric := e.times()
		return !log.IsZero() && !metric.IsZero()
	}); err != nil {
		return nil, err
	}
	if _, err := p.stop(); err != nil {
		return nil, err
	}
	log, _, metric := e.times()
	return []row{
		{Name: "start to first metric data", Got: metric.Sub(p.began).Seconds(), Unit: "s", Target: atMost(1)},
		{Name: "start to first log events", Got: log.Sub(p.began).Seconds(), Unit: "s", Target: atMost(1)},
	}, nil
}

// measureSize weighs the binary, as it is and as it travels.
func (b *bench) measureSize(context.Context) ([]row, error) {
	f, err := os.Open(b.agent)
	if err != nil {
		return nil, fmt.Errorf("weigh binary: %w", err)
	}
	defer f.Close()
	var weight weight
	zip, err := gzip.NewWriterLevel(&weight, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("weigh binary: %w", err)
	}
	size, err := io.Copy(zip, f)
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("weigh binary: %w", err)
	}
	return []row{
		{Name: "binary", Got: float64(size), Unit: "bytes", Target: atMost(25_000_000)},
		{Name: "binary, gzip", Got: float64(weight), Unit: "bytes"},
	}, nil
}

// weight counts what is written to it.
type weight int64

func (w *weight) Write(p []byte) (int, error) {
	*w += weight(len(p))
	return len(p), nil
}
