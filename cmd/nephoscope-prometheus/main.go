// Command nephoscope-prometheus scrapes Prometheus exporters for the agent, which starts it when its configuration has
// logs.metrics_collected.prometheus. People use it to check a scrape configuration and to see what would be sent.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when the binary is built: -ldflags "-X main.version=1.2.3".
var version = "dev"

// Exit statuses of all commands.
const (
	exitFine     = 0
	exitMistakes = 1 // what the user gave is wrong, or the work failed
	exitUnread   = 2 // it could not be read, or the command line is wrong
)

// exitError ends a command with a status of its own.
type exitError struct {
	status int
	err    error // nil: everything has been said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// What Go's garbage collector keeps to, if GOMEMLIMIT and GOGC say nothing. A scrape of 50,000 series fits in it; its memory is
// needed for a fraction of a second, and collected the sooner.
const (
	memoryLimit = 64 << 20
	gcPercent   = 50
)

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(execute(newRoot()))
}

func execute(root *cobra.Command) int {
	err := root.Execute()
	if err == nil {
		return exitFine
	}
	status := exitUnread // of cobra: an unknown command or flag
	own, ok := errors.AsType[*exitError](err)
	if ok {
		status = own.status
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(root.ErrOrStderr(), "nephoscope-prometheus: "+text)
		if !ok {
			fmt.Fprintln(root.ErrOrStderr(), "See nephoscope-prometheus --help.")
		}
	}
	return status
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "nephoscope-prometheus",
		Short: "Scrape Prometheus exporters for Nephoscope",
		Long: `Nephoscope-prometheus scrapes what a configuration of Prometheus names and makes log events in the embedded metric
format of it, of which CloudWatch makes metrics. The agent starts it when its configuration has logs.metrics_collected.prometheus.

For you are check, which says what is wrong with a prometheus.yaml, and scrape, which shows what would be sent.

Exit status: 0 fine, 1 mistakes in what was given or targets that cannot be scraped, 2 it could not be read.`,
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newRun(), newCheck(), newScrape(), newVersion())
	complete(root)
	root.AddCommand(unshipped(root)...)
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), "nephoscope-prometheus "+versionText())
		},
	}
}

// versionText names version, compiler and platform.
func versionText() string {
	return fmt.Sprintf("%s (%s; %s; %s)", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
