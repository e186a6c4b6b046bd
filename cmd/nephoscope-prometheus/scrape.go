package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/nephoscope/nephoscope/scrape"
	"github.com/spf13/cobra"
)

// scrapeOptions are what the command line says.
type scrapeOptions struct {
	settings, config string
	once, asJSON     bool
}

func newScrape() *cobra.Command {
	var o scrapeOptions
	cmd := &cobra.Command{
		Use:   "scrape (--config FILE | --settings FILE) [--once]",
		Short: "Scrape now, and print what would be sent",
		Long: `Scrape prints the documents that the agent would send, a line each, on standard output, and what became of each target on standard
error. Nothing is sent anywhere.

With --config it takes a prometheus.yaml; no metric declarations are known then, and the documents are plain log events. With
--settings it takes what the agent gives to run: a JSON object with config_path, log_group, namespace, and declarations.

Counters are sent as the difference to the scrape before, so with --once they are not there. Without --once, scrape goes on at the
configured intervals until Ctrl-C.

With --json standard output has one JSON document in place of the documents, with the counts and the targets.

Exit status: 0 fine, 1 a target could not be scraped or there are mistakes, 2 a file could not be read.`,
		Example: `  nephoscope-prometheus scrape --config prometheus.yaml --once
  nephoscope-prometheus scrape --config prometheus.yaml --once --json
  nephoscope-prometheus scrape --settings settings.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return o.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&o.config, "config", "", "`FILE` of Prometheus to scrape by")
	cmd.Flags().StringVar(&o.settings, "settings", "", "`FILE` with what the agent gives to run, as JSON")
	cmd.Flags().BoolVar(&o.once, "once", false, "scrape each target once, at once, and end")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print one JSON document with counts and targets; only with --once")
	return cmd
}

func (o scrapeOptions) run(ctx context.Context, out, errs io.Writer) error {
	p, err := o.read()
	if err != nil {
		return &exitError{exitUnread, fmt.Errorf("scrape: %w", err)}
	}
	if _, _, err := scrape.Load(p.ConfigPath); err != nil {
		return &exitError{exitUnread, fmt.Errorf("scrape: %w", err)}
	}
	documents := out
	if o.asJSON {
		documents = io.Discard
	}
	said := &plainLog{to: &lockedWriter{to: errs}, mistakes: new(atomic.Bool)}
	s, err := scrape.New(p, documents, slog.New(said))
	if err != nil {
		return &exitError{exitUnread, fmt.Errorf("scrape: %w", err)}
	}
	if o.once {
		err = s.Once(ctx)
	} else {
		fmt.Fprintln(errs, "scraping at the configured intervals, the first time within one of them; Ctrl-C ends it")
		err = s.Run(ctx)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return &exitError{exitMistakes, fmt.Errorf("scrape: %w", err)}
	}
	counts := s.Counts()
	if o.asJSON {
		_ = output.JSON(out, counts) // whoever reads may have gone
	} else {
		printCounts(errs, counts)
	}
	if o.once && ctx.Err() != nil {
		return &exitError{exitMistakes, errors.New("scrape: interrupted before every target had answered")}
	}
	down := slices.ContainsFunc(counts.Targets, func(t scrape.TargetCounts) bool { return !t.Up && t.LastError != "" })
	if down || said.mistakes.Load() {
		return &exitError{status: exitMistakes}
	}
	return nil
}

// read is the settings, out of one file or the other.
func (o scrapeOptions) read() (p config.Prometheus, err error) {
	switch {
	case (o.config == "") == (o.settings == ""):
		return p, errors.New("name what to scrape: --config prometheus.yaml, or --settings with what the agent gives")
	case o.asJSON && !o.once:
		return p, errors.New("--json is for --once: without it there is no end at which to print")
	case o.config != "":
		return config.Prometheus{ConfigPath: o.config, LogGroup: "/aws/prometheus", Namespace: "CWAgent/Prometheus", MaxSeries: defaultSeries}, nil
	}
	file, err := os.Open(o.settings)
	if err != nil {
		return p, fmt.Errorf("read settings: %w", err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxSettings+1))
	switch {
	case err != nil:
		return p, fmt.Errorf("read settings: %w", err)
	case len(raw) > maxSettings:
		return p, fmt.Errorf("read settings: %s has more than %d MiB", o.settings, maxSettings>>20)
	}
	return readSettings(raw)
}

// plainLog writes what is said for people, and notes whether a mistake was among it.
type plainLog struct {
	to       io.Writer
	mistakes *atomic.Bool
}

func (l *plainLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *plainLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *plainLog) WithGroup(string) slog.Handler            { return l }

func (l *plainLog) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	switch {
	case r.Level >= slog.LevelError:
		l.mistakes.Store(true)
	case r.Level >= slog.LevelWarn:
		line = "warning: " + line
	}
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf("; %s: %v", a.Key, a.Value)
		return true
	})
	_, err := io.WriteString(l.to, output.Printable(line)+"\n")
	return err
}

// because are what a person is told of a reason for which samples are dropped.
var because = map[string]string{
	"type":             "histograms, and other types than gauge, counter and summary: the original does not send them either",
	"untyped":          "no # TYPE says what they are: the original does not send them either",
	"not_a_number":     "their value is not a number, infinite, or more than CloudWatch takes",
	"no_delta_yet":     "first values of counters: their difference is sent from the second scrape on",
	"series_bound":     "no room for further series (nephoscope.prometheus_series)",
	"duplicate":        "the same series twice in one scrape",
	"name":             "no name, or one that is too long",
	"name_of_a_label":  "the metric is called like one of its labels",
	"event_too_large":  "labels too large for a log event",
	"time_not_later":   "counters whose own timestamp has not moved on",
	"metric_relabel":   "dropped by metric_relabel_configs",
	"dimension_values": "log events without some of their metrics: a dimension is empty or longer than 1,024 characters",
}

func printCounts(w io.Writer, c scrape.Counts) {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, t := range c.Targets {
		state, text := "down", t.LastError
		switch {
		case t.Up:
			state, text = "up", fmt.Sprintf("%s in %v", output.Count(int(t.Samples), "sample"), time.Duration(t.LastScrapeMS)*time.Millisecond)
		case t.LastError == "":
			state, text = "waiting", "not scraped yet"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", output.Printable(t.Job), output.Printable(t.Instance), state, output.Printable(text))
	}
	_ = table.Flush() // whoever reads may have gone
	fmt.Fprintf(w, "%s, %s of %s\n", output.Count(int(c.Scrapes), "scrape"), output.Count(int(c.Events), "event"), output.Count(int(c.Samples), "sample"))
	for _, reason := range slices.Sorted(maps.Keys(c.Dropped)) {
		text := because[reason]
		if text == "" {
			text = strings.ReplaceAll(reason, "_", " ")
		}
		fmt.Fprintf(w, "  not sent: %d (%s: %s)\n", c.Dropped[reason], reason, text)
	}
}
