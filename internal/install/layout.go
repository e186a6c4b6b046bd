// Package install is the agent as it lies on a host: the folder tree of the original, the configurations stored in it, and
// what the control command does with them.
package install

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Layout is an installation under a root folder; the zero value is this machine's. Paths are the original's
// (docs/switching.md), but State, which is ours.
type Layout struct{ Root string }

// folders are where a system has what.
type folders struct{ bin, etc, configs, logs, state string }

// foldersOn are the folders on a system, as runtime.GOOS calls it. Windows says itself where its own are.
func foldersOn(system string, lookup func(name string) string) folders {
	if system == "windows" {
		data := cmp.Or(lookup("ProgramData"), `C:\ProgramData`)
		etc := data + `\Amazon\AmazonCloudWatchAgent`
		return folders{
			bin: cmp.Or(lookup("ProgramFiles"), `C:\Program Files`) + `\Amazon\AmazonCloudWatchAgent`,
			etc: etc, configs: etc + `\Configs`, logs: etc + `\Logs`, state: data + `\Nephoscope`,
		}
	}
	const home = "/opt/aws/amazon-cloudwatch-agent"
	return folders{bin: home + "/bin", etc: home + "/etc", configs: home + "/etc/amazon-cloudwatch-agent.d", logs: home + "/logs", state: "/var/lib/nephoscope"}
}

// hostFolders are where this system has what.
func hostFolders() folders { return foldersOn(runtime.GOOS, os.Getenv) }

// under is a whole path of the system as it is in this installation.
func (l Layout) under(path string) string {
	if l.Root == "" {
		return path
	}
	root, _ := filepath.Abs(l.Root) // else nobody knows in which folder we are, and nothing will be found under ""
	return filepath.Join(root, path[len(filepath.VolumeName(path)):])
}

// Home is the original's folder, in which all of these lie on systems other than Windows.
func (l Layout) Home() string { return filepath.Dir(l.Bin()) }

// Bin holds the commands, and config.json as the wizard writes it.
func (l Layout) Bin() string { return l.under(hostFolders().bin) }

// WizardConfig is where the wizard writes to.
func (l Layout) WizardConfig() string { return filepath.Join(l.Bin(), "config.json") }

// Etc holds what was configured.
func (l Layout) Etc() string { return l.under(hostFolders().etc) }

// Configs holds the configurations that were fetched and appended; run reads all of them.
func (l Layout) Configs() string { return l.under(hostFolders().configs) }

// Legacy is where the original kept its one configuration before it could have several. It still reads it.
func (l Layout) Legacy() string { return filepath.Join(l.Etc(), "amazon-cloudwatch-agent.json") }

// Common is common-config.toml: credentials, proxies, certificates.
func (l Layout) Common() string { return filepath.Join(l.Etc(), "common-config.toml") }

// Environment is env-config.json: variables for the agent, its log level among them.
func (l Layout) Environment() string { return filepath.Join(l.Etc(), "env-config.json") }

// Backups holds what the wizard has replaced.
func (l Layout) Backups() string { return filepath.Join(l.Etc(), "backup-configs") }

// Logs holds the agent's own log when it runs as the service, and the original's log and checkpoints.
func (l Layout) Logs() string { return l.under(hostFolders().logs) }

// Log is the agent's own log when it runs as the service and agent.logfile names no other.
func (l Layout) Log() string { return filepath.Join(l.Logs(), "amazon-cloudwatch-agent.log") }

// OriginalState holds the original's checkpoints.
func (l Layout) OriginalState() string { return filepath.Join(l.Logs(), "state") }

// State is the agent's own: checkpoints, spool, control socket.
func (l Layout) State() string { return l.under(hostFolders().state) }

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
