package doctor

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Permissions as the kernel asks for them.
const (
	mayEnter = 1
	mayWrite = 2
	mayRead  = 4
)

// Who is a user, and what its processes may do beyond that.
type Who struct {
	Name      string
	UID       int
	GIDs      []int
	ReadsAll  bool // CAP_DAC_READ_SEARCH, or root's rights
	WritesAll bool // CAP_DAC_OVERRIDE, or root's rights
}

// Node is what a path is.
type Node struct {
	Mode     fs.FileMode
	UID, GID int
	Target   string // of a symbolic link, as it is written
	ACL      ACL    // nil: mode alone counts
	Size     int64
}

// allows decides as the kernel does (acl(5), "Access check algorithm"). masked is true where an ACL entry would allow it, and
// the ACL's mask takes it back.
func (n Node) allows(who Who, want uint16) (ok, masked bool) {
	if who.WritesAll || who.ReadsAll && want&mayWrite == 0 {
		return true, false
	}
	perm := uint16(n.Mode.Perm())
	if who.UID == n.UID {
		return perm>>6&want == want, false
	}
	if n.ACL != nil {
		ok, masked = n.ACL.allows(who, n.GID, want)
	}
	if n.ACL == nil || perm&0o070 == 0 { // the kernel asks an ACL whose mask is empty for nothing: fs/namei.c, acl_permission_check
		if ok = perm&want == want; slices.Contains(who.GIDs, n.GID) {
			ok = perm>>3&want == want
		}
	}
	return ok, masked && !ok
}

// String is what ls says of it.
func (n Node) String() string {
	text := n.Mode.String()
	if n.ACL != nil {
		text += "+"
	}
	return text
}

// block is what keeps somebody from a path.
type block struct {
	path   string // the component at which it ends
	node   Node
	want   uint16 // what is missing there
	masked bool
	err    error // it could not even be looked at
}

const maxLinks = 40 // as the kernel's

// reach walks the way to a path as who would, links included, and wants something at its end. nil: nothing blocks.
func reach(look func(string) (Node, error), who Who, path string, want uint16) *block {
	rest := names(path)
	at := "/"
	links := 0
	node, err := look(at)
	for {
		if err != nil {
			return &block{path: at, err: err}
		}
		if len(rest) == 0 {
			break
		}
		if ok, masked := node.allows(who, mayEnter); !ok {
			return &block{at, node, mayEnter, masked, nil}
		}
		next := filepath.Join(at, rest[0])
		below, err2 := look(next)
		if err2 == nil && below.Mode&fs.ModeSymlink != 0 {
			if links++; links > maxLinks {
				return &block{path: next, err: fmt.Errorf("more than %d symbolic links", maxLinks)}
			}
			target := below.Target
			if !filepath.IsAbs(target) {
				target = filepath.Join(at, target)
			}
			rest = append(names(target), rest[1:]...)
			at = "/"
			node, err = look(at)
			continue
		}
		at, node, err, rest = next, below, err2, rest[1:]
	}
	if ok, masked := node.allows(who, want); !ok {
		return &block{at, node, want, masked, nil}
	}
	return nil
}

func names(path string) (parts []string) {
	for part := range strings.SplitSeq(filepath.Clean(path), "/") {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// remembering looks at each path once: ten thousand files share their folders.
func remembering(look func(string) (Node, error)) func(string) (Node, error) {
	type seen struct {
		node Node
		err  error
	}
	known := map[string]seen{}
	return func(path string) (Node, error) {
		s, ok := known[path]
		if !ok {
			s.node, s.err = look(path)
			known[path] = s
		}
		return s.node, s.err
	}
}

// letters is a permission as setfacl writes it.
func letters(want uint16) (text string) {
	for i, l := range "rwx" {
		if want>>(2-i)&1 != 0 {
			text += string(l)
		}
	}
	return text
}

// verb is a permission as people say it.
func verb(want uint16, folder bool) string {
	switch {
	case want&mayWrite != 0:
		return "written to"
	case folder && want == mayEnter:
		return "entered"
	case folder:
		return "listed"
	}
	return "read"
}
