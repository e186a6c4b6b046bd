//go:build packages

package packagetest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A writer is a program on the host that writes a line into its log every millisecond, whatever happens to the agent.
type writer struct {
	h    *host
	path string
	mu   sync.Mutex
	file *os.File
	all  []string
	quit chan struct{}
	done chan struct{}
}

// writes starts one. Its log is readable for the group adm alone, as logs are.
func (h *host) writes(path string) *writer {
	h.Helper()
	h.run(fmt.Sprintf("install -m 0640 -o root -g adm /dev/null %s", path))
	w := &writer{h: h, path: path, quit: make(chan struct{}), done: make(chan struct{})}
	w.open()
	go w.work()
	h.Cleanup(w.stop)
	return w
}

func (w *writer) open() {
	w.h.Helper()
	file, err := os.OpenFile(w.h.path(w.path), os.O_APPEND|os.O_WRONLY, 0)
	w.h.must(err)
	w.file = file
}

func (w *writer) work() {
	defer close(w.done)
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-w.quit:
			return
		case <-pace.C:
		}
		w.mu.Lock()
		line := fmt.Sprintf("%08d of the lines that nobody may lose", len(w.all))
		if _, err := w.file.WriteString(line + "\n"); err == nil {
			w.all = append(w.all, line)
		}
		w.mu.Unlock()
	}
}

// rotate does what logrotate does, and the program opens its log anew.
func (w *writer) rotate() {
	w.h.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.h.run(fmt.Sprintf("mv %[1]s %[1]s.%[2]d; install -m 0640 -o root -g adm /dev/null %[1]s", w.path, len(w.all)))
	w.h.must(w.file.Close())
	w.open()
}

// stop ends it; it may be called twice.
func (w *writer) stop() {
	select {
	case <-w.quit:
	default:
		close(w.quit)
	}
	<-w.done
}

func (w *writer) lines() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all[:len(w.all):len(w.all)]
}

// more waits until so many more have been written.
func (w *writer) more(n int) {
	w.h.Helper()
	goal := len(w.lines()) + n
	w.h.until(fmt.Sprintf("%d lines are written", goal), func() bool { return len(w.lines()) >= goal })
}

// arrives waits until a line that is there now has arrived, and counts what there is then.
func (w *writer) arrives(group, stream string) {
	w.h.Helper()
	lines := w.lines()
	w.h.arrived(group, stream, lines[len(lines)-1])
}

// account ends the writer, waits for what is missing, and settles up.
func (w *writer) account(group, stream string) ledger {
	w.h.Helper()
	w.stop()
	w.arrives(group, stream)
	return w.h.account(group, stream, w.lines())
}

// account waits until nothing is missing, if that comes to be, and settles up.
func (h *host) account(group, stream string, written []string) (l ledger) {
	h.Helper()
	h.asItArrives("all lines", 30*time.Second, func() bool {
		l = settle(written, h.messages(group, stream))
		return l.lost == 0
	})
	return l
}

// arrived waits for a message.
func (h *host) arrived(group, stream, message string) {
	h.Helper()
	if !h.asItArrives(message, patience, func() bool {
		all := h.messages(group, stream)
		for i := len(all) - 1; i >= 0; i-- {
			if all[i] == message {
				return true
			}
		}
		return false
	}) {
		h.Fatalf("never arrived: %s", message)
	}
}

// asItArrives looks at events after each request that brings some: a long stream is not read for nothing.
func (h *host) asItArrives(what string, most time.Duration, holds func() bool) bool {
	h.Helper()
	deadline, look := time.After(most), time.NewTicker(50*time.Millisecond)
	defer look.Stop()
	for seen := int64(-1); ; {
		if n := h.service.Requests()["PutLogEvents"]; n != seen {
			seen = n
			if holds() {
				return true
			}
		}
		select {
		case <-look.C:
		case <-deadline:
			return false
		}
	}
}

// web is a client in the host's network.
func (h *host) web() *http.Client {
	pid := h.keeper.Process.Pid
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (c net.Conn, err error) {
			done := make(chan bool)
			go func() {
				defer close(done)
				runtime.LockOSThread() // the thread that went there does not come back: it ends
				if err = enterNetwork(pid); err == nil {
					c, err = new(net.Dialer).DialContext(ctx, network, address)
				}
			}()
			<-done
			return c, err
		},
	}}
}

// visitors ask the host's web server for pages, each another one, until they are told to stop; then they return the requests
// that were answered.
func (h *host) visitors(n int) (stop func() []string) {
	all, quit := make([][]string, n), make(chan struct{})
	var next atomic.Int64
	var work sync.WaitGroup
	for v := range n {
		client := h.web()
		work.Go(func() {
			defer client.CloseIdleConnections()
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for {
				select {
				case <-quit:
					return
				case <-pace.C:
				}
				page := fmt.Sprintf("/?n=%08d", next.Add(1))
				answer, err := client.Get("http://127.0.0.1" + page)
				if err != nil {
					continue // it is away for a while, which is what happens here
				}
				_, err = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				if err == nil {
					all[v] = append(all[v], page)
				}
			}
		})
	}
	stop = sync.OnceValue(func() (answered []string) {
		close(quit)
		work.Wait()
		for _, some := range all {
			answered = append(answered, some...)
		}
		return answered
	})
	h.Cleanup(func() { stop() })
	return stop
}

// linesOf are the lines of a log and of what logrotate has made of it, oldest first.
func (h *host) linesOf(log string) []string {
	h.Helper()
	text := h.run(fmt.Sprintf("for f in $(ls -v -r %[1]s.* 2>/dev/null) %[1]s; do case $f in *.gz) zcat $f;; *) cat $f;; esac; done", log))
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
