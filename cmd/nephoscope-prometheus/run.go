package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/scrape"
	"github.com/spf13/cobra"
)

const (
	// countsEvery is how often counts are told.
	countsEvery = 10 * time.Second
	// patience is how long a stop waits for a reader that does not read.
	patience = 3 * time.Second
	// maxSettings bounds the line of settings.
	maxSettings = 4 << 20
)

func newRun() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Scrape for the agent, which starts this",
		Long: `Run is what the agent starts. It reads its settings, one line of JSON, from standard input, and scrapes until standard input
ends or SIGTERM comes. On standard output is a document in the embedded metric format in each line; on standard error is a JSON
object in each line: {"level", "msg", …} for the agent's log, and {"counts": {…}} every ten seconds and at the end.

To see what a configuration gives, use scrape.

Exit status: 0 it was stopped, 1 standard output could not be written to, 2 the settings could not be read.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return run(ctx, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

// run is one scraper from its settings to the end of in.
func run(ctx context.Context, in io.Reader, out, errs io.Writer) error {
	lines := bufio.NewReader(io.LimitReader(in, maxSettings))
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return &exitError{exitUnread, errors.New("run: read settings: standard input ended before the line did (the agent starts this; to try a configuration use scrape)")}
	}
	settings, err := readSettings(line)
	if err != nil {
		return &exitError{exitUnread, fmt.Errorf("run: %w", err)}
	}
	told := &lockedWriter{to: errs}
	log := slog.New(slog.NewJSONHandler(told, &slog.HandlerOptions{ReplaceAttr: forAgent}))
	s, err := scrape.New(settings, out, log)
	if err != nil {
		return &exitError{exitUnread, fmt.Errorf("run: %w", err)}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, in) // its end is all that is asked of it
		stop()
	}()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	go tellOften(ctx, told, s)
	select {
	case err = <-ended:
	case <-ctx.Done():
		select {
		case err = <-ended:
		case <-time.After(patience): // whoever reads has stopped reading
		}
	}
	last := make(chan struct{})
	go func() { tell(told, s.Counts()); close(last) }()
	select {
	case <-last:
	case <-time.After(patience): // the same
	}
	if err != nil {
		return &exitError{exitMistakes, fmt.Errorf("run: %w", err)}
	}
	return nil
}

// tellOften tells the counts until ctx is done. It may have to wait for who reads them; nothing else has to.
func tellOften(ctx context.Context, to io.Writer, s *scrape.Scraper) {
	every := time.NewTicker(countsEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			tell(to, s.Counts())
		case <-ctx.Done():
			return
		}
	}
}

func tell(to io.Writer, c scrape.Counts) {
	line, err := json.Marshal(struct {
		Counts scrape.Counts `json:"counts"`
	}{c})
	if err == nil {
		_, _ = to.Write(append(line, '\n')) // whoever reads may have gone
	}
}

// readSettings reads what the agent makes of its section. Nothing of it is in a message.
func readSettings(line []byte) (p config.Prometheus, err error) {
	if err := json.Unmarshal(line, &p); err != nil {
		return p, fmt.Errorf("read settings: not the JSON of the agent: %w", err)
	}
	missing := []string{}
	for key, value := range map[string]string{"config_path": p.ConfigPath, "log_group": p.LogGroup, "namespace": p.Namespace} {
		if value == "" {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return p, fmt.Errorf("read settings: there is no %s", strings.Join(missing, ", "))
	}
	if p.MaxSeries <= 0 {
		p.MaxSeries = defaultSeries
	}
	return p, nil
}

// defaultSeries is what the agent's nephoscope.prometheus_series is when it is not set.
const defaultSeries = 100_000

// lockedWriter keeps lines of several writers apart.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(line)
}

// forAgent writes levels in lower case, and no time: the agent's log has its own.
func forAgent(groups []string, a slog.Attr) slog.Attr {
	switch {
	case len(groups) > 0:
	case a.Key == slog.TimeKey:
		return slog.Attr{}
	case a.Key == slog.LevelKey:
		return slog.String(slog.LevelKey, strings.ToLower(a.Value.String()))
	}
	return a
}
