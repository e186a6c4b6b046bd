//go:build unix

package install

import (
	"io/fs"
	"syscall"
)

func groupID(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Gid) }
