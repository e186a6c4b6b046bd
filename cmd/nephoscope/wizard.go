package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/nephoscope/nephoscope/wizard"
	"github.com/spf13/cobra"
)

type wizardFlags struct {
	answers        string
	yes, resume    bool
	output         string
	asJSON         bool
	linux, windows bool
	xray           bool
	tracesOnly     bool
	importFrom     string
	outputPath     string
	store          bool
	name, region   string
}

func newWizard() *cobra.Command {
	var f wizardFlags
	cmd := &cobra.Command{
		Use:     "wizard",
		Aliases: []string{"config-wizard"},
		Short:   "Ask what to collect, and write the configuration: amazon-cloudwatch-agent-config-wizard",
		Long: `Wizard asks what to collect and writes the config.json that does it, with the questions, numbers and defaults of the
original's wizard. Answer with a number or with its word; ? explains a question, b goes back.

The answers may be typed, come from a pipe, or from a file. When they end, all questions that are left take their defaults;
nothing is sent to AWS and nothing is started unless that was answered. What there was before is kept in etc/backup-configs.
An interview that is cut off leaves its answers beside the configuration; --resume goes on with them.

The original's options may be written with one dash or two.

Exit status: 0 written, 1 an answer does not fit, it was cut off, or something did not work, 2 something could not be read, or
the command line is wrong.`,
		Example: `  sudo nephoscope wizard
  printf '%s\n' 1 1 2 2 2 1 2 1 2 4 2 1 2 2 2 2 2 | sudo nephoscope wizard
  nephoscope wizard --yes --output config.json
  nephoscope wizard --answers answers.json --output config.json --json`,
		Args:               cobra.ArbitraryArgs,
		DisableFlagParsing: true, // the original's options have one dash
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cmd.DisableFlagParsing = false
		if err := cmd.ParseFlags(twoDashes(args)); err != nil {
			return &exitError{exitUnread, fmt.Errorf("%w (see nephoscope wizard --help)", err)}
		}
		if help, _ := cmd.Flags().GetBool("help"); help {
			return cmd.Help()
		}
		if cmd.Flags().NArg() > 0 {
			return &exitError{exitUnread, fmt.Errorf("wizard takes no arguments, not %q (answers go to standard input, or to a file with --answers)", cmd.Flags().Arg(0))}
		}
		return f.run(cmd)
	}
	flags := cmd.Flags()
	flags.StringVar(&f.answers, "answers", "", "take the answers from `file`: one a line, or a JSON object by question (docs/wizard.md)")
	flags.BoolVar(&f.yes, "yes", false, "ask nothing: take all defaults")
	flags.BoolVar(&f.resume, "resume", false, "go on with the answers that an interview which was cut off has left")
	flags.StringVar(&f.output, "output", "", "write `file` (default bin/config.json of the installation)")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON document about the result; the questions go to standard error")
	flags.BoolVar(&f.linux, "isNonInteractiveLinuxMigration", false, "ask nothing: write what awslogs.conf amounts to")
	flags.BoolVar(&f.windows, "isNonInteractiveWindowsMigration", false, "(the file of the older Windows agent is not read by this version)")
	flags.BoolVar(&f.tracesOnly, "tracesOnly", false, "ask about traces alone")
	flags.BoolVar(&f.xray, "nonInteractiveXrayMigration", false, "take over the X-Ray daemon's configuration as it is")
	flags.StringVar(&f.importFrom, "configFilePath", "", "`file` of the older agent to take over (default /var/awslogs/etc/awslogs.conf)")
	flags.StringVar(&f.outputPath, "configOutputPath", "", "the same as --output `file`")
	flags.BoolVar(&f.store, "useParameterStore", false, "store the result in Parameter Store if that question is not answered")
	flags.StringVar(&f.name, "parameterStoreName", "", "`name` of the parameter (default AmazonCloudWatch- and the system)")
	flags.StringVar(&f.region, "parameterStoreRegion", "", "`region` of the parameter (default the host's)")
	addRoot(cmd)
	return cmd
}

// twoDashes writes options with one dash, as Go programs take them, with two.
func twoDashes(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if a == "--" {
			copy(out[i:], args[i:])
			break
		}
		if out[i] = a; len(a) > 2 && a[0] == '-' && a[1] != '-' {
			out[i] = "-" + a
		}
	}
	return out
}

func (f *wizardFlags) run(cmd *cobra.Command) error {
	o, err := f.options(cmd)
	if err != nil {
		return &exitError{exitUnread, err}
	}
	hold := wizard.Run
	if f.linux {
		hold = wizard.Migrate
	}
	result, err := interruptible(o, hold)
	if err != nil {
		return &exitError{wizardStatus(err), err}
	}
	if f.asJSON {
		if err := output.JSON(cmd.OutOrStdout(), result); err != nil {
			return &exitError{exitMistakes, err}
		}
	}
	if len(result.Failures) > 0 || !result.Valid() {
		return &exitError{status: exitMistakes}
	}
	return nil
}

// wizardStatus tells what could not be read from what went wrong.
func wizardStatus(err error) int {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return exitUnread
	}
	return exitMistakes
}

// interruptible lets Ctrl-C end the interview. Its answers are on disk by then; a terminal that hid a secret shows what is
// typed again.
func interruptible(o wizard.Options, hold func(context.Context, wizard.Options) (wizard.Result, error)) (wizard.Result, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, onTerminal := consoleOf(os.Stdin)
	o.Echo = !onTerminal || o.In != os.Stdin
	if !o.Echo {
		o.Hide = func() (show func()) {
			c.hide()
			return c.restore
		}
	}
	type outcome struct {
		result wizard.Result
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		result, err := hold(ctx, o)
		ended <- outcome{result, err}
	}()
	select {
	case e := <-ended:
		return e.result, e.err
	case <-ctx.Done():
		if onTerminal {
			c.restore()
			fmt.Fprintln(o.Out) // the cursor is behind ^C
		}
		return wizard.Result{}, wizard.CutOff(o)
	}
}

func (f *wizardFlags) options(cmd *cobra.Command) (wizard.Options, error) {
	layout := layoutOf(cmd)
	o := wizard.Options{
		In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), Layout: layout, Output: f.output, Yes: f.yes, Resume: f.resume,
		TracesOnly: f.tracesOnly, XRayUnchanged: f.xray, Import: f.importFrom,
		StoreWanted: f.store, StoreName: f.name, StoreRegion: f.region,
	}
	switch {
	case f.windows:
		return o, errors.New("isNonInteractiveWindowsMigration: the file of the older Windows agent is not read by this version (answer the questions instead: nephoscope wizard)")
	case f.output != "" && f.outputPath != "" && f.output != f.outputPath:
		return o, errors.New("--output and --configOutputPath name two files (give one of them)")
	case f.resume && (f.yes || f.answers != "" || f.linux):
		return o, errors.New("--resume goes on with questions; --yes, --answers and --isNonInteractiveLinuxMigration ask none")
	case f.yes && f.answers != "":
		return o, errors.New("--yes and --answers exclude each other (what --answers leaves open takes its default anyway)")
	}
	if o.Output == "" {
		o.Output = f.outputPath
	}
	if f.asJSON {
		o.Out = cmd.ErrOrStderr()
	}
	if f.tracesOnly && f.xray {
		o.Yes = true
	}
	if err := f.readAnswers(&o); err != nil {
		return o, err
	}
	host, err := wizardHost(layout)
	o.Host = host
	return o, err
}

// readAnswers takes answers from a file, in one of its two forms.
func (f *wizardFlags) readAnswers(o *wizard.Options) error {
	if f.answers == "" {
		return nil
	}
	raw, err := os.ReadFile(f.answers)
	if err != nil {
		return fmt.Errorf("read answers: %w", err)
	}
	text := strings.TrimPrefix(string(raw), "\ufeff")
	o.Exact = true
	if o.In = strings.NewReader(text); strings.HasPrefix(strings.TrimSpace(text), "{") {
		o.Answers, err = wizard.ParseAnswers([]byte(text))
	}
	return err
}
