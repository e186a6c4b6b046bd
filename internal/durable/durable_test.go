package durable

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func open(t *testing.T, path string) *Journal {
	t.Helper()
	j, damaged, err := OpenJournal(path)
	if err != nil || damaged != 0 {
		t.Fatalf("got %d damaged, %v", damaged, err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func want(t *testing.T, j *Journal, name, value string) {
	t.Helper()
	if got, _ := j.Get(name); string(got) != value {
		t.Errorf("%s: got %s, want %s", name, got, value)
	}
}

func TestJournalRemembersTheLastValue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path)
	for i := range 10 {
		if err := j.Put("a \"quoted\"\nname", fmt.Appendf(nil, `{"n":%d}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	_ = j.Put("gone", []byte("1"))
	_ = j.Delete("gone")
	back := open(t, path)
	want(t, back, "a \"quoted\"\nname", `{"n":9}`)
	if names := back.Names(); len(names) != 1 {
		t.Errorf("got names %q", names)
	}
}

func TestJournalPutsOfManyGoroutinesAllSurvive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for n := range 20 {
				if err := j.Put(fmt.Sprint("k", i), fmt.Appendf(nil, "%d", n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	back := open(t, path)
	for i := range 50 {
		want(t, back, fmt.Sprint("k", i), "19")
	}
}

func TestJournalTornAtAnyByteKeepsEarlierValues(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "j")
	j := open(t, path)
	_ = j.Put("a", []byte(`{"offset":100}`))
	_ = j.Put("b", []byte(`{"offset":7}`))
	_ = j.Put("a", []byte(`{"offset":200}`))
	whole, _ := os.ReadFile(path)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := last; cut < len(whole); cut++ {
		torn := filepath.Join(dir, fmt.Sprint("torn", cut))
		_ = os.WriteFile(torn, whole[:cut], 0o600)
		back, damaged, err := OpenJournal(torn)
		if err != nil {
			t.Fatal(err)
		}
		want(t, back, "a", `{"offset":100}`)
		want(t, back, "b", `{"offset":7}`)
		if (cut > last) != (damaged == 1) {
			t.Errorf("cut at %d: %d damaged", cut, damaged)
		}
		_ = back.Close()
	}
}

func TestJournalGrowsNoLargerThanItsContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path)
	value := []byte(`"` + strings.Repeat("x", 10_000) + `"`)
	for range 200 {
		if err := j.Put("a", value); err != nil {
			t.Fatal(err)
		}
	}
	if info, _ := os.Stat(path); info.Size() > compactAbove+2*10_100 {
		t.Errorf("2 MB of puts of one 10 kB value left %d bytes", info.Size())
	}
}

func TestJournalWritesEverythingAfterAFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path)
	_ = j.file.Close() // the disk goes away …
	if err := j.Put("a", []byte("1")); err == nil {
		t.Fatal("a put on a closed file succeeded")
	}
	if err := j.Put("b", []byte("2")); err != nil { // … and comes back: the journal is written anew
		t.Fatal(err)
	}
	back := open(t, path)
	want(t, back, "a", "1")
	want(t, back, "b", "2")
}

func TestWriteFileLeavesNothingBehindWhenItFails(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "taken")
	_ = os.MkdirAll(filepath.Join(target, "by a folder"), 0o700)
	if err := WriteFile(target, []byte("x")); err == nil {
		t.Fatal("a folder was replaced by a file")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStateIsReadableByItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := MakeDir(dir); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "f"), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, filepath.Join(dir, "f")} {
		if info, _ := os.Stat(name); info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v", name, info.Mode())
		}
	}
}

func TestSecondLockOfAStateFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), "another agent") {
		t.Errorf("got %v", err)
	}
	if !Locked(dir) {
		t.Error("nobody seems to have it")
	}
	unlock()
	if Locked(dir) || Locked(t.TempDir()) {
		t.Error("somebody seems to have it")
	}
	again, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestNameThatIsNotUTF8IsFoundAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path)
	for i, name := range []string{"/var/log/f\xfcr.log > g", "/var/log/f\xf6r.log > g", "/var/log/für.log", "a\x00b\u2028<"} {
		if err := j.Put(name, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	back := open(t, path)
	for _, name := range j.Names() {
		value, _ := j.Get(name)
		want(t, back, name, string(value))
	}
}

func TestStrayFilesOfAFolderWithBracketsAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b")
	if err := MakeDir(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".x.tmp-1", "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveStray(dir); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

func FuzzJournalReplay(f *testing.F) {
	f.Add(appendLine(nil, "a", []byte("1")))
	f.Add([]byte("00000000 \"a\" 1\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		j := &Journal{live: map[string][]byte{}}
		j.replay(raw)
		again := &Journal{live: map[string][]byte{}}
		if damaged := again.replay(j.lines()); damaged != 0 || len(again.live) != len(j.live) {
			t.Errorf("a rewritten journal has %d damaged lines, %d names of %d", damaged, len(again.live), len(j.live))
		}
	})
}
