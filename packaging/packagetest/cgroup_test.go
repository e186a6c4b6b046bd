//go:build packages

package packagetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Two hosts in one control group would take each other's processes for their own. systemd tells processes by two hierarchies:
// its own, named one where there is still version 1, and that of version 2.
func joinGroup(name string, pid int) (leave func(), err error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	var made []string
	leave = func() {
		for _, dir := range made {
			removeGroup(dir)
		}
	}
	for line := range strings.Lines(string(own)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for _, base := range groupMounts(fields[1]) {
			if _, err := os.Stat(filepath.Join(base, "cgroup.procs")); err != nil {
				continue
			}
			dir := filepath.Join(base, fields[2], name)
			if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return leave, err
			}
			made = append(made, dir)
			if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
				return leave, err
			}
			break
		}
	}
	return leave, nil
}

func groupMounts(controllers string) []string {
	switch controllers {
	case "name=systemd":
		return []string{"/sys/fs/cgroup/systemd"}
	case "":
		return []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}
	}
	return nil
}

// removeGroup removes a control group and those in it, which must be empty of processes.
func removeGroup(dir string) {
	var all []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, path)
		}
		return nil
	})
	for _, path := range slices.Backward(all) {
		_ = os.Remove(path) // what is still busy stays
	}
}
