package migrate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/internal/install"
)

// The agents that there is a way from.
const (
	FromOriginal  = "original"
	FromAwsLogs   = "awslogs"
	FromFluentBit = "fluent-bit"
	FromTelegraf  = "telegraf"
)

// Agents are their names, in the order in which they are looked for.
func Agents() []string { return []string{FromOriginal, FromAwsLogs, FromFluentBit, FromTelegraf} }

// Found is an agent that is installed, and its configuration; the original has several, and no path.
type Found struct {
	From string
	Path string
}

// Installed looks for the agents of a host: which of their configurations are there.
func Installed(l install.Layout) (all []Found, err error) {
	o, err := FindOriginal(l)
	if err != nil {
		return nil, err
	}
	o.Stored = slices.DeleteFunc(o.Stored, func(path string) bool { return isOurs(l, path) })
	if !o.IsEmpty() {
		all = append(all, Found{From: FromOriginal})
	}
	for _, agent := range []struct {
		from  string
		paths []string // the first that is there counts
	}{
		{FromAwsLogs, []string{"etc/awslogs/awslogs.conf", "var/awslogs/etc/awslogs.conf"}},
		{FromFluentBit, []string{"etc/fluent-bit/fluent-bit.yaml", "etc/fluent-bit/fluent-bit.yml", "etc/fluent-bit/fluent-bit.conf", "etc/td-agent-bit/td-agent-bit.conf"}},
		{FromTelegraf, []string{"etc/telegraf/telegraf.conf"}},
	} {
		for _, path := range agent.paths {
			path = filepath.Join("/", l.Root, path)
			if isFile(path) {
				all = append(all, Found{agent.from, path})
				break
			}
		}
	}
	return all, nil
}

// isOurs tells whether a stored configuration is one that was imported.
func isOurs(l install.Layout, path string) bool {
	return slices.ContainsFunc(Agents(), func(from string) bool { return path == Target(l, from) })
}

// Guess tells by its name whose configuration a file is; "" if it does not say.
func Guess(path string) string {
	name := strings.ToLower(filepath.Base(path))
	switch {
	case strings.Contains(name, "awslogs"):
		return FromAwsLogs
	case strings.Contains(name, "fluent"), strings.Contains(name, "td-agent"):
		return FromFluentBit
	case strings.Contains(name, "telegraf"):
		return FromTelegraf
	case filepath.Ext(name) == ".json", strings.HasPrefix(name, "amazon-cloudwatch-agent"):
		return FromOriginal
	}
	return ""
}

// Import reads the configuration of an agent other than the original.
func Import(from, path string) (Imported, error) {
	switch from {
	case FromAwsLogs:
		return AwsLogs(path)
	case FromFluentBit:
		return FluentBit(path)
	case FromTelegraf:
		return Telegraf(path)
	}
	return Imported{}, fmt.Errorf("import: there is nothing to convert from %q: %w", from, errors.ErrUnsupported)
}

// Original is what the original agent was told, as it lies on the host.
type Original struct {
	Stored      []string // in the folder of configurations: fetched and appended
	Waiting     []string // *.tmp there: fetched, and not stored because they were not valid
	Legacy      string   // etc/amazon-cloudwatch-agent.json; "": not there, as for the following
	Wizard      string   // bin/config.json
	Common      string   // common-config.toml
	Environment string   // env-config.json
	States      string   // the folder of its checkpoints
}

// FindOriginal looks for it. What is not there is no error.
func FindOriginal(l install.Layout) (Original, error) {
	o := Original{Legacy: l.Legacy(), Wizard: l.WizardConfig(), Common: l.Common(), Environment: l.Environment(), States: l.OriginalState()}
	for _, path := range []*string{&o.Legacy, &o.Wizard, &o.Common, &o.Environment} {
		if !isFile(*path) {
			*path = ""
		}
	}
	if about, err := os.Stat(o.States); err != nil || !about.IsDir() {
		o.States = ""
	}
	entries, err := os.ReadDir(l.Configs())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Original{}, fmt.Errorf("look for the configurations of the original agent: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(l.Configs(), e.Name())
		switch ext := filepath.Ext(path); {
		case strings.HasPrefix(e.Name(), "."), ext == ".yaml", ext == ".yml", !isFile(path):
		case ext == ".tmp":
			o.Waiting = append(o.Waiting, path)
		default:
			o.Stored = append(o.Stored, path)
		}
	}
	return o, nil
}

// IsEmpty tells whether there is no configuration of the original's, of whatever kind.
func (o Original) IsEmpty() bool {
	return len(o.Stored) == 0 && len(o.Waiting) == 0 && o.Legacy == "" && o.Wizard == ""
}

// Configurations are those that the original itself would read: all that are stored, and the legacy one. If it has none, those
// that it could be given: what waits, or what the wizard has written.
func (o Original) Configurations() []string {
	all := o.Stored
	if o.Legacy != "" {
		all = append([]string{o.Legacy}, all...)
	}
	switch {
	case len(all) > 0:
		return all
	case len(o.Waiting) > 0:
		return o.Waiting
	case o.Wizard != "":
		return []string{o.Wizard}
	}
	return nil
}

func isFile(path string) bool {
	about, err := os.Stat(path)
	return err == nil && about.Mode().IsRegular()
}
