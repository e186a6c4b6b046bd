package agent

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"
)

// overSocket asks an agent as the status command does.
func overSocket(t *testing.T, path, query string) (code int, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	return read(t)(client.Get("http://agent" + query))
}

func read(t *testing.T) func(*http.Response, error) (int, string) {
	return func(r *http.Response, err error) (int, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(body)
	}
}

func TestSocketIsForTheAgentsUserAlone(t *testing.T) {
	a := newAgent(t, zap.NewNop())
	c := OpenControl(a, nil)
	path := SocketPath(a.env.StateDir)
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v", info, err)
	}
	code, body := overSocket(t, path, "/status")
	var s Status
	if err := json.Unmarshal([]byte(body), &s); err != nil || code != http.StatusOK || s.PID != os.Getpid() || s.Health != OK {
		t.Errorf("got %d %v %s", code, err, body)
	}
	if code, _ := overSocket(t, path, "/metrics"); code != http.StatusNotFound {
		t.Errorf("the socket answers /metrics with %d", code)
	}
	if code, _ := overSocket(t, path, "/status?files=x"); code != http.StatusBadRequest {
		t.Errorf("x files: got %d", code)
	}
	c.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket stays behind: %v", err)
	}
}

func TestSocketOfAKilledAgentIsReplaced(t *testing.T) {
	a := newAgent(t, zap.NewNop())
	path := SocketPath(a.env.StateDir)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	c := OpenControl(a, nil)
	defer c.Close()
	if code, _ := overSocket(t, path, "/status"); code != http.StatusOK {
		t.Errorf("got %d", code)
	}
}

func TestWhatIsNoSocketIsLeftAlone(t *testing.T) {
	log, logs := logged()
	a := newAgent(t, log)
	path := SocketPath(a.env.StateDir)
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := OpenControl(a, nil)
	defer c.Close()
	if raw, _ := os.ReadFile(path); string(raw) != "mine" || logs.FilterMessageSnippet("no control socket").Len() != 1 {
		t.Errorf("got %q, %v", raw, logs.All())
	}
}

func TestStateFolderTooDeepForASocketIsAWarning(t *testing.T) {
	log, logs := logged()
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 110))
	a, err := New(Env{StateDir: dir, Mode: OnPremise, Cloud: &sky{}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	c := OpenControl(a, nil)
	defer c.Close()
	said := logs.FilterMessageSnippet("no control socket").All()
	if len(said) != 1 || !strings.Contains(said[0].ContextMap()["error"].(string), "shorter --state") {
		t.Errorf("got %v", logs.All())
	}
}

// freePort is a loopback address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestLoopbackAnswersItsTwoPagesAndNothingElse(t *testing.T) {
	a := newAgent(t, zap.NewNop())
	c := OpenControl(a, nil)
	defer c.Close()
	address := freePort(t)
	if err := c.Listen(address); err != nil {
		t.Fatal(err)
	}
	f := func(method, path, host string, want int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		if code, body := read(t)(http.DefaultClient.Do(r)); code != want {
			t.Errorf("%s %s of %q: got %d %s, want %d", method, path, host, code, body, want)
		}
	}
	_, port, _ := net.SplitHostPort(address)
	f("GET", "/healthz", address, 200)
	f("HEAD", "/healthz", address, 200)
	f("GET", "/metrics", address, 200)
	f("GET", "/metrics", "localhost:"+port, 200)
	f("GET", "/metrics", "[::1]:"+port, 200)
	f("GET", "/metrics", "[::1]", 200)
	f("GET", "/metrics", "127.0.0.1", 200)
	f("POST", "/healthz", address, 405)
	f("DELETE", "/metrics", address, 405)
	f("GET", "/status", address, 404)
	f("GET", "/", address, 404)
	f("GET", "/debug/pprof/", address, 404)
	f("GET", "/healthz", "evil.example", 421)
	f("GET", "/metrics", "evil.example:"+port, 421)
	f("GET", "/metrics", "localhost.evil.example", 421)
	f("GET", "/metrics", "10.0.0.1", 421)
}

func TestHealthzSaysFailing(t *testing.T) {
	a := newAgent(t, zap.NewNop())
	c := OpenControl(a, nil)
	defer c.Close()
	a.disk.note(io.ErrShortWrite)
	w := httptest.NewRecorder()
	c.healthz(w, httptest.NewRequest("GET", "/healthz", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `{"health":"failing","reasons":[{"what":"checkpoints`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestPortThatIsTakenLeavesTheAddressBefore(t *testing.T) {
	c := OpenControl(newAgent(t, zap.NewNop()), nil)
	defer c.Close()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := taken.Addr().String()
	before := freePort(t)
	if err := c.Listen(before); err != nil {
		t.Fatal(err)
	}
	if err := c.Listen(address); err == nil || !strings.Contains(err.Error(), "free the port") {
		t.Errorf("got %v", err)
	}
	if code, _ := read(t)(http.Get("http://" + before + "/healthz")); code != http.StatusOK {
		t.Errorf("the address before: got %d", code)
	}
	_ = taken.Close()
	if err := c.Listen(address); err != nil {
		t.Error(err)
	}
	if code, _ := read(t)(http.Get("http://" + address + "/healthz")); code != http.StatusOK {
		t.Errorf("got %d", code)
	}
}

func TestReloadMovesTheAddress(t *testing.T) {
	c := OpenControl(newAgent(t, zap.NewNop()), nil)
	defer c.Close()
	first, second := freePort(t), freePort(t)
	answers := func(address string) bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
	f := func(address string, atFirst, atSecond bool) {
		t.Helper()
		if err := c.Listen(address); err != nil {
			t.Error(err)
		}
		if answers(first) != atFirst || answers(second) != atSecond {
			t.Errorf("listening on %q: first %v, second %v", address, answers(first), answers(second))
		}
	}
	f(first, true, false)
	f(first, true, false)
	f(second, false, true)
	f("", false, false)
	f(first, true, false)
	c.Close()
	f(second, false, false) // a reload that was under way while the agent was told to stop
}

func TestAgentThatDoesNotAnswerIsNotWaitedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Control{turn: make(chan struct{}, 1)}
		c.turn <- struct{}{} // somebody asked, and hangs
		w := httptest.NewRecorder()
		c.healthz(w, httptest.NewRequest("GET", "/healthz", nil))
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "mount") {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

// pipes is a listener to which somebody connects whenever it accepts.
type pipes struct{ net.Listener }

func (pipes) Accept() (net.Conn, error) {
	one, other := net.Pipe()
	_ = other.Close()
	return one, nil
}

func TestNoMoreThanAFewAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fewAtOnce{pipes{}, make(chan struct{}, controlConns)}
		var open []net.Conn
		go func() {
			for range controlConns + 1 {
				c, err := l.Accept()
				if err != nil {
					t.Error(err)
				}
				open = append(open, c)
			}
		}()
		synctest.Wait()
		if len(open) != controlConns {
			t.Errorf("%d at once", len(open))
		}
		_ = open[0].Close()
		_ = open[0].Close() // as the server does
		synctest.Wait()
		if len(open) != controlConns+1 {
			t.Errorf("%d after one left", len(open))
		}
	})
}
