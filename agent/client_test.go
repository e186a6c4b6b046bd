package agent

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

func TestReloadOverTheSocket(t *testing.T) {
	a := newAgent(t, zap.NewNop())
	want := Reloaded{Applied: true, Changed: true, Started: 1, Undisturbed: 2, Reason: "", Problems: []config.Problem{config.Suspicion(config.Place{File: "c.json", Line: 3}, "odd", "")}}
	c := OpenControl(a, func() Reloaded { return want })
	defer c.Close()
	got, err := Reload(t.Context(), a.env.StateDir)
	if err != nil || !got.Applied || !got.Changed || got.Started != 1 || got.Undisturbed != 2 || len(got.Problems) != 1 || got.Problems[0] != want.Problems[0] {
		t.Errorf("got %+v, %v", got, err)
	}
	if code, _ := overSocket(t, SocketPath(a.env.StateDir), "/reload"); code != http.StatusMethodNotAllowed {
		t.Errorf("GET /reload: got %d", code)
	}
	raw, err := AskStatus(t.Context(), a.env.StateDir, 0)
	var s Status
	if err != nil || json.Unmarshal(raw, &s) != nil || s.Version != "1.2.3" {
		t.Errorf("got %s, %v", raw, err)
	}
}

func TestWhyNobodyAnswers(t *testing.T) {
	f := func(name, dir string, absent bool, want string) {
		t.Helper()
		for _, ask := range []func() error{
			func() error { _, err := Reload(t.Context(), dir); return err },
			func() error { _, err := AskStatus(t.Context(), dir, -1); return err },
		} {
			if err := ask(); errors.Is(err, ErrNotRunning) != absent || err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	f("nothing there", t.TempDir(), true, "--state")
	f("no folder", filepath.Join(t.TempDir(), "x"), true, "no agent runs with the state folder")
	f("too long", "/"+strings.Repeat("x", 120), false, "shorter --state")
	killed := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: SocketPath(killed), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	f("killed", killed, true, "has ended without a word")

	answer := func(code int, body string) (dir string) {
		t.Helper()
		dir = t.TempDir()
		l, err := net.Listen("unix", SocketPath(dir))
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		})}
		go func() { _ = s.Serve(l) }()
		t.Cleanup(func() { _ = s.Close() })
		return dir
	}
	f("an older agent", answer(http.StatusNotFound, "404"), false, "older version")
	f("a disk hangs", answer(http.StatusServiceUnavailable, "something hangs\n"), false, "something hangs")
	if _, err := Reload(t.Context(), answer(http.StatusOK, "hello")); err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("got %v", err)
	}
}
