//go:build unix

package tailer

import (
	"io/fs"
	"os"
	"syscall"
	"testing"
)

// owned is what a stat of a file says of its owner.
type owned struct {
	fs.FileInfo
	uid  uint32
	mode fs.FileMode
}

func (o owned) Name() string      { return "state" }
func (o owned) Mode() fs.FileMode { return o.mode }
func (o owned) Sys() any          { return &syscall.Stat_t{Uid: o.uid} }

func TestStateIsTrustedByItsOwner(t *testing.T) {
	us := uint32(os.Geteuid())
	f := func(folder, file owned, want bool) {
		t.Helper()
		if err := trusted(folder, file); (err == nil) != want {
			t.Errorf("folder of %d, file of %d, %v: %v", folder.uid, file.uid, file.mode, err)
		}
	}
	f(owned{uid: 0, mode: 0o755}, owned{uid: 0, mode: 0o644}, true)
	f(owned{uid: 0, mode: 0o755}, owned{uid: us, mode: 0o644}, true)
	f(owned{uid: us + 7, mode: 0o755}, owned{uid: us + 7, mode: 0o644}, true) // run_as_user
	f(owned{uid: 0, mode: 0o755}, owned{uid: us + 7, mode: 0o644}, false)
	f(owned{uid: us + 7, mode: 0o755}, owned{uid: us + 8, mode: 0o644}, false)
	f(owned{uid: 0, mode: 0o777 | fs.ModeSticky}, owned{uid: 0, mode: 0o644}, false)
	f(owned{uid: 0, mode: 0o755}, owned{uid: 0, mode: 0o664}, false)
}
