package doctor

import (
	"io/fs"
	"reflect"
	"testing"

	"github.com/nephoscope/nephoscope/internal/install"
)

func TestWayToAFileEndsWhereItIsBlocked(t *testing.T) {
	t.Parallel()
	d := disk{
		"/": folder(0, 0, 0o755), "/var": folder(0, 0, 0o755), "/var/log": folder(0, 0, 0o755), "/var/log/open.log": file(0, 0, 0o644),
		"/var/log/app": folder(0, 4, 0o750), "/var/log/app/a.log": file(0, 4, 0o640), "/var/log/link": {Mode: fs.ModeSymlink | 0o777, Target: "app/a.log"},
		"/var/log/loop": {Mode: fs.ModeSymlink | 0o777, Target: "/var/log/loop"}, "/home": {Mode: fs.ModeSymlink | 0o777, Target: "/var/log"},
		"/var/log/mine.log": file(990, 0, 0o200),
	}
	nobody, adm := Who{UID: 990, GIDs: []int{990}}, Who{UID: 990, GIDs: []int{990, 4}}
	f := func(who Who, path, blockedAt string, want uint16) {
		t.Helper()
		b := reach(d.node, who, path, mayRead)
		if blockedAt == "" {
			if b != nil {
				t.Errorf("%s: blocked at %+v", path, b)
			}
			return
		}
		if b == nil || b.path != blockedAt || b.want != want {
			t.Errorf("%s: got %+v, want %s", path, b, blockedAt)
		}
	}
	f(nobody, "/var/log/open.log", "", 0)
	f(nobody, "/home/open.log", "", 0)
	f(nobody, "/var/log/app/a.log", "/var/log/app", mayEnter)
	f(nobody, "/var/log/link", "/var/log/app", mayEnter)
	f(nobody, "/home/app/a.log", "/var/log/app", mayEnter)
	f(adm, "/home/app/a.log", "", 0)
	f(adm, "/var/log/mine.log", "/var/log/mine.log", mayRead) // its owner is judged as owner, whatever others may
	f(Who{UID: 990, ReadsAll: true}, "/var/log/app/a.log", "", 0)
	if b := reach(d.node, nobody, "/var/log/loop", mayRead); b == nil || b.err == nil {
		t.Errorf("a link to itself: got %+v", b)
	}
	if b := reach(d.node, Who{UID: 990, ReadsAll: true}, "/var/log", mayWrite); b == nil {
		t.Error("who reads everything may not write everything")
	}
}

func TestPathIsQuotedForAShell(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(install.ShellWord("/var/log/a.log"), "/var/log/a.log")
	f(install.ShellWord("/a b"), "'/a b'")
	f(install.ShellWord("/a'$(x)"), `'/a'\''$(x)'`)
	f(install.ShellWord(""), "''")
}

// FuzzACL: whatever the attribute holds, it is read or refused; and what is read is written the same.
func FuzzACL(f *testing.F) {
	f.Add(ACL{{aclOwner, 6, 0}, {aclUser, 4, 990}, {aclGroup, 4, 0}, {aclGroups, 5, 4}, {aclMask, 4, 0}, {aclOther, 0, 0}}.bytes())
	f.Add([]byte{2, 0, 0, 0})
	f.Add([]byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := parseACL(raw)
		if err != nil {
			return
		}
		if again, err := parseACL(a.bytes()); err != nil || !reflect.DeepEqual(a, again) || string(a.bytes()) != string(raw) {
			t.Errorf("%x came back as %x, %v", raw, a.bytes(), err)
		}
		a.allows(Who{UID: 990, GIDs: []int{4}}, 4, mayRead)
	})
}
