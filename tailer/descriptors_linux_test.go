package tailer

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"
)

// withoutDescriptors does something while the process may open nothing more.
func withoutDescriptors(t *testing.T, do func()) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	none := was
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
	}()
	do()
}

func TestFileThatCannotBeOpenedForAMomentWhenItWakesIsNotReadFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.holding = NewHolding(0, 1<<30)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.write("c\n")
		withoutDescriptors(t, a.source.keepUp)
		a.deliver()
		a.want("a", "b", "c")
	})
}

func TestFileThatCannotBeOpenedForAMomentAtTheStartIsNotReadFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.stop()
		a.write("c\n")
		withoutDescriptors(t, a.start)
		a.deliver()
		a.want("a", "b", "c")
	})
}

func TestFolderThatIsMountedAfterTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.stop()
		a.must(os.Rename(a.dir, a.dir+".later"))
		a.start()
		a.deliver()
		a.must(os.Rename(a.dir+".later", a.dir))
		a.write("c\n")
		a.deliver()
		a.want("a", "b", "c")
	})
}

func TestThousandsOfFilesAreNotOpenAllAtOnceAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGlob(t, "*.log", everyMatch)
		for i := range 300 {
			g.writeTo(fmt.Sprint(i, ".log"), "a\nb\n")
		}
		g.start()
		g.stop()
		g.holding = NewHolding(10, 1<<30)
		before := openFiles(t)
		g.start0()
		if n := openFiles(t) - before; n > 100 {
			t.Errorf("%d files are open of which nothing is to be read", n)
		}
	})
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestRotatedFileThatCannotBeOpenedForAMomentIsReadLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t)
		a.write("a\nb\n")
		a.start()
		a.deliver()
		a.must(os.Remove(a.path()))
		a.source.keepUp()
		a.write("c\nd\n")
		a.must(os.Rename(a.path(), a.at("access.log.1")))
		withoutDescriptors(t, func() {
			for range 5 {
				a.source.keepUp()
			}
		})
		a.deliver() // no name has come or gone in the folder since
		a.want("a", "b", "c", "d")
	})
}
