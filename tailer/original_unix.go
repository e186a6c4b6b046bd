//go:build unix

package tailer

import (
	"fmt"
	"os"
	"syscall"
)

// trusted tells whether a state file was written by someone who may decide what is sent: root, ourselves, or whom the folder
// belongs to, which is the user that the original runs as.
func trusted(folder, file os.FileInfo) error {
	for _, info := range []os.FileInfo{folder, file} {
		if info.Mode()&0o022 != 0 {
			return fmt.Errorf("%s may be written by others than its owner", info.Name())
		}
	}
	uid, of := file.Sys().(*syscall.Stat_t).Uid, folder.Sys().(*syscall.Stat_t).Uid
	if uid != 0 && int(uid) != os.Geteuid() && uid != of {
		return fmt.Errorf("it belongs to user %d, not to the agent's", uid)
	}
	return nil
}
