//go:build unix

package explain

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// readers says who may read a file or a folder, as far as its mode tells.
func readers(info os.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "mode " + info.Mode().Perm().String()
	}
	owner, group := strconv.Itoa(int(st.Uid)), strconv.Itoa(int(st.Gid))
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	who := owner
	if owner != "root" {
		who = "root and " + owner
	}
	switch mode := info.Mode().Perm(); {
	case mode&0o004 != 0:
		who = "everybody, if a folder above it lets them in"
	case mode&0o040 != 0:
		who += fmt.Sprintf(" and the group %s", group)
	}
	return fmt.Sprintf("mode %04o, for %s", info.Mode().Perm(), who)
}
