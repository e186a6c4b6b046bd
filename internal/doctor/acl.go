package doctor

import (
	"encoding/binary"
	"errors"
	"slices"
)

// ACL is a POSIX access control list, as the kernel keeps it in the attribute system.posix_acl_access.
type ACL []aclEntry

type aclEntry struct {
	tag  uint16
	perm uint16
	id   uint32
}

// What an entry is for: linux/posix_acl.h.
const (
	aclOwner  = 0x01
	aclUser   = 0x02
	aclGroup  = 0x04 // the file's own
	aclGroups = 0x08 // a named one
	aclMask   = 0x10
	aclOther  = 0x20
)

const (
	aclVersion   = 2 // POSIX_ACL_XATTR_VERSION
	aclHeader    = 4
	aclEntrySize = 8
)

var errBadACL = errors.New("read ACL: it is not one")

// parseACL reads the attribute: a version, then entries of tag, permissions and id, all little-endian
// (linux/posix_acl_xattr.h).
func parseACL(raw []byte) (ACL, error) {
	if len(raw) < aclHeader || (len(raw)-aclHeader)%aclEntrySize != 0 || binary.LittleEndian.Uint32(raw) != aclVersion {
		return nil, errBadACL
	}
	a := ACL{}
	for rest := raw[aclHeader:]; len(rest) > 0; rest = rest[aclEntrySize:] {
		e := aclEntry{binary.LittleEndian.Uint16(rest), binary.LittleEndian.Uint16(rest[2:]), binary.LittleEndian.Uint32(rest[4:])}
		if !slices.Contains([]uint16{aclOwner, aclUser, aclGroup, aclGroups, aclMask, aclOther}, e.tag) || e.perm > mayRead|mayWrite|mayEnter {
			return nil, errBadACL
		}
		a = append(a, e)
	}
	return a, nil
}

// bytes is the attribute again.
func (a ACL) bytes() []byte {
	raw := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range a {
		raw = binary.LittleEndian.AppendUint16(raw, e.tag)
		raw = binary.LittleEndian.AppendUint16(raw, e.perm)
		raw = binary.LittleEndian.AppendUint32(raw, e.id)
	}
	return raw
}

// allows decides for somebody who does not own the file: a named user's entry, else any of the groups' entries that allows
// it all, else nothing if there was a group, else what others may.
func (a ACL) allows(who Who, fileGroup int, want uint16) (ok, masked bool) {
	mask := uint16(mayRead | mayWrite | mayEnter)
	var other uint16
	for _, e := range a {
		switch e.tag {
		case aclMask:
			mask = e.perm
		case aclOther:
			other = e.perm
		}
	}
	under := func(perm uint16) (ok, masked bool) {
		ok = perm&mask&want == want
		return ok, !ok && perm&want == want
	}
	for _, e := range a {
		if e.tag == aclUser && int64(e.id) == int64(who.UID) {
			return under(e.perm)
		}
	}
	member := false
	for _, e := range a {
		if !(e.tag == aclGroup && slices.Contains(who.GIDs, fileGroup) || e.tag == aclGroups && slices.Contains(who.GIDs, int(e.id))) {
			continue
		}
		member = true
		granted, cut := under(e.perm)
		if granted {
			return true, false
		}
		masked = masked || cut
	}
	if member {
		return false, masked
	}
	return other&want == want, false
}
