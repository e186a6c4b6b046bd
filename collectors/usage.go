package collectors

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shirou/gopsutil/v3/disk"
)

// capturedUsage is an entry of a captured machine's statfs.json, by mount point: the fields of statfs(2).
type capturedUsage struct {
	BSize, Blocks, BFree, BAvail, Files, FFree uint64
}

// usageReader asks the system call, or what was captured in its place.
func usageReader(h Host) func(path string) (*diskUsage, error) {
	if h.Root == "" {
		return disk.Usage
	}
	return func(path string) (*diskUsage, error) {
		text, err := os.ReadFile(filepath.Join(h.Root, "statfs.json"))
		if err != nil {
			return nil, fmt.Errorf("read captured usage: %w", err)
		}
		return parseCapturedUsage(text, path)
	}
}

func parseCapturedUsage(text []byte, path string) (*diskUsage, error) {
	var captured map[string]capturedUsage
	if err := json.Unmarshal(text, &captured); err != nil {
		return nil, fmt.Errorf("read captured usage: %w", err)
	}
	s, ok := captured[path]
	if !ok {
		return nil, fmt.Errorf("captured usage of %s: %w", path, fs.ErrNotExist)
	}
	return &diskUsage{
		Path: path, Total: s.Blocks * s.BSize, Free: s.BAvail * s.BSize, Used: (s.Blocks - s.BFree) * s.BSize,
		InodesTotal: s.Files, InodesFree: s.FFree,
	}, nil
}
