package tailer

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// gzip compresses a rotated file as logrotate does: the plain one goes, the time of its last change stays.
func (a *tail) gzip(name string) {
	a.Helper()
	raw, err := os.ReadFile(a.at(name))
	a.must(err)
	info, err := os.Stat(a.at(name))
	a.must(err)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err = w.Write(raw)
	a.must(err)
	a.must(w.Close())
	a.must(os.WriteFile(a.at(name+".gz"), z.Bytes(), 0o600))
	a.must(os.Chtimes(a.at(name+".gz"), time.Time{}, info.ModTime()))
	a.must(os.Remove(a.at(name)))
}

func TestCopytruncateWithTheCopyCompressedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write("unread\n")
		a.copytruncate("access.log.1")
		a.gzip("access.log.1")
		a.write("b\n")
		a.deliver()
		a.want("a", "unread", "b")
	})
}

func TestRotatedAndCompressedWhileStopped(t *testing.T) {
	f := func(rotate func(*tail)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			a.write("a\n")
			a.start()
			a.deliver()
			a.stop()
			a.write(strings.Repeat("unread\n", 50_000))
			rotate(a)
			a.gzip("access.log.1")
			a.write("b\n")
			a.start()
			a.deliver()
			if n := len(a.got); n != 50_002 || a.got[n-1] != "b" || a.got[n-2] != "unread" {
				t.Errorf("%d lines arrived", n)
			}
			a.deliver()
			a.stop()
			a.start()
			a.deliver()
			if len(a.got) != 50_002 {
				t.Errorf("%d lines after another start", len(a.got))
			}
		})
	}
	f(func(a *tail) { a.copytruncate("access.log.1") })
	f(func(a *tail) { a.rename("access.log", "access.log.1") })
}

func TestCompressedFileThatIsStillBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.stop()
		a.write(strings.Repeat("unread, and random enough: "+time.Now().String()+"\n", 3000))
		a.rename("access.log", "access.log.1")
		a.gzip("access.log.1")
		a.write("b\n")
		whole, err := os.ReadFile(a.at("access.log.1.gz"))
		a.must(err)
		info, err := os.Stat(a.at("access.log.1.gz"))
		a.must(err)
		a.must(os.Truncate(a.at("access.log.1.gz"), int64(len(whole)-20)))
		a.must(os.Chtimes(a.at("access.log.1.gz"), time.Time{}, info.ModTime()))
		a.start()
		go func() {
			time.Sleep(7 * time.Second)
			f, err := os.OpenFile(a.at("access.log.1.gz"), os.O_WRONLY, 0)
			a.must(err)
			_, err = f.WriteAt(whole, 0)
			a.must(err)
			a.must(f.Close())
		}()
		a.deliver()
		if n := len(a.got); n != 3002 || a.got[n-1] != "b" {
			t.Errorf("%d lines arrived, the last is %q", n, a.got[n-1])
		}
	})
}

func TestTruncationWithoutACopyIsCountedAsLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.write(strings.Repeat("unread\n", 1000))
		a.source.keepUp() // the service is down, and nothing is read
		a.must(os.Truncate(a.path(), 0))
		a.write("b\n")
		a.deliver()
		a.want("a", "b")
		if lost := a.source.ledger.Lost.Truncated; lost != 7000 {
			t.Errorf("%d bytes counted as lost", lost)
		}
	})
}

func TestCompressedFileThatIsBrokenIsGivenUpAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\n")
		a.start()
		a.deliver()
		a.stop()
		a.write("unread\n")
		a.rename("access.log", "access.log.1")
		a.gzip("access.log.1")
		a.write("b\n")
		whole, err := os.ReadFile(a.at("access.log.1.gz"))
		a.must(err)
		a.must(os.Truncate(a.at("access.log.1.gz"), int64(len(whole)-8))) // the checksum is missing
		a.start()
		a.deliver()
		if got := a.got[len(a.got)-1]; got != "b" || a.source.ledger.Lost.Unreadable == 0 {
			t.Errorf("got %q, %d bytes counted as lost", a.got, a.source.ledger.Lost.Unreadable)
		}
	})
}
