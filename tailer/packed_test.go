package tailer

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"
)

var packings = []string{".gz", ".zst", ".bz2"}

var unread = strings.Repeat("unread\n", 50_000)

// bzipped is what `bzip2 -1` makes of texts: the standard library only reads its format. The long one has four blocks.
var bzipped = map[string]string{
	"a\n":      "425a6831314159265359633ed6e2000000c100001020002000210082b177245385090633ed6e20",
	"unread\n": "425a68313141592653594131b2a900000341800010260112002000220c9b421804dc028bb9229c28482098d95480",
	unread: "425a68313141592653596057350200c346418000102601120020005086004d540d364a04e1281384a04f128130940984a04c25027cc50564994d65815cd4080" +
		"30d1906000040980448008001421801355034d9281384a04e12813c4a04c250261281309409f3141592653596057350200c34641800010260112002000508600" +
		"4d540d364a04e1281384a04f128130940984a04c25027cc50564994d64663ed91401871106000040980448008001421801355034d8409c0813810278204c0813" +
		"0204c0813e2ee48a70a120b58940b60",
}

// pack compresses texts, each into a member of its own.
func pack(t testing.TB, ext string, members ...string) []byte {
	t.Helper()
	var z bytes.Buffer
	for _, text := range members {
		var w io.WriteCloser
		switch ext {
		case ".gz":
			w = gzip.NewWriter(&z)
		case ".zst":
			w, _ = zstd.NewWriter(&z)
		case ".bz2":
			raw, err := hex.DecodeString(bzipped[text])
			if err != nil || len(raw) == 0 {
				t.Fatalf("no bzip2 of %.20q: %v", text, err)
			}
			z.Write(raw)
			continue
		}
		_, err := io.WriteString(w, text)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return z.Bytes()
}

// pack compresses a rotated file as logrotate does: the plain one goes, the time of its last change stays. A first line "a"
// becomes a member of its own.
func (a *tail) pack(name, ext string) {
	a.Helper()
	raw, err := os.ReadFile(a.at(name))
	a.must(err)
	info, err := os.Stat(a.at(name))
	a.must(err)
	rest := strings.TrimPrefix(string(raw), "a\n")
	members := []string{rest}
	if len(rest) < len(raw) {
		members = []string{"a\n", rest}
	}
	a.must(os.WriteFile(a.at(name+ext), pack(a, ext, members...), 0o600))
	a.must(os.Chtimes(a.at(name+ext), time.Time{}, info.ModTime()))
	a.must(os.Remove(a.at(name)))
}

// inEachPacking runs a test for each format.
func inEachPacking(t *testing.T, f func(t *testing.T, ext string)) {
	for _, ext := range packings {
		t.Run(ext, func(t *testing.T) { f(t, ext) })
	}
}

func TestCopytruncateWithTheCopyCompressedAtOnce(t *testing.T) {
	inEachPacking(t, func(t *testing.T, ext string) {
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			a.write("a\n")
			a.start()
			a.deliver()
			a.write("unread\n")
			a.copytruncate("access.log.1")
			a.pack("access.log.1", ext)
			a.write("b\n")
			a.deliver()
			a.want("a", "unread", "b")
		})
	})
}

func TestRotatedAndCompressedWhileStopped(t *testing.T) {
	f := func(t *testing.T, ext string, rotate func(*tail)) {
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			a.write("a\n")
			a.start()
			a.deliver()
			a.stop()
			a.write(unread)
			rotate(a)
			a.pack("access.log.1", ext)
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
	inEachPacking(t, func(t *testing.T, ext string) {
		f(t, ext, func(a *tail) { a.copytruncate("access.log.1") })
		f(t, ext, func(a *tail) { a.rename("access.log", "access.log.1") })
	})
}

func TestRotatedAndCompressedBetweenTwoLooks(t *testing.T) {
	inEachPacking(t, func(t *testing.T, ext string) {
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			a.write("a\n")
			a.start()
			a.deliver()
			a.rename("access.log", "access.log.2")
			touch(a, "access.log.2", -20*time.Second)
			a.write("unread\n")
			a.rename("access.log", "access.log.1")
			touch(a, "access.log.1", -10*time.Second)
			a.pack("access.log.1", ext)
			a.write("b\n")
			a.deliver()
			a.want("a", "unread", "b")
		})
	})
}

// touch sets when a file was changed last, from now.
func touch(a *tail, name string, ago time.Duration) {
	a.Helper()
	a.must(os.Chtimes(a.at(name), time.Time{}, time.Now().Add(ago)))
}

func TestCompressedFileThatIsStillBeingWritten(t *testing.T) {
	inEachPacking(t, func(t *testing.T, ext string) {
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t)
			a.write("a\n")
			a.start()
			a.deliver()
			a.stop()
			a.write(unread)
			a.rename("access.log", "access.log.1")
			a.pack("access.log.1", ext)
			a.write("b\n")
			name := a.at("access.log.1" + ext)
			whole, err := os.ReadFile(name)
			a.must(err)
			info, err := os.Stat(name)
			a.must(err)
			a.must(os.Truncate(name, int64(len(whole)-20)))
			a.must(os.Chtimes(name, time.Time{}, info.ModTime()))
			a.start()
			go func() {
				time.Sleep(7 * time.Second)
				f, err := os.OpenFile(name, os.O_WRONLY, 0)
				a.must(err)
				_, err = f.WriteAt(whole, 0)
				a.must(err)
				a.must(f.Close())
			}()
			a.deliver()
			if n := len(a.got); n != 50_002 || a.got[n-1] != "b" {
				t.Errorf("%d lines arrived, the last is %q", n, a.got[n-1])
			}
		})
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
	for ext, missing := range map[string]int64{".gz": 8, ".zst": 4, ".bz2": 4} { // its checksum, or part of it
		t.Run(ext, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newTail(t)
				a.write("a\n")
				a.start()
				a.deliver()
				a.stop()
				a.write("unread\n")
				a.rename("access.log", "access.log.1")
				a.pack("access.log.1", ext)
				a.write("b\n")
				whole, err := os.ReadFile(a.at("access.log.1" + ext))
				a.must(err)
				a.must(os.Truncate(a.at("access.log.1"+ext), int64(len(whole))-missing))
				a.start()
				a.deliver()
				if got := a.got[len(a.got)-1]; got != "b" || a.source.ledger.Lost.Unreadable == 0 {
					t.Errorf("got %q, %d bytes counted as lost", a.got, a.source.ledger.Lost.Unreadable)
				}
			})
		})
	}
}

// packedFile is a file of a name and content, opened to be unpacked.
func packedFile(t testing.TB, ext string, raw []byte) *unpacked {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access.log.1"+ext)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return unpack(f)
}

func TestCompressedFileIsReadAtAnyPlace(t *testing.T) {
	want := "a\n" + unread + "unread\n"
	inEachPacking(t, func(t *testing.T, ext string) {
		u := packedFile(t, ext, pack(t, ext, "a\n", unread, "unread\n"))
		f := func(offset, size int, fits bool) {
			t.Helper()
			p := make([]byte, size)
			n, err := u.ReadAt(p, int64(offset))
			end := min(offset+size, len(want))
			if got := string(p[:n]); got != want[min(offset, end):end] || fits && err != nil && err != io.EOF || !fits && err != io.EOF {
				t.Errorf("%d bytes at %d: got %d bytes %.20q, %v", size, offset, n, got, err)
			}
		}
		f(0, 1024, true)
		f(1024, 300_000, true)
		f(5, 10, true) // before the place it has come to
		f(340_000, 100_000, false)
		f(len(want), 1, false)
		f(len(want)+100, 1, false)
		f(0, len(want), true)
		f(len(want)-3, 3, true)
	})
}

func TestCompressedFileCutAnywhereIsNotWhole(t *testing.T) {
	inEachPacking(t, func(t *testing.T, ext string) {
		first, whole := pack(t, ext, "a\n"), pack(t, ext, "a\n", unread)
		p := make([]byte, 400_000)
		for n := range whole {
			got, err := packedFile(t, ext, whole[:n]).ReadAt(p, 0)
			switch {
			case n == len(first): // nothing says that there will be more
				if got != 2 || err != io.EOF {
					t.Errorf("%d bytes of %d: got %d bytes, %v", n, len(whole), got, err)
				}
			case err != io.ErrUnexpectedEOF:
				t.Errorf("%d bytes of %d: got %d bytes, %v", n, len(whole), got, err)
			}
		}
	})
}

func TestCompressedFileThatGetsAnotherMemberGoesOn(t *testing.T) {
	inEachPacking(t, func(t *testing.T, ext string) {
		u := packedFile(t, ext, pack(t, ext, "a\n"))
		p := make([]byte, 10)
		if n, err := u.ReadAt(p, 0); n != 2 || err != io.EOF {
			t.Fatalf("got %d bytes, %v", n, err)
		}
		f, err := os.OpenFile(u.Name(), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(pack(t, ext, "unread\n"))
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if n, err := u.ReadAt(p, 2); string(p[:n]) != "unread\n" || err != io.EOF {
			t.Errorf("got %q, %v", p[:n], err)
		}
	})
}

// What a frame wants is what it says: 64 KiB of zeros in a frame that says that it needs a window of 128 MiB.
func TestZstdThatWantsTooMuchMemoryIsNotRead(t *testing.T) {
	var z bytes.Buffer
	w, err := zstd.NewWriter(&z, zstd.WithWindowSize(128<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(make([]byte, 32<<10))
	_ = w.Flush() // or the frame would be as small as what is in it
	_, _ = w.Write(make([]byte, 32<<10))
	_ = w.Close()
	oneSegment := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40, 1, 0, 0} // 1 GiB, which is its window
	for what, raw := range map[string][]byte{"window": z.Bytes(), "one segment": oneSegment} {
		n, err := packedFile(t, ".zst", raw).ReadAt(make([]byte, 10), 0)
		if n != 0 || !errors.Is(err, zstd.ErrWindowSizeExceeded) && !errors.Is(err, zstd.ErrDecoderSizeExceeded) {
			t.Errorf("%s: got %d bytes, %v", what, n, err)
		}
	}
}

// A bomb costs what is read of it.
func TestBombIsUnpackedNoFurtherThanItIsRead(t *testing.T) {
	const size = 64 << 20
	zeros := make([]byte, size)
	var gz, zst bytes.Buffer
	w, _ := gzip.NewWriterLevel(&gz, gzip.BestSpeed)
	_, _ = w.Write(zeros)
	_ = w.Close()
	e, _ := zstd.NewWriter(&zst, zstd.WithEncoderConcurrency(1))
	_, _ = e.Write(zeros)
	_ = e.Close()
	// 45,000,000 zero bytes in 50 bytes, by `bzip2 -9`
	bz2, _ := hex.DecodeString(bzip2Bomb)
	for ext, raw := range map[string][]byte{".gz": gz.Bytes(), ".zst": zst.Bytes(), ".bz2": bz2} {
		u := packedFile(t, ext, raw)
		p := make([]byte, windowBytes)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, err := u.ReadAt(p, 0)
		runtime.ReadMemStats(&after)
		if n != len(p) || err != nil || u.at != int64(n) {
			t.Errorf("%s: got %d bytes, %v, and is at %d", ext, n, err, u.at)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 2*maxZstdWindow {
			t.Errorf("%s: %d bytes allocated", ext, took)
		}
	}
}

const bzip2Bomb = "425a6839314159265359c901b6c80158ab4020c00010000008200030cc0529a65248526c5492149e2ee48a70a12192036d90"

func TestNamesOfRotationsThatAreCompressed(t *testing.T) {
	f := func(name string, want bool) {
		t.Helper()
		if got := rotatedName("/var/log/access.log", "/var/log/"+name); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	for _, ext := range packings {
		f("access.log.1"+ext, true)
		f("access.log-20261120"+ext, true)
		f("access-20261120.log"+ext, true)
		f("access.log"+ext, false)
		f("access.log.1"+ext+ext, false)
		f("error.log.1"+ext, false)
	}
	f("access.log.1.xz", false)
	f("access.log.1.zip", false)
}

// FuzzPacked: whatever a file in a log folder holds, reading it ends, stays within its memory, and says the same when asked
// again.
func FuzzPacked(f *testing.F) {
	for i, ext := range packings {
		whole := pack(f, ext, "a\n", unread)
		f.Add(i, whole, int64(0))
		f.Add(i, whole[:len(whole)-3], int64(100))
		f.Add(i, slices.Concat(whole, []byte("garbage")), int64(349_000))
	}
	f.Add(1, []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40, 1, 0, 0}, int64(0))
	f.Fuzz(func(t *testing.T, which int, raw []byte, offset int64) {
		u := packedFile(t, packings[uint(which)%uint(len(packings))], raw)
		offset = max(offset, 0) % (1 << 20)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		read := func() string {
			p := make([]byte, 64<<10)
			n, err := u.ReadAt(p, offset)
			if n < len(p) && err == nil {
				t.Errorf("%d bytes without an error", n)
			}
			return fmt.Sprintf("%x, %v", p[:n], err)
		}
		first := read()
		if _, err := takeFingerprint(u, headBytes); err == nil {
			_, _ = u.ReadAt(make([]byte, 1), 0)
		}
		if again := read(); again != first {
			t.Errorf("got %.100s, then %.100s", first, again)
		}
		runtime.ReadMemStats(&after)
		// A decoder for each beginning, and what bzip2 allocates for each stream.
		if took := after.TotalAlloc - before.TotalAlloc; took > 8*maxZstdWindow {
			t.Errorf("%d bytes allocated for %d", took, len(raw))
		}
	})
}
