package tailer

import (
	"os"

	"golang.org/x/sys/windows"
)

const openFlags = 0

func identify(f *os.File, _ os.FileInfo) identity {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return identity{}
	}
	return identity{uint64(info.VolumeSerialNumber), uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow), info.CreationTime.Nanoseconds()}
}

// deleted is never known: an open file keeps its name.
func deleted(os.FileInfo) bool { return false }

// mayBe does not know before a file is open.
func mayBe(os.FileInfo, identity) bool { return true }
