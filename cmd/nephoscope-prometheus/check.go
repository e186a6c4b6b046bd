package main

import (
	"fmt"
	"io"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/nephoscope/nephoscope/scrape"
	"github.com/spf13/cobra"
)

// checkReport is what check --json prints.
type checkReport struct {
	OK       bool             `json:"ok"`
	Jobs     []string         `json:"jobs"` // those without mistakes
	Problems []config.Problem `json:"problems"`
}

func newCheck() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is wrong with a configuration of Prometheus, without scraping anything",
		Long: `Check reads a prometheus.yaml, and the files that it names, and prints every mistake, and a warning for what has no effect here, with its place:

  file:line:column: path: what is wrong (what to do about it)

The agent leaves out a job with a mistake in it and scrapes the others.

Exit status: 0 fine (there may be warnings), 1 mistakes, 2 the file could not be read: then nothing is printed on standard output.`,
		Example: `  nephoscope-prometheus check /etc/cwagentconfig/prometheus.yaml`,
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, files []string) error {
			c, problems, err := scrape.Load(files[0])
			if err != nil {
				return &exitError{exitUnread, fmt.Errorf("check: %w", err)}
			}
			report := checkReport{OK: true, Jobs: []string{}, Problems: append(append([]config.Problem{}, problems...), c.CheckTargets()...)}
			for _, j := range c.Jobs {
				report.Jobs = append(report.Jobs, j.Name)
			}
			mistakes := 0
			for _, p := range problems {
				if !p.Warning {
					mistakes++
				}
			}
			if report.OK = mistakes == 0; asJSON {
				_ = output.JSON(cmd.OutOrStdout(), report) // whoever reads may have gone
			} else {
				printCheck(cmd.OutOrStdout(), report, mistakes)
			}
			if mistakes > 0 {
				return &exitError{status: exitMistakes}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document: {\"ok\": …, \"jobs\": […], \"problems\": […]}")
	return cmd
}

func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("check: name one file, such as /etc/cwagentconfig/prometheus.yaml")
	}
	return nil
}

func printCheck(w io.Writer, report checkReport, mistakes int) {
	for _, p := range report.Problems {
		text := output.Printable(p.Error())
		if p.Warning {
			text = "warning: " + text
		}
		fmt.Fprintln(w, text)
	}
	jobs := output.Count(len(report.Jobs), "job")
	switch warnings := len(report.Problems) - mistakes; {
	case mistakes > 0:
		fmt.Fprintf(w, "%s, %s; %s would be scraped\n", output.Count(mistakes, "mistake"), output.Count(warnings, "warning"), jobs)
	case warnings > 0:
		fmt.Fprintf(w, "fine, with %s: %s\n", output.Count(warnings, "warning"), jobs)
	default:
		fmt.Fprintf(w, "fine: %s\n", jobs)
	}
}
