package tailer

import (
	"syscall"
	"testing"
)

func TestPipeInPlaceOfAFileIsNotOpened(t *testing.T) {
	a := newTail(t)
	a.must(syscall.Mkfifo(a.path(), 0o600))
	watch, err := syscall.InotifyInit1(syscall.IN_NONBLOCK)
	a.must(err)
	defer syscall.Close(watch)
	_, err = syscall.InotifyAddWatch(watch, a.path(), syscall.IN_OPEN)
	a.must(err)
	a.start()
	a.deliver()
	if n, _ := syscall.Read(watch, make([]byte, 4096)); n > 0 {
		t.Error("the pipe was opened")
	}
}
