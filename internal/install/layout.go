// Package install is the agent as it lies on a host: the folder tree of the original, the configurations stored in it, and
// what the control command does with them.
package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Layout is an installation under a root folder; the zero value is this machine's. Paths are the original's
// (docs/switching.md), but State, which is ours.
type Layout struct{ Root string }

func (l Layout) under(path string) string {
	root := "/"
	if l.Root != "" {
		root, _ = filepath.Abs(l.Root) // else nobody knows in which folder we are, and nothing will be found under ""
	}
	return filepath.Join(root, path)
}

// Home is the original's folder.
func (l Layout) Home() string { return l.under("opt/aws/amazon-cloudwatch-agent") }

// Bin holds the commands, and config.json as the wizard writes it.
func (l Layout) Bin() string { return filepath.Join(l.Home(), "bin") }

// WizardConfig is where the wizard writes to.
func (l Layout) WizardConfig() string { return filepath.Join(l.Bin(), "config.json") }

// Etc holds what was configured.
func (l Layout) Etc() string { return filepath.Join(l.Home(), "etc") }

// Configs holds the configurations that were fetched and appended; run reads all of them.
func (l Layout) Configs() string { return filepath.Join(l.Etc(), "amazon-cloudwatch-agent.d") }

// Legacy is where the original kept its one configuration before it could have several. It still reads it.
func (l Layout) Legacy() string { return filepath.Join(l.Etc(), "amazon-cloudwatch-agent.json") }

// Common is common-config.toml: credentials, proxies, certificates.
func (l Layout) Common() string { return filepath.Join(l.Etc(), "common-config.toml") }

// Environment is env-config.json: variables for the agent, its log level among them.
func (l Layout) Environment() string { return filepath.Join(l.Etc(), "env-config.json") }

// Backups holds what the wizard has replaced.
func (l Layout) Backups() string { return filepath.Join(l.Etc(), "backup-configs") }

// Logs holds the agent's own log when it runs as the service, and the original's log and checkpoints.
func (l Layout) Logs() string { return filepath.Join(l.Home(), "logs") }

// Log is the agent's own log when it runs as the service and agent.logfile names no other.
func (l Layout) Log() string { return filepath.Join(l.Logs(), "amazon-cloudwatch-agent.log") }

// OriginalState holds the original's checkpoints.
func (l Layout) OriginalState() string { return filepath.Join(l.Logs(), "state") }

// State is the agent's own: checkpoints, spool, control socket.
func (l Layout) State() string { return l.under("var/lib/nephoscope") }

// ReadRegular reads a file of an installation. What may never end, such as a named pipe, is refused at once.
func ReadRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no regular file (put one in its place, or remove it)")}
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
