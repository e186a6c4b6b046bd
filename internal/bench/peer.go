package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// telegrafInputs are the peer's counterparts of collectors, with no more of each than the agent measures.
var telegrafInputs = map[string]string{
	"cpu":       "percpu = true\ntotalcpu = true\ncollect_cpu_time = true\nreport_active = true",
	"disk":      "",
	"diskio":    "",
	"mem":       "",
	"net":       "ignore_protocol_stats = true",
	"netstat":   "",
	"processes": "",
	"procstat":  "pid_finder = \"native\"\nproperties = [\"cpu\", \"limits\", \"memory\"]\npattern = ",
	"swap":      "",
}

// hostPlugins are what is collected beside the peer: what most hosts are watched for.
var hostPlugins = []string{"cpu", "disk", "diskio", "mem", "net", "netstat", "processes", "procstat", "swap"}

// buildPeer makes the peer, once. Where its module cannot be had there is none, which is said loudly.
func (b *bench) buildPeer(ctx context.Context) {
	if b.peerTried {
		return
	}
	b.peerTried = true
	path := filepath.Join(b.dir, "peer")
	cmd := exec.CommandContext(ctx, "go", "-C", filepath.Join(b.root, "internal", "bench", "peer"), "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "NOT MEASURED: the peer, because it could not be built: %v: %s\n", err, said[max(0, len(said)-500):])
		return
	}
	b.peer = path
}

// startPeer starts the peer with all that some inputs have, every second, sent once a minute as the agent does.
func (b *bench) startPeer(ctx context.Context, plugins []string, endpoint string) (*process, error) {
	var c strings.Builder
	fmt.Fprintf(&c, `[agent]
interval = "1s"
flush_interval = "60s"
metric_batch_size = 10000
metric_buffer_limit = 100000
omit_hostname = true
quiet = true
[[outputs.cloudwatch]]
region = "us-east-1"
namespace = "bench"
endpoint_url = %q
access_key = "bench"
secret_key = "bench"
high_resolution_metrics = true
`, endpoint)
	for _, name := range plugins {
		fmt.Fprintf(&c, "[[inputs.%s]]\n%s", name, telegrafInputs[name])
		if name == "procstat" {
			fmt.Fprintf(&c, "%q", sleeperPattern)
		}
		c.WriteByte('\n')
	}
	p := &process{what: "peer"}
	dir, err := b.folder(p.what, map[string][]byte{"telegraf.toml": []byte(c.String())})
	if err != nil {
		return nil, fmt.Errorf("start peer: %w", err)
	}
	p.dir = dir
	p.cmd = exec.CommandContext(ctx, b.peer, filepath.Join(dir, "telegraf.toml"))
	return p, p.start(endpoint)
}

// everySecond is a configuration with all measurements of some plugins every second.
func everySecond(plugins []string) map[string]any {
	c := allCollectors(map[string]any{"agent": map[string]any{"region": "us-east-1"}}, 1)
	collected := c["metrics"].(map[string]any)["metrics_collected"].(map[string]any)
	for name, plugin := range collected {
		if !slices.Contains(plugins, name) {
			delete(collected, name)
		} else if list, ok := plugin.([]any); ok {
			selector := list[0].(map[string]any)
			delete(selector, "exe")
			selector["pattern"] = sleeperPattern
		}
	}
	return c
}

// measurePeer is what the metrics of a host of eight cores cost every second.
func (b *bench) measurePeer(ctx context.Context) (rows []row, err error) {
	cores, err := newCores(b.dir, 8)
	if err != nil {
		return nil, err
	}
	defer cores.close()
	err = apart(ofMounts, func() error {
		if err := cores.mount(); err != nil {
			return err
		}
		rows, err = b.beside(ctx, besides{name: "host metrics every second", plugins: hostPlugins, ratio: atMost(0.2), resident: atMost(25)})
		return err
	})
	return rows, err
}

// besides is what the agent and the peer are to do at the same time.
type besides struct {
	name            string
	plugins         []string
	ratio, resident *bound
}

// beside has both collect the same at the same time, so that they see the same host and the same neighbours. Processor time
// is that of their whole lives.
func (b *bench) beside(ctx context.Context, w besides) (rows []row, err error) {
	b.buildPeer(ctx)
	stop, err := startSleepers(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	var ran []*process
	var heard []*endpoint
	begin := func(start func(endpoint string) (*process, error)) error {
		e, err := newEndpoint(nil)
		if err != nil {
			return err
		}
		p, err := start(e.url)
		if err != nil {
			e.close()
			return err
		}
		ran, heard = append(ran, p), append(heard, e)
		return nil
	}
	defer func() {
		for i, p := range ran {
			p.kill()
			heard[i].close()
		}
	}()
	err = begin(func(url string) (*process, error) { return b.startAgent(ctx, everySecond(w.plugins), url) })
	if err == nil && b.peer != "" {
		err = begin(func(url string) (*process, error) { return b.startPeer(ctx, w.plugins, url) })
	}
	if err != nil {
		return nil, err
	}
	over := time.Now().Add(b.idleTime)
	for _, p := range ran {
		if err := p.until(ctx, b.idleTime+time.Second, "collect", func() bool { return time.Now().After(over) }); err != nil {
			return nil, err
		}
	}
	memories, cpus := make([]memory, len(ran)), make([]time.Duration, len(ran))
	for i, p := range ran {
		if memories[i], cpus[i], err = p.finish(); err != nil {
			return nil, err
		}
		if n := heard[i].metricRequests.Load(); n == 0 {
			return nil, fmt.Errorf("%s: no request of the %s arrived: it did not do its work", w.name, p.what)
		}
	}
	twoMinutes := func(cpu time.Duration) float64 { return cpu.Seconds() * 120 / b.idleTime.Seconds() }
	rows = []row{
		{Name: w.name + ": processor for two minutes", Got: twoMinutes(cpus[0]), Unit: "CPU-s"},
		{Name: w.name + ": resident", Got: mib(memories[0].resident), Unit: "MiB", Target: w.resident},
		{Name: w.name + ": peak resident", Got: mib(memories[0].peak), Unit: "MiB"},
		{Name: w.name + ": of it not pages of files", Got: mib(memories[0].anonymous), Unit: "MiB"},
	}
	if b.peer == "" {
		return rows, nil
	}
	return append(rows,
		row{Name: w.name + ": the peer's processor", Got: twoMinutes(cpus[1]), Unit: "CPU-s"},
		row{Name: w.name + ": the peer's resident", Got: mib(memories[1].resident), Unit: "MiB"},
		row{Name: w.name + ": processor, times the peer's", Got: cpus[0].Seconds() / cpus[1].Seconds(), Unit: "x", Target: w.ratio},
	), nil
}
