package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// endpoint is the least that the agent takes for CloudWatch and CloudWatch Logs. It counts, and says yes to everything.
type endpoint struct {
	url    string
	server *http.Server
	// arrived is given the body of every PutLogEvents, one at a time; nil: bodies are read and forgotten.
	arrived func(body []byte, gzipped bool, at time.Time) error
	counted func() int // how many events arrived has seen; called one at a time with it

	logRequests, logBytes, metricRequests atomic.Int64

	mu          sync.Mutex
	firstLog    time.Time
	lastLog     time.Time
	firstMetric time.Time
	broken      error // what arrived complained of first
}

// newEndpoint listens on a free port of the loopback.
func newEndpoint(arrived func([]byte, bool, time.Time) error) (*endpoint, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open endpoint: %w", err)
	}
	e := &endpoint{url: "http://" + listener.Addr().String(), arrived: arrived}
	e.server = &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := e.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			e.mu.Lock()
			e.broken = errors.Join(e.broken, err)
			e.mu.Unlock()
		}
	}()
	return e, nil
}

func (e *endpoint) close() { _ = e.server.Close() } // nobody waits for an answer any more

// err is what went wrong at the endpoint, which would make every figure worthless.
func (e *endpoint) err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.broken
}

// events is how many events have arrived, where they are counted.
func (e *endpoint) events() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counted()
}

// times are when the first and the last PutLogEvents and the first PutMetricData had arrived; zero: not yet.
func (e *endpoint) times() (firstLog, lastLog, firstMetric time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.firstLog, e.lastLog, e.firstMetric
}

const putLogEvents = "Logs_20140328.PutLogEvents"

// ServeHTTP answers the two protocols that the agent speaks.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := r.Header.Get("X-Amz-Target")
	if target == putLogEvents {
		e.takeLogs(r)
	} else {
		_, _ = io.Copy(io.Discard, r.Body) // a broken request is the agent's to repeat
	}
	if protocol := r.Header.Get("Smithy-Protocol"); protocol != "" {
		e.takeMetrics()
		w.Header().Set("Smithy-Protocol", protocol)
		w.Header().Set("Content-Type", "application/cbor")
		_, _ = w.Write([]byte{0xa0}) // an empty map
		return
	}
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	_, _ = w.Write([]byte("{}"))
}

func (e *endpoint) takeMetrics() {
	e.metricRequests.Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.firstMetric.IsZero() {
		e.firstMetric = time.Now()
	}
}

func (e *endpoint) takeLogs(r *http.Request) {
	var (
		body []byte
		n    int64
		err  error
	)
	if e.arrived == nil {
		n, err = io.Copy(io.Discard, r.Body)
	} else {
		body, err = io.ReadAll(r.Body)
		n = int64(len(body))
	}
	now := time.Now()
	e.logRequests.Add(1)
	e.logBytes.Add(n)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.firstLog.IsZero() {
		e.firstLog = now
	}
	e.lastLog = now
	if err == nil && e.arrived != nil {
		err = e.arrived(body, r.Header.Get("Content-Encoding") == "gzip", now)
	}
	if e.broken == nil {
		e.broken = err
	}
}
