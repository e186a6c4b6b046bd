// Package durable is the only code that writes state to disk: what it has returned from survives kill -9 and power loss.
// State is readable by its owner alone.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// MakeDir creates a state folder and those above it, and makes its name durable.
func MakeDir(dir string) error {
	_, missing := os.Lstat(dir)
	err := os.MkdirAll(dir, dirMode)
	if err == nil && errors.Is(missing, fs.ErrNotExist) {
		err = keepPrivate(dir)
	}
	if err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	return syncDir(filepath.Dir(dir))
}

// WriteFile puts data into a file, whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder.
func WriteFile(path string, data []byte) error {
	return write(path, data, func(f *os.File) error { return f.Chmod(fileMode) })
}

func write(path string, data []byte, permit func(*os.File) error) (err error) {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".tmp-")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", filepath.Base(path), err)
			_ = temp.Close()
			_ = os.Remove(temp.Name())
		}
	}()
	if err = permit(temp); err != nil {
		return err
	}
	if _, err = temp.Write(data); err != nil {
		return err
	}
	if err = temp.Sync(); err != nil {
		return err
	}
	if err = temp.Close(); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// Remove deletes a file. That it is gone already is no error. The removal itself may be undone by a power loss: what was
// acknowledged may then be seen again, never the other way round.
func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", filepath.Base(path), err)
	}
	return nil
}

// RemoveStray deletes the temporary files that a crash left in a folder.
func RemoveStray(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("remove stray files: %w", err)
	}
	for _, f := range files {
		if stray, _ := filepath.Match(".*.tmp-*", f.Name()); stray {
			err = errors.Join(err, Remove(filepath.Join(dir, f.Name())))
		}
	}
	return err
}
