package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/migrate"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/spf13/cobra"
)

// migration is the command and its flags.
type migration struct {
	layout install.Layout
	from   string
	output string
	apply  bool
	force  bool
	back   bool
	asJSON bool

	running, ours bool // Nephoscope on this host: it runs, the unit starts it
}

func newMigrate() *cobra.Command {
	var m migration
	cmd := &cobra.Command{
		Use:   "migrate [--from AGENT] [PATH] | migrate --undo",
		Short: "Say what becomes of another agent's configuration here, and take it over",
		Long: `Migrate reads what another agent on this host was told, and prints what carries on here: under which metric names,
log groups and streams, what means something else, what cannot be taken over and why, and which checkpoints are adopted.
It changes nothing without --apply.

  original     the Amazon CloudWatch agent: its configurations are read as they are, so there is nothing to convert
  awslogs      the older CloudWatch Logs agent: awslogs.conf, and config/*.conf beside it
  fluent-bit   Fluent Bit, in its own form or in YAML: log files that go to cloudwatch_logs
  telegraf     Telegraf: telegraf.conf, and telegraf.d/*.conf beside it: what goes to cloudwatch and cloudwatch_logs

Without --from and PATH it reports on every one of them that is installed. With --apply the result is stored in the
original's folder of configurations, which run reads, or in --output. What is there already and holds something else is
replaced only with --force, and kept. Running it twice changes nothing. No other agent is stopped or changed.

--undo is the way back to the Amazon CloudWatch agent: with --apply it stops this one, and writes for each log file how far it
was read where the original looks for that. Checkpoints, configurations and logs of this agent stay, so that you can come again.

Exit status: 0 fine, 1 mistakes in what was read or something else in the place of the result, 2 nothing was found, it could
not be read or written, or the command line is wrong.`,
		Example: `  nephoscope migrate
  nephoscope migrate --from awslogs /etc/awslogs/awslogs.conf --apply
  nephoscope migrate --from telegraf --output /tmp/config.json --apply
  nephoscope migrate --undo`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			m.layout = layoutOf(cmd)
			path := slices.Concat(paths, []string{""})[0]
			if m.back {
				return m.undo(cmd, path)
			}
			return m.run(cmd, path)
		},
	}
	addRoot(cmd)
	cmd.Flags().StringVar(&m.from, "from", "", "the `agent` to come from: "+strings.Join(migrate.Agents(), ", "))
	cmd.Flags().StringVar(&m.output, "output", "", "`file` to write the result to (default: into the folder of configurations)")
	cmd.Flags().BoolVar(&m.apply, "apply", false, "store the result; without it nothing is changed")
	cmd.Flags().BoolVar(&m.force, "force", false, "replace a file that holds something else, after a copy has been kept")
	cmd.Flags().BoolVar(&m.back, "undo", false, "go back to the Amazon CloudWatch agent: have it go on where this one stopped")
	cmd.Flags().BoolVar(&m.asJSON, "json", false, "print one JSON document: {\"ok\": …, \"agents\": […]}, with --undo \"positions\"")
	return cmd
}

// report is what migrate has to say of one agent.
type report struct {
	From        string               `json:"from"`
	Files       []string             `json:"files"`
	Carried     []migrate.Carried    `json:"carried,omitempty"`     // what carries on, before and here
	Notes       []config.Problem     `json:"notes"`                 // what differs or is not taken over
	Mistakes    []config.Problem     `json:"mistakes,omitempty"`    // for which it could not be read
	Differences []config.Problem     `json:"differences,omitempty"` // from the original, on purpose
	Checkpoints []migrate.Checkpoint `json:"checkpoints,omitempty"`
	Config      json.RawMessage      `json:"config,omitempty"` // the result, if something had to be converted
	Target      string               `json:"target,omitempty"` // where it is stored, or would be
	Changed     bool                 `json:"changed"`          // it was, and was not there before
	Backup      string               `json:"backup,omitempty"` // what was there before
	Same        bool                 `json:"same"`             // it holds just that already
	Refused     string               `json:"refused,omitempty"`
	Next        []string             `json:"next"` // what to run
	source      string               // of what is stored as it is: the file it comes from
}

func (m *migration) run(cmd *cobra.Command, path string) error {
	m.lookForOurselves(contextOf(cmd))
	agents, err := m.agents(path)
	if err != nil {
		return err
	}
	var reports []*report
	var failed error
	status := exitFine
	for _, a := range agents {
		r, err := m.report(a)
		if err == nil && m.apply {
			err = m.store(r)
		}
		if err != nil {
			status, failed = exitUnread, errors.Join(failed, err)
		}
		if r == nil {
			continue
		}
		if (len(r.Mistakes) > 0 || r.Refused != "") && status == exitFine {
			status = exitMistakes
		}
		reports = append(reports, r)
	}
	if m.asJSON {
		_ = output.JSON(cmd.OutOrStdout(), struct {
			OK      bool      `json:"ok"`
			Applied bool      `json:"applied"`
			Agents  []*report `json:"agents"`
		}{status == exitFine, m.apply, append([]*report{}, reports...)})
	} else {
		for i, r := range reports {
			if i > 0 {
				fmt.Fprintln(cmd.OutOrStdout())
			}
			r.print(cmd.OutOrStdout(), m.apply)
		}
	}
	if status == exitFine {
		return nil
	}
	return &exitError{status, failed}
}

// agents are those to report on: the one that was named, or all that are installed.
func (m *migration) agents(path string) ([]migrate.Found, error) {
	wrong := func(format string, args ...any) error {
		return &exitError{exitUnread, fmt.Errorf("migrate: "+format, args...)}
	}
	if m.from != "" && !slices.Contains(migrate.Agents(), m.from) {
		return nil, wrong("there is no way from %q (%s)", m.from, strings.TrimSpace(config.Suggestion(m.from, migrate.Agents())+" it is one of "+strings.Join(migrate.Agents(), ", ")))
	}
	if path != "" {
		if m.from == "" {
			m.from = migrate.Guess(path)
		}
		if m.from == "" {
			return nil, wrong("%s does not say whose configuration it is (add --from %s)", path, strings.Join(migrate.Agents(), ", --from "))
		}
		return []migrate.Found{{From: m.from, Path: path}}, nil
	}
	all, err := migrate.Installed(m.layout)
	if err != nil {
		return nil, &exitError{exitUnread, err}
	}
	if m.from != "" {
		all = slices.DeleteFunc(all, func(f migrate.Found) bool { return f.From != m.from })
	}
	switch {
	case len(all) == 0 && m.from != "":
		return nil, wrong("no configuration of %s was found (name it: nephoscope migrate --from %s PATH)", m.from, m.from)
	case len(all) == 0:
		return nil, wrong("no configuration of another agent was found (name one: nephoscope migrate --from %s PATH)", strings.Join(migrate.Agents(), "|"))
	case m.output != "" && len(all) > 1:
		return nil, wrong("--output names one file, and several agents are installed (choose one with --from)")
	}
	return all, nil
}

func (m *migration) report(a migrate.Found) (*report, error) {
	if a.From == migrate.FromOriginal {
		return m.original(a.Path)
	}
	imported, err := migrate.Import(a.From, a.Path)
	r := &report{From: a.From, Files: imported.Files, Notes: append([]config.Problem{}, imported.Notes...), Carried: imported.Carried}
	if mistakes, ok := errors.AsType[config.Problems](err); ok {
		r.Mistakes = mistakes
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if imported.IsEmpty() {
		r.Next = []string{"# nothing could be taken over: write a configuration with nephoscope wizard"}
		return r, nil
	}
	r.Config, r.Target = imported.JSON(), m.output
	if r.Target == "" {
		r.Target = migrate.Target(m.layout, a.From)
	}
	// What it can be built into is known to the agent alone, and it has to go together with what is stored beside it.
	together, err := m.together(r.Target, r.Config)
	if err != nil {
		return nil, err
	}
	problems, err := problemsOf(config.LoadDocuments(together))
	if err != nil {
		return nil, err
	}
	r.Mistakes = onlyMistakes(problems)
	r.Next = m.importedNext(a, r.Target)
	return r, nil
}

// together is a configuration and those that are stored beside it.
func (m *migration) together(target string, content []byte) (all []config.Document, err error) {
	if beside := m.beside(target); len(beside) > 0 {
		if all, _, err = config.ReadDocuments(beside...); err != nil {
			return nil, err
		}
	}
	return append(all, config.Document{Name: target, Text: string(content)}), nil
}

// beside are the configurations that run would merge with the result.
func (m *migration) beside(target string) (all []string) {
	if m.output != "" {
		return nil
	}
	o, err := migrate.FindOriginal(m.layout)
	if err != nil {
		return nil // it is stored alone, then
	}
	return slices.DeleteFunc(o.Stored, func(path string) bool { return path == target })
}

// store puts the result where it belongs.
func (m *migration) store(r *report) error {
	if r.Target == "" || len(r.Mistakes) > 0 {
		return nil
	}
	content := []byte(r.Config)
	if r.source != "" {
		var err error
		if content, err = os.ReadFile(r.source); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	next := r.Next
	r.Next = nil // until it is there
	changed, backup, err := migrate.Store(m.layout, r.Target, content, m.force)
	if errors.Is(err, migrate.ErrDiffers) {
		r.Refused = r.Target + " is there and holds something else (--force replaces it and keeps a copy)"
		return nil
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("migrate: %w (run it with sudo, or name a file of your own with --output)", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("migrate: %w (make the folder, or name another file with --output)", err)
	case err != nil:
		return fmt.Errorf("migrate: %w", err)
	}
	r.Changed, r.Backup, r.Same, r.Next = changed, backup, !changed, next
	return nil
}
