package durable

import (
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
	if about, err := os.Lstat(path); err == nil && !about.Mode().IsRegular() {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0) // it may have become a link meanwhile
	if err != nil {
		return fmt.Errorf("share %s: %w", filepath.Base(path), err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && group != NoGroup && !inGroup(info, group) {
		err = f.Chown(-1, group)
	}
	if err == nil && info.Mode().Perm() != sharedMode {
		err = f.Chmod(sharedMode)
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", filepath.Base(path), err)
	}
	return nil
}
