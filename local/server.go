package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// A Server is a CloudWatch: an http.Handler with a store behind it. Its zero value is ready for use,
// keeps everything in memory and answers to loopback names only. Set the fields before its first
// use; do not copy it afterwards. It is safe for concurrent use.
type Server struct {
	// Dir is the folder of the store, created when it is missing. Empty: in memory.
	Dir string
	// Tags are answered by EC2 DescribeTags for every instance that is asked about.
	Tags map[string]string
	// Volumes are what EC2 DescribeVolumes answers is attached to every instance that is asked about: ids by device, such as
	// /dev/sdf.
	Volumes map[string]string
	// AllowRemote accepts requests that name this machine by any address, not only a loopback one.
	AllowRemote bool
	// Hosts are further names that a request may give in its Host header, such as
	// "monitoring.us-east-1.amazonaws.com" when a test resolves that name to this machine.
	Hosts []string
	// AccessLog receives one line in Apache's combined format for each request of the console's
	// pages and data; never for an API call, so that an agent may ship it to this very server.
	AccessLog io.Writer
	// ErrorLog receives a line for each failure that is this server's own. Nil discards them.
	ErrorLog io.Writer
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	start  sync.Once
	failed error // to start
	store  *store
	calls  map[string]handler
	pages  http.Handler
	agents *agents
	faults faults
	writes sync.Mutex // of AccessLog and ErrorLog
	stop   context.CancelFunc
	swept  chan struct{} // closed when the sweep has ended
}

// Open opens the store. ServeHTTP does it when needed; call it first to learn of an error early.
func (s *Server) Open() error {
	s.start.Do(func() {
		s.failed = s.open()
	})
	return s.failed
}

func (s *Server) open() error {
	opened, err := openStore(s.Dir)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	s.store = opened
	s.calls = s.operations()
	s.pages = s.console()
	s.agents = newAgents(s.now())
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.swept = stop, make(chan struct{})
	go s.sweepForever(ctx)
	return nil
}

// Close stops the background sweep and closes the store; what was acknowledged is on disk. Later
// requests are answered with an error. A Server that was never used closes at once.
func (s *Server) Close() error {
	s.start.Do(func() { s.failed = errClosed })
	if s.store == nil {
		return nil
	}
	s.stop()
	<-s.swept
	return s.store.close()
}

var errClosed = errors.New("open store: the server is closed")

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// ServeHTTP answers API calls in any of the protocols, and the console's pages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.Open(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if reason := s.refusesOrigin(r); reason != "" {
		http.Error(w, reason, http.StatusForbidden)
		return
	}
	if c := identify(r); c != nil {
		s.serveCall(w, r, c)
		return
	}
	s.logAccess(s.pages).ServeHTTP(w, r)
}

// serveCall reads, runs and answers one API call, and notes what came of it.
func (s *Server) serveCall(w http.ResponseWriter, r *http.Request, c *call) {
	c.requestID = newRequestID()
	c.region = signedFor(r.Header.Get("Authorization"))
	c.session = r.Header.Get("X-Amz-Security-Token")
	w.Header().Set("X-Amzn-Requestid", c.requestID)

	out, err := s.run(w, r, c)
	if broken, ok := errors.AsType[*brokenAnswer](err); ok {
		s.agents.observe(r, c, broken.outcome, s.now())
		broken.answer(w)
		return
	}
	if err == nil {
		err = c.protocol.succeed(w, c, out)
	} else {
		var refused *apiError
		if !errors.As(err, &refused) {
			s.logError("%s: %v", c.operation, err)
			refused = internalError(c)
		}
		c.protocol.fail(w, c, refused)
		err = refused
	}
	s.agents.observe(r, c, err, s.now())
}

// run finds the call's handler and runs it.
func (s *Server) run(w http.ResponseWriter, r *http.Request, c *call) (any, error) {
	if err := readBody(w, r, c); err != nil {
		return nil, err
	}
	if _, query := c.protocol.(queryProtocol); query {
		if err := queryCall(c); err != nil {
			return nil, malformed(c, err)
		}
	}
	serve, known := s.calls[c.service+"."+c.operation]
	if !known {
		return nil, unknownOperation(c)
	}
	if c.region == "" {
		return nil, unsigned(c)
	}
	return s.faults.through(r.Context(), c, s.now(), serve)
}

func unknownOperation(c *call) *apiError {
	if _, query := c.protocol.(queryProtocol); query {
		return refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation %s", c.operation)
	}
	return refuse(http.StatusBadRequest, "UnknownOperationException", "The operation %s is not known here", c.operation)
}

// unsigned refuses a request that carries no signature, as every AWS service does.
func unsigned(c *call) *apiError {
	code := "MissingAuthenticationTokenException"
	if _, query := c.protocol.(queryProtocol); query {
		code = "MissingAuthenticationToken"
	}
	return refuse(http.StatusForbidden, code, "Missing Authentication Token")
}

func internalError(c *call) *apiError {
	switch c.service {
	case "logs":
		return refuse(http.StatusInternalServerError, "ServiceUnavailableException", "The store failed; the server's own log says why.")
	case "ssm":
		return refuse(http.StatusInternalServerError, "InternalServerError", "The store failed; the server's own log says why.")
	}
	return &apiError{http.StatusInternalServerError, "InternalServiceFault", "InternalServiceError",
		"The store failed; the server's own log says why."}
}

func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (s *Server) logError(format string, args ...any) {
	if s.ErrorLog == nil {
		return
	}
	s.writes.Lock()
	defer s.writes.Unlock()
	_, _ = fmt.Fprintf(s.ErrorLog, format+"\n", args...) // there is nowhere left to report it
}
