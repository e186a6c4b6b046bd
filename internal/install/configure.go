package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
)

const validating = "Start configuration validation..."

// configure is fetch-config, append-config and remove-config: everything is read and checked first, and only then is
// anything written.
func (c *Control) configure(ctx context.Context, o Options) error {
	s, err := parseSource(o.Source)
	switch {
	case err != nil:
		return err
	case s.kind == "all" && o.Action != "remove-config":
		c.warn("ignore cwa configuration \"all\" as it is only supported by action \"remove-config\"")
		return nil
	}
	var own config.Document
	if o.Action != "remove-config" {
		if own, err = c.read(ctx, s, c.modeOf(o)); err != nil {
			return err
		}
		c.say(validating)
		if err := c.readsWell(o, own); err != nil {
			return err
		}
	}
	done, err := c.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	return c.store(ctx, o, s, own)
}

// readsWell tells mistakes of a source by itself, before any folder is made. What is appended to others need not be complete.
func (c *Control) readsWell(o Options, d config.Document) error {
	if strings.TrimSpace(d.Text) == "" {
		return fmt.Errorf("fetch configuration: %s is empty; nothing was written", d.Name)
	}
	if _, err := os.Stat(c.Layout.Configs()); err == nil && o.Action == "append-config" {
		return nil
	}
	_, err := c.examine([]config.Document{d})
	return err
}

// store brings the store to what is wanted of it, and the agent too if that is asked for. The caller has its turn.
func (c *Control) store(ctx context.Context, o Options, s source, own config.Document) error {
	if o.Action == "fetch-config" || s.kind == "all" {
		if err := c.removeDeadLinks(); err != nil {
			return err
		}
	}
	documents, others, err := c.Layout.stored()
	if err != nil {
		return err
	}
	old, _ := config.LoadDocuments(documents)
	path := filepath.Join(c.Layout.Configs(), c.storedName(s))
	same := func(d config.Document) bool { return d.Name == path }
	var plan changes
	var wanted []config.Document
	var gone []string
	switch {
	case o.Action == "remove-config" && s.kind == "all":
		gone = append(namesOf(documents), others...)
	case o.Action == "remove-config":
		wanted, gone = slices.DeleteFunc(slices.Clone(documents), same), []string{path}
		if !slices.ContainsFunc(documents, same) {
			c.warn("nothing is stored as %s; stored are: %s", filepath.Base(path), c.listed(documents))
		}
	case o.Action == "append-config":
		wanted = append(slices.DeleteFunc(slices.Clone(documents), same), own)
	default:
		wanted = []config.Document{own}
		gone = slices.DeleteFunc(append(namesOf(documents), others...), func(name string) bool {
			return name == path || s.kind == "file" && c.isStored(s.name) && filepath.Base(name) == filepath.Base(s.name)
		})
		if legacy := c.Layout.Legacy(); s.name != legacy { // the original would go on reading it beside what is fetched
			gone = append(gone, legacy)
		}
	}
	slices.SortFunc(wanted, func(a, b config.Document) int { return strings.Compare(nameIn(a, own, path), nameIn(b, own, path)) })
	for _, name := range gone {
		err = errors.Join(err, plan.plan(name, nil))
	}
	if o.Action != "remove-config" {
		err = errors.Join(err, plan.plan(path, []byte(own.Text)), c.planMode(&plan, o.Mode))
	}
	if err != nil {
		return err
	}
	if len(wanted) == 0 {
		return c.finish(ctx, o, plan, old, &config.Config{})
	}
	if o.Action == "remove-config" {
		c.say(validating)
	}
	next, err := c.examine(wanted)
	if err != nil {
		return err
	}
	c.say("Configuration validation first phase succeeded\nConfiguration validation second phase succeeded\nConfiguration validation succeeded")
	return c.finish(ctx, o, plan, old, next)
}

// finish writes, and then speaks to the agent. From here on an interrupt waits until what is on disk is whole.
func (c *Control) finish(ctx context.Context, o Options, plan changes, old, next *config.Config) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	group := c.groupFor(next)
	if err := plan.commit(group); err != nil {
		return err
	}
	if err := c.share(group); err != nil {
		c.warn("warning: %v", err)
	}
	c.report.Changed = c.report.Changed || len(plan) > 0
	for _, change := range plan {
		switch {
		case change.path == c.Layout.Environment():
			c.say("The mode is stored in %s", change.path)
		case change.after != nil:
			c.say("Stored as %s", change.path)
		}
	}
	names, err := c.Layout.Stored()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		c.say("all amazon-cloudwatch-agent configurations have been removed")
		if o.Restart {
			return c.stop(ctx) // the original would start again, with its default configuration
		}
		return nil
	}
	if !o.Restart {
		return nil
	}
	restart := ""
	switch {
	case cmp.Or(old.Agent.RunAsUser, "root") != cmp.Or(next.Agent.RunAsUser, "root"):
		restart = "agent.run_as_user"
	case plan.touches(c.Layout.Environment()):
		restart = "the mode"
	}
	if err := c.takeUp(ctx, plan, group, restart); err != nil {
		return err
	}
	c.tellOtherMode(ctx, o.Mode)
	return nil
}

// examine merges documents and tells their warnings; the error is every mistake.
func (c *Control) examine(documents []config.Document) (*config.Config, error) {
	merged, err := config.LoadDocuments(documents)
	problems, err := c.Check(merged, err)
	if err != nil {
		return nil, err
	}
	var mistakes config.Problems
	for _, p := range problems {
		if !p.Warning {
			mistakes = append(mistakes, p)
		}
	}
	if c.report.Problems = problems; len(mistakes) > 0 {
		return nil, fmt.Errorf("%w\nConfiguration validation failed; nothing was written", mistakes)
	}
	return merged, nil
}

// tellWarnings says once what is suspicious about what was examined.
func (c *Control) tellWarnings() {
	for _, p := range c.report.Problems {
		if p.Warning {
			c.warn("warning: %s", p.Error())
		}
	}
}

// groupFor is the group that has to be able to read the store.
func (c *Control) groupFor(next *config.Config) int {
	user := next.Agent.RunAsUser
	if user == "" || os.Geteuid() != 0 {
		return durable.NoGroup
	}
	group, known := c.Layout.groupOf(user)
	isRoot := user == "root" || user == "0" // who is there without a list of users
	if _, err := os.Stat(c.Layout.under("/etc/passwd")); err == nil && !known && !isRoot {
		at := next.At("agent.run_as_user")
		c.report.Problems = append(c.report.Problems, config.Suspicion(at, fmt.Sprintf("there is no user %q in %s", user, c.Layout.under("/etc/passwd")), CreateUser(user)))
	}
	return group
}

// share gives all of the store to the group, also what was stored when the agent had another user.
func (c *Control) share(group int) error {
	documents, _, err := c.Layout.stored()
	for _, name := range append(namesOf(documents), c.Layout.Environment()) {
		if failed := durable.Share(name, group); failed != nil && !errors.Is(failed, os.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

func (c *Control) listed(documents []config.Document) string {
	if len(documents) == 0 {
		return "none"
	}
	var names []string
	for _, d := range documents {
		names = append(names, filepath.Base(d.Name))
	}
	return strings.Join(names, ", ")
}

func namesOf(documents []config.Document) (names []string) {
	for _, d := range documents {
		names = append(names, d.Name)
	}
	return names
}

// nameIn is where a document stands in the store, which is the order in which run reads them.
func nameIn(d, own config.Document, path string) string {
	if d.Name == own.Name {
		return path
	}
	return d.Name
}
