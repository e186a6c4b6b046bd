// Command nephoscope ships a host's metrics and log files to Amazon CloudWatch. It reads the configuration of the Amazon
// CloudWatch agent and takes its place.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/spf13/cobra"
)

// version is set by the Makefile.
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

func main() {
	args, err := commandLine(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitMistakes)
	}
	os.Exit(execute(args))
}

func execute(args []string) int {
	root := newRoot()
	root.SetArgs(args)
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
		if !strings.Contains(text, "sudo") {
			text = install.Denied(err).Error()
		}
		fmt.Fprintln(root.ErrOrStderr(), "nephoscope: "+text)
		if !ok {
			fmt.Fprintln(root.ErrOrStderr(), "See nephoscope --help.")
		}
	}
	return status
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "nephoscope",
		Short: "Ship this host's metrics and log files to Amazon CloudWatch",
		Long: `Nephoscope ships this host's metrics and log files to Amazon CloudWatch.
It reads the config.json of the Amazon CloudWatch agent and takes its place.

Exit status: 0 fine, 1 mistakes in what was given, 2 it could not be read.`,
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newRun(), newReload(), newCtl(), newWizard(), newCheck(), newExplain(), newDiff(), newMigrate(), newDoctor(), newStatus(), newService(), newVersion())
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
			fmt.Fprintln(cmd.OutOrStdout(), "nephoscope "+versionText())
		},
	}
}

// versionText names version, commit and platform.
func versionText() string {
	text := version
	if c := commit(); c != "" {
		text += " " + c
	}
	return fmt.Sprintf("%s (%s; %s; %s)", text, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// commit is what the binary was built from; "" if it does not know.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return s.Value[:12]
			}
		}
	}
	return ""
}
