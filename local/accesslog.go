package local

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// logAccess writes a line in Apache's combined format for each of the console's requests:
// host ident user [time] "request" status bytes "referer" "user agent".
func (s *Server) logAccess(next http.Handler) http.Handler {
	if s.AccessLog == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &countingAnswer{ResponseWriter: w, status: http.StatusOK}
		began := s.now()
		defer func() { s.writeAccess(r, answer, began) }()
		next.ServeHTTP(answer, r)
	})
}

func (s *Server) writeAccess(r *http.Request, answer *countingAnswer, began time.Time) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = "-"
	}
	line := fmt.Sprintf("%s - - [%s] \"%s %s %s\" %d %d \"%s\" \"%s\"\n", host,
		began.Format("02/Jan/2006:15:04:05 -0700"), r.Method, quoted(r.RequestURI), r.Proto,
		answer.status, answer.bytes, quoted(r.Referer()), quoted(r.UserAgent()))
	s.writes.Lock()
	defer s.writes.Unlock()
	_, _ = s.AccessLog.Write([]byte(line)) // a full disk must not stop the console
}

// quoted is a value as it stands between the quotation marks of an access log.
func quoted(value string) string {
	if value == "" {
		return "-"
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(printable(value))
}

// A countingAnswer remembers the status and counts the bytes of an answer.
type countingAnswer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (a *countingAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *countingAnswer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController flush a live answer.
func (a *countingAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
