package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// service is the CloudWatch behind the agent: a local.Server, and at its door someone who counts.
type service struct {
	*local.Server
	url     string
	history *history
	web     *http.Server
	refuses atomic.Bool // connections are reset as soon as they are made, as if nobody listened

	loses atomic.Bool // a fault carries calls out and does not answer them

	door sync.RWMutex // held by each call; whoever holds all of it has the store to itself

	mu         sync.Mutex
	unanswered map[string]int // by stream: PutLogEvents that may have been carried out, and whose sender got no answer
}

func startService(dir string, h *history) (*service, error) {
	s := &service{Server: &local.Server{Dir: dir}, history: h, unanswered: map[string]int{}}
	if err := s.Open(); err != nil {
		return nil, fmt.Errorf("start service: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start service: %w", err)
	}
	s.url = "http://" + listener.Addr().String()
	s.web = &http.Server{Handler: s}
	go func() { _ = s.web.Serve(door{listener, s}) }() // it ends with an error when it is closed
	return s, nil
}

func (s *service) close() {
	_ = s.web.Close()
	_ = s.Server.Close()
}

// door resets connections while the service refuses. The port stays its own meanwhile.
type door struct {
	net.Listener
	s *service
}

func (d door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil || !d.s.refuses.Load() {
			return conn, err
		}
		slam(conn)
	}
}

func slam(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// ServeHTTP serves a call, and notes when it was one with events that was not answered.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.refuses.Load() { // on a connection from before
		panic(http.ErrAbortHandler)
	}
	s.door.RLock()
	defer s.door.RUnlock()
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLogEvents") {
		s.Server.ServeHTTP(w, r)
		return
	}
	var body bytes.Buffer
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, &body), r.Body}
	answer, loses := &watchedAnswer{ResponseWriter: w}, s.loses.Load()
	s.Server.ServeHTTP(answer, r)
	if answer.taken && !loses || !answer.taken && r.Context().Err() == nil {
		return // reset before the work, or answered
	}
	if stream := streamOf(body.Bytes(), r.Header.Get("Content-Encoding")); stream != "" {
		s.history.note("%s: a request with events was not answered", stream)
		s.mu.Lock()
		s.unanswered[stream]++
		s.mu.Unlock()
	}
}

// watchedAnswer knows whether the connection was taken away from the answer.
type watchedAnswer struct {
	http.ResponseWriter
	taken bool
}

// Hijack is http.Hijacker's.
func (a *watchedAnswer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.taken = true
	return http.NewResponseController(a.ResponseWriter).Hijack()
}

// streamOf reads which log stream a request was for, "" when it did not arrive whole: then it cannot have been stored.
func streamOf(body []byte, encoding string) string {
	if encoding == "gzip" {
		zip, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return ""
		}
		if body, err = io.ReadAll(zip); err != nil {
			return ""
		}
	}
	var named struct{ LogStreamName string }
	if json.Unmarshal(body, &named) != nil {
		return ""
	}
	return named.LogStreamName
}

// newest is the highest number among the newest events of a writer that were stored, 0 for none.
func (s *service) newest(w *writer) (number int, err error) {
	s.door.RLock()
	defer s.door.RUnlock()
	number = w.harvest.newest
	// The console's data: faults strike calls of the API alone.
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/api/events?"+url.Values{"group": {w.group}, "stream": {w.name}}.Encode(), nil)
	answer := httptest.NewRecorder()
	s.Server.ServeHTTP(answer, r)
	if answer.Code == http.StatusNotFound {
		return number, nil // the group or the stream is not there yet, or not any more
	}
	var page struct{ Events []struct{ Message string } }
	if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil || answer.Code != http.StatusOK {
		return 0, fmt.Errorf("read newest events of %s: status %d: %s", w.name, answer.Code, answer.Body)
	}
	for _, e := range page.Events {
		if n, ok := w.read(e.Message); ok {
			number = max(number, n)
		}
	}
	return number, nil
}

// destroy deletes a log group, or one of its streams, under the agent. What it held is taken out before.
func (s *service) destroy(group string, streams []*writer, whole bool) error {
	s.ClearFaults() // calls that wait in one would hold the door
	s.door.Lock()
	defer s.door.Unlock()
	for _, w := range streams {
		events, err := s.Events(group, w.name)
		if err != nil {
			return err
		}
		w.harvest.take(w.read, events)
	}
	if whole {
		return s.call("DeleteLogGroup", map[string]string{"logGroupName": group})
	}
	return s.call("DeleteLogStream", map[string]string{"logGroupName": group, "logStreamName": streams[0].name})
}

// call makes a call of its own.
func (s *service) call(operation string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", bytes.NewReader(body))
	r.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=torture/20261120/eu-west-1/logs/aws4_request, SignedHeaders=host, Signature=0")
	answer := httptest.NewRecorder()
	s.Server.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK && !strings.Contains(answer.Body.String(), "ResourceNotFoundException") {
		return fmt.Errorf("%s: status %d: %s", operation, answer.Code, answer.Body)
	}
	return nil
}

// harvest is what the store held of a stream.
type harvest struct {
	records []record // in the store's order, what was taken first before what was taken later
	mangled []string // messages that nobody wrote
	newest  int
}

// record is one stored event.
type record struct {
	number   int
	bytes    int
	ingested time.Time
}

func (h *harvest) take(read func(message string) (number int, ok bool), events []local.Event) {
	for _, e := range events {
		number, ok := read(e.Message)
		if !ok {
			h.mangled = append(h.mangled, e.Message)
			continue
		}
		h.newest = max(h.newest, number)
		h.records = append(h.records, record{number, len(e.Message), e.Ingested})
	}
}
