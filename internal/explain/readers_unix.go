//go:build unix

package explain

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
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

// runner is the user that the agent is to run as.
type runner struct {
	name, uid string // uid "": nobody to ask about
	groups    []string
	entered   map[string]string // by folder: why it may not be entered
}

// runnerNamed finds run_as_user. root, and whom nobody knows here, is not asked about.
func runnerNamed(name string) *runner {
	r := &runner{name: name, entered: map[string]string{}}
	if u, err := user.Lookup(name); name != "" && err == nil && u.Uid != "0" {
		r.uid = u.Uid
		r.groups, _ = u.GroupIds()
	}
	return r
}

// mayNot says why the user may not read a file, by the modes of it and of the folders above; "": it may. Access lists are not
// looked at.
func (r *runner) mayNot(path string, info os.FileInfo) string {
	if r.uid == "" || info == nil {
		return ""
	}
	if !r.has(4, info) {
		return fmt.Sprintf("run_as_user %s may not read it: %s", r.name, readers(info))
	}
	return r.mayNotEnter(filepath.Dir(path))
}

func (r *runner) mayNotEnter(dir string) (why string) {
	why, known := r.entered[dir]
	if known {
		return why
	}
	if above := filepath.Dir(dir); above != dir {
		why = r.mayNotEnter(above)
	}
	if info, err := os.Stat(dir); why == "" && err == nil && !r.has(1, info) {
		why = fmt.Sprintf("run_as_user %s may not enter %s: %s", r.name, dir, readers(info))
	}
	r.entered[dir] = why
	return why
}

// has tells whether a file's mode gives the user one of its three bits.
func (r *runner) has(bit os.FileMode, info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return true
	case strconv.Itoa(int(st.Uid)) == r.uid:
		return info.Mode().Perm()&(bit<<6) != 0
	case slices.Contains(r.groups, strconv.Itoa(int(st.Gid))):
		return info.Mode().Perm()&(bit<<3) != 0
	}
	return info.Mode().Perm()&bit != 0
}
