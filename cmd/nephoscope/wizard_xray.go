package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/nephoscope/nephoscope/wizard"
)

// xrayDaemons finds the X-Ray daemons that are running: processes by the name xray. Where there is no /proc, none is found.
func xrayDaemons() (all []wizard.Daemon) {
	names, _ := filepath.Glob("/proc/[0-9]*/comm") // the pattern is valid
	for _, name := range names {
		comm, err := os.ReadFile(name)
		if err != nil || strings.TrimSpace(string(comm)) != "xray" {
			continue // it has ended, or is another
		}
		raw, err := os.ReadFile(filepath.Join(filepath.Dir(name), "cmdline"))
		if args := strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00"); err == nil && args[0] != "" {
			folder, _ := os.Readlink(filepath.Join(filepath.Dir(name), "cwd"))
			all = append(all, wizard.Daemon{Args: args, Folder: folder})
		}
	}
	return all
}
