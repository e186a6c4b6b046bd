package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/awsapi"
	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

// beEndpoint in the environment makes the test binary the endpoint: in a process of its own it is not in the profile.
const beEndpoint = "NEPHOSCOPE_BENCH_ENDPOINT"

func TestMain(m *testing.M) {
	if os.Getenv(beEndpoint) == "" {
		os.Exit(m.Run())
	}
	e, err := newEndpoint(nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(e.url)
	_, _ = io.Copy(io.Discard, os.Stdin) // until whoever started it is gone
	e.close()
}

// BenchmarkShip is the agent's log path without the rest of the agent, for profiles:
//
//	go test -run - -bench Ship -cpuprofile ship.prof ./internal/bench && go tool pprof -top ship.prof
func BenchmarkShip(b *testing.B) {
	const size = 256 << 20
	path := filepath.Join(b.TempDir(), "access.log")
	lines, bytes, err := writeAccessLog(path, size)
	if err != nil {
		b.Fatal(err)
	}
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true", "HOME": b.TempDir()} {
		b.Setenv(name, value)
	}
	account, err := awsapi.Open(b.Context(), awsapi.Options{Region: "us-east-1", Endpoint: startEndpoint(b)})
	if err != nil {
		b.Fatal(err)
	}
	api, item := account.Logs(), fileItem(b, path)
	before, _ := ownCPU() // where it cannot be read there is no such figure
	b.SetBytes(bytes)
	b.ReportAllocs()
	for b.Loop() {
		shipOnce(b, api, item, lines)
	}
	if after, err := ownCPU(); err == nil {
		b.ReportMetric(perGiB(after-before, bytes*int64(b.N)), "CPU-s/GiB")
		b.ReportMetric(float64(lines)*float64(b.N)/(after-before).Seconds(), "lines/CPU-s")
	}
}

// shipOnce ships a file from its beginning, as the agent does at its first start.
func shipOnce(b *testing.B, api publish.LogsAPI, item config.File, lines int64) {
	journal, _, err := durable.OpenJournal(filepath.Join(b.TempDir(), "checkpoints"))
	if err != nil {
		b.Fatal(err)
	}
	defer journal.Close()
	watcher, err := tailer.NewWatcher(zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	watching := make(chan struct{})
	defer close(watching)
	go watcher.Run(watching)
	entry, err := tailer.New(item, tailer.Options{Memory: tailer.NewMemory(journal), Watcher: watcher, Linger: 20 * time.Millisecond, Log: zap.NewNop()})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	logs, ended := publish.NewLogs(api, publish.LogsOptions{Lanes: 16, Log: zap.NewNop()}), make(chan struct{})
	go func() {
		defer close(ended)
		entry.Run(ctx, entry.Naming("bench", strings.Clone), func(s *tailer.Source) { logs.Wake(ctx, s) })
	}()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for sent := int64(0); sent < lines; {
		<-look.C
		sent = 0
		for _, s := range entry.Sources() {
			sent += s.Ledger().Sent.Events
		}
	}
	stop()
	<-ended
	logs.Wait()
	entry.Close()
}

// fileItem is the collect_list item of a file, as the agent reads it.
func fileItem(b *testing.B, path string) config.File {
	raw, err := json.Marshal(theLog(path, 1))
	if err != nil {
		b.Fatal(err)
	}
	name := filepath.Join(b.TempDir(), "config.json")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		b.Fatal(err)
	}
	c, err := config.Load(name)
	if err != nil {
		b.Fatal(err)
	}
	return c.Logs.Files[0]
}

// startEndpoint starts the endpoint in a process of its own, for as long as the benchmark runs.
func startEndpoint(b *testing.B) (url string) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Env = append(os.Environ(), beEndpoint+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // it may have been killed with the benchmark's context
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line)
}
