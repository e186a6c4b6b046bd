package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/migrate"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/spf13/cobra"
)

// undone is what the way back to the original comes to.
type undone struct {
	OK        bool               `json:"ok"`
	Applied   bool               `json:"applied"`
	Agent     string             `json:"agent,omitempty"` // stopped, or runs and would be
	Positions []migrate.Position `json:"positions"`
	Removed   string             `json:"removed,omitempty"` // the copy of the legacy configuration that was stored, or would be removed
	Mistakes  []config.Problem   `json:"mistakes,omitempty"`
	Notes     []string           `json:"notes,omitempty"`
	Next      []string           `json:"next"`
}

// undo is the way back to the original: it is told how far each log file was read here.
func (m *migration) undo(cmd *cobra.Command, path string) error {
	for _, f := range []string{"from", "output", "force"} {
		if cmd.Flags().Changed(f) || path != "" {
			return &exitError{exitUnread, errors.New("migrate: --undo goes back to the Amazon CloudWatch agent, and takes neither --from, --output, --force nor a path")}
		}
	}
	r := undone{Applied: m.apply, Positions: []migrate.Position{}}
	err := m.wayBack(contextOf(cmd), &r)
	if m.asJSON {
		_ = output.JSON(cmd.OutOrStdout(), r)
	} else if err == nil {
		r.print(cmd.OutOrStdout())
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &exitError{exitUnread, fmt.Errorf("migrate: %w (run it with sudo)", err)}
	case err != nil:
		return &exitError{exitUnread, fmt.Errorf("migrate: %w", err)}
	case !r.OK:
		return &exitError{status: exitMistakes}
	}
	return nil
}

func (m *migration) wayBack(ctx context.Context, r *undone) error {
	m.lookForOurselves(ctx)
	o, err := migrate.FindOriginal(m.layout)
	if err != nil {
		return err
	}
	var c *config.Config
	if files := o.Configurations(); len(files) > 0 {
		loaded, err := config.Load(files...)
		problems, err := problemsOf(loaded, err)
		if err != nil {
			return err
		}
		if r.Mistakes = onlyMistakes(problems); len(r.Mistakes) > 0 {
			return nil // nobody can say which files are followed
		}
		c = loaded
	}
	if err := m.stopOurselves(ctx, r); err != nil {
		return err
	}
	positions, err := migrate.Positions(m.layout, m.layout.State(), c)
	if err != nil {
		return err
	}
	r.Positions = append(r.Positions, positions...)
	r.Removed = migrate.LegacyCopy(m.layout)
	if m.apply {
		if err := migrate.Tell(m.layout, positions); err != nil {
			return err
		}
		if r.Removed != "" {
			if err := durable.RemoveForGood(r.Removed); err != nil {
				return err
			}
		}
	}
	r.OK = true
	m.undoNext(r)
	return nil
}

// stopOurselves stops the agent, or says that it would be. The original is left alone: it may have taken the service back.
func (m *migration) stopOurselves(ctx context.Context, r *undone) error {
	state := m.layout.State()
	switch {
	case !durable.Locked(state):
		return nil
	case !m.apply:
		r.Agent = "runs"
		return nil
	case !m.ours:
		return fmt.Errorf("an agent that the service has not started is using %s (stop it, and run this again)", state)
	}
	ctl := controlOf(install.Options{Root: m.layout.Root})
	ctl.Out, ctl.Err = io.Discard, io.Discard
	if err := ctl.Do(ctx, install.Options{Action: "stop"}); err != nil {
		return err
	}
	if durable.Locked(state) {
		return fmt.Errorf("the agent has been stopped, and another one is using %s (stop it, and run this again)", state)
	}
	r.Agent = "stopped"
	return nil
}

// undoNext says how the original comes back.
func (m *migration) undoNext(r *undone) {
	const start = "sudo amazon-cloudwatch-agent-ctl -a start"
	if !m.apply && r.isWork() {
		line := "sudo nephoscope migrate --undo"
		if m.layout.Root != "" {
			line += " --root " + install.ShellWord(m.layout.Root)
		}
		r.Next = append(r.Next, line+" --apply")
	}
	switch {
	case isThere(filepath.Join(m.layout.Home(), "bin.original")): // see packaging/scripts/preinst
		r.Next = append(r.Next, "sudo dpkg -r nephoscope    # puts back the programs of the original that were there", start)
	case m.ours && isThere(filepath.Join("/", m.layout.Root, "usr/bin/dpkg")):
		r.Next = append(r.Next, "sudo dpkg -r nephoscope    # not -P: state, configuration and logs stay", "sudo dpkg --force-confold -i amazon-cloudwatch-agent.deb    # the original's package", start)
	case m.ours:
		r.Next = append(r.Next, "sudo rpm -e nephoscope    # state, configuration and logs stay; an edited common-config.toml is renamed to common-config.toml.rpmsave", "sudo rpm -U amazon-cloudwatch-agent.rpm    # the original's package", start)
	default:
		r.Next = append(r.Next, start)
	}
	if generated := filepath.Join(m.layout.Etc(), "amazon-cloudwatch-agent.toml"); !isThere(generated) {
		r.Notes = append(r.Notes, "the original has never run with these configurations: its start would replace them by its default one. "+
			"Have it fetch yours first: amazon-cloudwatch-agent-ctl -a fetch-config -c file:PATH, from a copy of "+m.layout.Configs())
	}
}

// isWork tells whether there is anything to do.
func (r *undone) isWork() bool { return r.changed() > 0 || r.Removed != "" || r.Agent != "" }

func (r *undone) changed() (n int) {
	for _, p := range r.Positions {
		if p.Changed {
			n++
		}
	}
	return n
}

func (r *undone) print(w io.Writer) {
	fmt.Fprintln(w, "Back to the Amazon CloudWatch agent")
	if len(r.Mistakes) > 0 {
		heading(w, "Mistakes: which log files are followed is not known before they are gone")
		list(w, r.Mistakes)
		heading(w, "Nothing was changed")
		return
	}
	switch {
	case r.Agent == "stopped":
		heading(w, "The agent has been stopped")
	case r.Agent != "":
		heading(w, "The agent runs, and would be stopped. What it is to send until then moves these positions on")
	}
	if len(r.Positions) > 0 {
		heading(w, "Where the original goes on")
		for _, p := range r.Positions {
			fmt.Fprintln(w, "  "+output.Printable(positionLine(p)))
			for _, left := range p.Left {
				fmt.Fprintln(w, "    "+output.Printable(leftLine(left)))
			}
		}
	}
	if r.Removed != "" {
		heading(w, "Stored twice, as the original reads it in its old place as well")
		fmt.Fprintln(w, "  "+r.Removed)
	}
	if len(r.Notes) > 0 {
		heading(w, "To know")
		for _, n := range r.Notes {
			fmt.Fprintln(w, "  "+n)
		}
	}
	switch {
	case !r.isWork():
		heading(w, "Nothing to do: the original knows all this already")
	case !r.Applied:
		heading(w, "Nothing was changed. With --apply the agent is stopped, and the positions are written for the original")
	default:
		heading(w, fmt.Sprintf("Positions written: %d. Checkpoints, configurations and logs of this agent stay as they are", r.changed()))
	}
	heading(w, "To run")
	for _, line := range r.Next {
		fmt.Fprintln(w, "  "+line)
	}
}

func positionLine(p migrate.Position) string {
	if p.Problem != "" {
		return fmt.Sprintf("%s: stays as it is: %s", p.Path, p.Problem)
	}
	return fmt.Sprintf("%s: at byte %d; %d bytes are unread", p.Path, p.Offset, p.Unread)
}

func leftLine(l migrate.Left) string {
	if l.Path == "" {
		return "a file that was rotated away before it was read to its end is not found; the original does not look for it"
	}
	return fmt.Sprintf("%s was rotated away with %d bytes unread, and the original does not look there (let this agent catch up first)", l.Path, l.Bytes)
}
