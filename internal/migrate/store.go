package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/internal/install"
)

// StoredName is the name under which the control command stores a configuration that came from a file: file_ and its base name,
// with / : and blanks as underscores. The folder is no part of it.
func StoredName(path string) string {
	return "file_" + strings.NewReplacer("/", "_", " ", "_", ":", "_").Replace(filepath.Base(path))
}

// Target is where what was imported from an agent is stored.
func Target(l install.Layout, from string) string {
	return filepath.Join(l.Configs(), StoredName(from+".json"))
}

// ErrDiffers says that something else is in the place of what is to be stored.
var ErrDiffers = errors.New("the file is there and holds something else")

// Store writes a configuration. A file that holds the same stays as it is: changed is false. One that holds something else is
// replaced only by force, and kept: backup is where.
func Store(l install.Layout, path string, content []byte, force bool) (changed bool, backup string, err error) {
	if about, err := os.Stat(path); err == nil && !about.Mode().IsRegular() {
		return false, "", fmt.Errorf("store %s: it is no regular file (name one with --output)", path)
	}
	before, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if filepath.Dir(path) == l.Configs() {
			err = durable.MakePublicDir(l.Configs())
		} else {
			err = nil
		}
	case err != nil:
	case bytes.Equal(before, content):
		return false, "", nil
	case !force:
		err = fmt.Errorf("store %s: %w", path, ErrDiffers)
	default:
		backup, err = keep(l, path, before)
	}
	if err != nil {
		return false, "", err
	}
	return true, backup, durable.WriteShared(path, content, durable.NoGroup)
}

// keep writes a copy that is not read as a configuration: beside the file, or where the wizard keeps what it replaces.
func keep(l install.Layout, path string, content []byte) (backup string, err error) {
	dir := filepath.Dir(path)
	if dir == l.Configs() {
		dir = l.Backups()
		if err := durable.MakePublicDir(dir); err != nil {
			return "", err
		}
	}
	for n := 0; ; n++ {
		backup = filepath.Join(dir, fmt.Sprintf("%s.before-%d", filepath.Base(path), n))
		if _, err := os.Lstat(backup); errors.Is(err, fs.ErrNotExist) {
			return backup, durable.WriteShared(backup, content, durable.NoGroup)
		} else if err != nil {
			return "", err
		}
	}
}
