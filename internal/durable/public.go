package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	publicDirMode fs.FileMode = 0o755
	publicMode    fs.FileMode = 0o644
)

// WritePublic is WriteFile for a file that everybody may read: what a user makes, and the agent reads as another user.
func WritePublic(path string, data []byte) error {
	return write(path, data, func(f *os.File) error { return f.Chmod(publicMode) })
}

// MakePublicDir creates a folder that everybody may look into, and those above it, and makes its name durable. What is there
// stays as it is.
func MakePublicDir(dir string) error {
	var missing []string
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, at)
	}
	err := os.MkdirAll(dir, publicDirMode)
	for _, made := range missing {
		if err == nil {
			err = os.Chmod(made, publicDirMode) // whatever the umask is
		}
	}
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	return syncDir(filepath.Dir(dir))
}
