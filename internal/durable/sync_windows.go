package durable

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// noFollow is nothing here: making a link takes rights that no other user has.
const noFollow = 0

// syncDir has nothing to do: NTFS journals its names.
func syncDir(string) error { return nil }

// keepPrivate keeps others than the system, its administrators and the owner out of a new folder and of what will be in it:
// Go knows no modes here, and below ProgramData everybody may read.
func keepPrivate(dir string) error {
	const ours = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)" // learn.microsoft.com/windows/win32/secauthz/ace-strings
	descriptor, err := windows.SecurityDescriptorFromString(ours)
	if err != nil {
		return err
	}
	list, _, err := descriptor.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}

// tryLock fails if another process has locked the file. The lock is gone when the process is, however it ends.
func tryLock(f *os.File) error {
	const whole = 1
	flags := uint32(windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY)
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, whole, 0, new(windows.Overlapped))
}

// inGroup has nothing to ask: rights are the folder's.
func inGroup(fs.FileInfo, int) bool { return true }
