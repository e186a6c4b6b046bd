package durable

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestSharedFileIsReadableByItsGroup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc", "shared")
	if err := MakePublicDir(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "env-config.json")
	mode := func(want fs.FileMode) {
		t.Helper()
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != want {
			t.Errorf("got mode %v, %v, want %v", info.Mode(), err, want)
		}
	}
	if err := WriteShared(path, []byte("{}"), NoGroup); err != nil {
		t.Fatal(err)
	}
	mode(0o640)
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if err := Share(path, os.Getgid()); err != nil {
		t.Fatal(err)
	}
	mode(0o640)
	// What a link leads to is somebody else's.
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("NOT RUN: ", err)
	}
	if err := Share(link, NoGroup); err != nil {
		t.Error(err)
	}
	mode(0o600)
}

func TestTurnIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	done, err := Turn(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	busy := make(chan struct{})
	second := make(chan error, 1)
	go func() {
		done, err := Turn(t.Context(), path, func() { close(busy) })
		if err == nil {
			done()
		}
		second <- err
	}()
	<-busy
	done()
	if err := <-second; err != nil {
		t.Error(err)
	}
}

func TestTurnThatNeverComesIsGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	done, err := Turn(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Turn(ctx, path, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
