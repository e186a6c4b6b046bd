package tailer

import (
	"math"

	"golang.org/x/sys/unix"
)

// Not in golang.org/x/sys/unix; from the sources of OpenZFS (include/sys/fs/zfs.h) and Linux (fs/bcachefs/bcachefs_format.h).
const (
	zfsMagic      = 0x2fc12fc1
	bcachefsMagic = 0xca451a4e
)

// announces tells whether the kernel announces whatever happens in a folder. It does where nobody but this kernel writes: not
// on what a server or a program of its own holds (NFS, CIFS, 9p, FUSE), and not always on the layers of an overlay.
func announces(folder string) bool {
	var fs unix.Statfs_t
	for {
		if err := unix.Statfs(folder, &fs); err == nil {
			break
		} else if err != unix.EINTR {
			return false
		}
	}
	switch int64(fs.Type) & math.MaxUint32 { // 32-bit systems have it signed
	case unix.EXT4_SUPER_MAGIC, // and ext2, ext3
		unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.F2FS_SUPER_MAGIC, zfsMagic, bcachefsMagic:
		return true
	}
	return false
}
