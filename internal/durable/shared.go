package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const sharedMode fs.FileMode = 0o640

// NoGroup leaves the group as it is.
const NoGroup = -1

// WriteShared is WriteFile for a file that a group (a gid, or NoGroup) may read too.
func WriteShared(path string, data []byte, group int) error {
	return write(path, data, func(f *os.File) error {
		if group != NoGroup {
			if err := f.Chown(-1, group); err != nil {
				return err
			}
		}
		return f.Chmod(sharedMode) // last: a change of owner may take rights away
	})
}

// RemoveForGood is Remove of what no power loss is to bring back.
func RemoveForGood(path string) error {
	if err := Remove(path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Share gives a file that is there the rights that WriteShared gives a new one. What is right already is not touched, nor is
// what a link leads to.
func Share(path string, group int) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("share %s: %w", filepath.Base(path), err)
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	if group != NoGroup && !inGroup(info, group) {
		err = os.Chown(path, -1, group)
	}
	if info.Mode().Perm() != sharedMode {
		err = errors.Join(err, os.Chmod(path, sharedMode))
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", filepath.Base(path), err)
	}
	return nil
}
