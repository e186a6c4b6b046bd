package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/migrate"
)

// lookForOurselves finds out whether Nephoscope runs on this host, and whether what the original's unit starts is this program.
func (m *migration) lookForOurselves(ctx context.Context) {
	for _, state := range []string{m.layout.State(), stateOf(m.layout)} {
		_, err := statusOf(ctx, state)
		m.running = m.running || err == nil || errors.Is(err, fs.ErrPermission) // the folder is there, and root's
	}
	started := filepath.Join(m.layout.Bin(), agentName)
	there, err := os.Stat(started)
	if err != nil {
		m.ours = m.running // nothing of the original is installed
		return
	}
	self, err := os.Stat(thisProgram())
	real, _ := filepath.EvalSymlinks(started)
	m.ours = err == nil && os.SameFile(there, self) || filepath.Base(real) == "nephoscope"
}

// importedNext says what to run after an agent other than the original.
func (m *migration) importedNext(a migrate.Found, target string) (next []string) {
	check := "nephoscope check " + install.ShellWord(target)
	run := "sudo nephoscope run --config " + install.ShellWord(m.layout.Configs())
	if m.output == "" {
		check = "sudo " + check // who may read the store
	} else {
		run = "sudo nephoscope run --config " + install.ShellWord(target)
	}
	if m.running || m.ours || m.output != "" && m.stores() {
		run = m.control("append-config", target)
	}
	if !m.apply {
		next = []string{m.again(a.From, a.Path)}
	}
	return append(next, check, stopping(a)+"    # or both will send", run)
}

// stores tells whether any configuration is stored, beside which another agent with the result alone would be a second one.
func (m *migration) stores() bool {
	names, err := m.layout.Stored()
	return err != nil || len(names) > 0
}

// control is the command that has a configuration taken up, by an agent that runs as well.
func (m *migration) control(action, path string) string {
	line := "sudo nephoscope ctl"
	switch {
	case m.layout.Root != "":
		line += " --root " + install.ShellWord(m.layout.Root)
	case m.ours:
		line = "sudo " + control(m.layout)
	}
	return line + " -a " + action + " -c file:" + install.ShellWord(absolute(path)) + " -s"
}

// absolute is a path from anywhere.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

// stopping is how an agent is stopped for good.
func stopping(a migrate.Found) string {
	switch {
	case a.From == migrate.FromTelegraf:
		return "sudo systemctl disable --now telegraf"
	case a.From == migrate.FromFluentBit && strings.Contains(a.Path, "td-agent-bit"):
		return "sudo systemctl disable --now td-agent-bit"
	case a.From == migrate.FromFluentBit:
		return "sudo systemctl disable --now fluent-bit"
	case strings.Contains(a.Path, "/var/awslogs/"): // as its own installer has it; a package has a unit
		return "sudo service awslogs stop"
	}
	return "sudo systemctl disable --now awslogsd"
}

// again is the command line that stores the result.
func (m *migration) again(from, path string) string {
	line := "nephoscope migrate --from " + from
	if m.output == "" {
		line = "sudo " + line
	}
	for _, f := range [][2]string{{" --root ", m.layout.Root}, {" --output ", m.output}, {" ", path}} {
		if f[1] != "" {
			line += f[0] + install.ShellWord(f[1])
		}
	}
	return line + " --apply"
}
