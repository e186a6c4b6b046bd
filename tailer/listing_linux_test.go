package tailer

import (
	"syscall"
	"testing"
)

func TestListingSaysWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	a := newTail(t)
	a.must(syscall.Mkfifo(a.path(), 0o600)) // nobody, not even root, reads it as a file
	a.expect(Options{}, []string{"access.log → g:s beginning unreadable"}, nil)
}
