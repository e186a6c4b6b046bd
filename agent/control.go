package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/internal/durable"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	// controlConns bounds how many may ask at once, on the socket and on the address each.
	controlConns = 16
	// controlPatience is how long the files' own answers are waited for: a log file may be on a disk that hangs.
	controlPatience = 10 * time.Second
)

// SocketPath is where the agent of a state folder answers.
func SocketPath(stateDir string) string { return filepath.Join(stateDir, "control.sock") }

// CheckSocketPath tells whether a path fits the address of a unix socket: sun_path has 108 bytes, 104 on macOS (unix(7),
// unix(4)), and its end is marked.
func CheckSocketPath(path string) error {
	most := 107
	if runtime.GOOS == "darwin" {
		most = 103
	}
	if len(path) > most {
		return fmt.Errorf("control socket: the path %s has %d bytes, and a unix socket's can have %d at most (give the agent a shorter --state, or let it answer on nephoscope.status_address)", path, len(path), most)
	}
	return nil
}

// Control answers questions about an agent, GET /status, and has it reloaded, POST /reload, on a socket in its state folder,
// for the agent's own user; and /healthz and /metrics on a loopback address, if the configuration names one. That neither can
// be had is no reason for the agent not to work.
type Control struct {
	agent  *Agent
	reload func() Reloaded
	log    *zap.Logger
	turn   chan struct{} // who asks the agent; one at a time
	names  labels

	mu      sync.Mutex
	socket  *answering // nil: there is none
	page    *answering
	address string // of page
	closed  bool
}

// OpenControl opens the socket. The agent's state folder is its own until Close, so that what lies there is a leftover.
// reload is called for each POST /reload.
func OpenControl(a *Agent, reload func() Reloaded) *Control {
	c := &Control{agent: a, reload: reload, log: a.env.Log, turn: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", c.status)
	mux.HandleFunc("POST /reload", c.reloadNow)
	path := SocketPath(a.env.StateDir)
	l, err := listenPrivately(path)
	if err != nil {
		c.log.Warn("no control socket; the agent works without, but nephoscope status and ctl cannot ask it", zap.Error(err))
		return c
	}
	c.socket = c.answer(l, mux)
	return c
}

// listenPrivately opens a socket that only its owner can write to, which is what connecting takes.
func listenPrivately(path string) (net.Listener, error) {
	if err := CheckSocketPath(path); err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("control socket: %s is there and no socket (remove it)", path)
	case err == nil:
		if err := durable.Remove(path); err != nil {
			return nil, fmt.Errorf("control socket: %w", err)
		}
	}
	own := net.ListenConfig{Control: forOwner}
	l, err := own.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), l.Close())
	}
	return l, nil
}

// Listen has /healthz and /metrics answered on a loopback address, and no longer on another; "": on none. On an error
// everything is as before.
func (c *Control) Listen(address string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.page != nil && c.address == address {
		return nil
	}
	var page *answering
	if address != "" {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("listen on status_address: %w (free the port or choose another, and reload)", err)
		}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /healthz", c.healthz)
		mux.HandleFunc("GET /metrics", c.metrics)
		page = c.answer(l, onlyHere(mux))
		c.log.Info("answering /healthz and /metrics", zap.String("address", address))
	}
	c.page.close()
	c.page, c.address = page, address
	return nil
}

// Close stops answering. It is to be called before the agent is closed.
func (c *Control) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.page.close()
	c.socket.close()
	c.page, c.socket, c.closed = nil, nil, true
}

// answering is a server at work; nil is none.
type answering struct {
	server *http.Server
	ended  chan struct{}
}

func (c *Control) answer(l net.Listener, h http.Handler) *answering {
	quiet, _ := zap.NewStdLogAt(c.log, zapcore.DebugLevel) // the level exists
	a := &answering{ended: make(chan struct{}), server: &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 10 * time.Second,
		MaxHeaderBytes: 8 << 10, ErrorLog: quiet,
	}}
	go func() {
		defer close(a.ended)
		_ = a.server.Serve(&fewAtOnce{l, make(chan struct{}, controlConns)}) // it ends when it is closed
	}()
	return a
}

func (a *answering) close() {
	if a != nil {
		_ = a.server.Close()
		<-a.ended
	}
}

// fewAtOnce accepts no more connections while many are open.
type fewAtOnce struct {
	net.Listener
	slots chan struct{}
}

func (l *fewAtOnce) Accept() (net.Conn, error) {
	l.slots <- struct{}{} // the server's timeouts see to it that none is held for ever
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &counted{c, sync.OnceFunc(func() { <-l.slots })}, nil
}

type counted struct {
	net.Conn
	release func()
}

func (c *counted) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// onlyHere refuses questions that were meant for another host: a web page whose name was made to lead to this address
// (DNS rebinding) still says its own name.
func onlyHere(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if ip, err := netip.ParseAddr(trimBrackets(host)); host != "localhost" && (err != nil || !ip.Unmap().IsLoopback()) {
			http.Error(w, "this host answers to localhost, 127.0.0.1 and [::1] alone", http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func trimBrackets(host string) string {
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}

// ask has the agent tell its status, or says that it cannot. One asks at a time, and one that hangs is waited for.
func (c *Control) ask(w http.ResponseWriter, r *http.Request) (Status, bool) {
	ctx, cancel := context.WithTimeout(r.Context(), controlPatience)
	defer cancel()
	told := make(chan Status, 1)
	select {
	case c.turn <- struct{}{}:
		go func() {
			defer func() { <-c.turn }()
			told <- c.agent.Status()
		}()
	case <-ctx.Done():
	}
	select {
	case s := <-told:
		return s, true
	case <-ctx.Done():
		http.Error(w, "the agent runs, but something that it is asked about does not answer: does a disk or a network mount with log files hang?", http.StatusServiceUnavailable)
		return Status{}, false
	}
}

// status answers with everything, or with the worst of it: ?files=20.
func (c *Control) status(w http.ResponseWriter, r *http.Request) {
	most := -1
	if text := r.URL.Query().Get("files"); text != "" {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			http.Error(w, "files must be a number of files", http.StatusBadRequest)
			return
		}
		most = int(n)
	}
	s, ok := c.ask(w, r)
	if !ok {
		return
	}
	if most >= 0 {
		s.Worst(most)
	}
	reply(w, http.StatusOK, s)
}

// reloadNow answers when the reload is done, which takes as long as the new configuration needs to come up. Whether it was
// applied is in the answer. Whoever asked may go: a reload is not given up half way.
func (c *Control) reloadNow(w http.ResponseWriter, _ *http.Request) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the server's own, which it can
	reply(w, http.StatusOK, c.reload())
}

func (c *Control) healthz(w http.ResponseWriter, r *http.Request) {
	s, ok := c.ask(w, r)
	if !ok {
		return
	}
	code := http.StatusOK
	if s.Health == Failing {
		code = http.StatusServiceUnavailable
	}
	reply(w, code, struct {
		Health  Health   `json:"health"`
		Reasons []Reason `json:"reasons"`
	}{s.Health, s.Reasons})
}

func (c *Control) metrics(w http.ResponseWriter, r *http.Request) {
	if s, ok := c.ask(w, r); ok {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(c.names.prometheus(s)) // whoever asked may have gone
	}
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // whoever asked may have gone
}
