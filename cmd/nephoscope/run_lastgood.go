package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/internal/durable"
)

// lastGood is where in the state folder the files are kept of a configuration that came up. They are one file, so that they
// belong together after a crash as well.
const lastGood = "last-good/sources.json"

// keepLastGood keeps what has come up.
func keepLastGood(stateDir string, s sources) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("keep configuration: %w", err)
	}
	path := filepath.Join(stateDir, lastGood)
	info, _ := os.Lstat(path) // nil: none is kept
	if kept, err := os.ReadFile(path); err == nil && info != nil && bytes.Equal(kept, raw) && ownerOf(info) == os.Geteuid() {
		return nil
	}
	if err := errors.Join(durable.MakeDir(filepath.Dir(path)), durable.RemoveStray(filepath.Dir(path))); err != nil {
		return fmt.Errorf("keep configuration: %w", err)
	}
	if err := durable.WriteFile(path, raw); err != nil {
		return fmt.Errorf("keep configuration: %w", err)
	}
	return nil
}

// kept is a configuration that came up in an earlier run.
type kept struct {
	sources
	when  time.Time
	owner int // of the file
}

// recall reads what was kept of the configuration that the same paths hold. errors.Is(err, fs.ErrNotExist) if there is none.
func recall(stateDir string, paths []string) (kept, error) {
	var k kept
	err := k.read(stateDir)
	if err == nil && !slices.Equal(k.Paths, paths) {
		err = fmt.Errorf("what was kept is of other files: %w", fs.ErrNotExist)
	}
	if err != nil {
		return kept{}, fmt.Errorf("recall the last good configuration: %w", err)
	}
	return k, nil
}

// read follows no link out of the state folder, which may be another user's than the one who reads.
func (k *kept) read(stateDir string) error {
	root, err := os.OpenRoot(stateDir)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Lstat(lastGood)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a file")
	}
	f, err := root.Open(lastGood)
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	k.when, k.owner = info.ModTime(), ownerOf(info)
	return json.Unmarshal(raw, &k.sources)
}
