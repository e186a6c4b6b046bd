package local

import (
	"cmp"
	"net"
	"net/http"
)

// A brokenAnswer stands for an answer that is none of the API's.
type brokenAnswer struct {
	answer  func(http.ResponseWriter)
	outcome error // of the call itself, for the agents' view
}

func (b *brokenAnswer) Error() string { return "answer: it is broken on purpose" }

// errorNames are codes whose name in the Query protocol or whose status is not the usual.
// Sources: the awsQueryError traits of CloudWatch's model, and "Common Errors" of both API references.
var errorNames = map[string]struct {
	query  string
	status int
}{
	"AccessDeniedException":       {"AccessDenied", http.StatusBadRequest},
	"ExpiredTokenException":       {"ExpiredToken", http.StatusForbidden},
	"InternalFailure":             {"InternalFailure", http.StatusInternalServerError},
	"InternalServiceFault":        {"InternalServiceError", http.StatusInternalServerError},
	"LimitExceededException":      {"LimitExceeded", http.StatusBadRequest},
	"RequestEntityTooLarge":       {"RequestEntityTooLarge", http.StatusRequestEntityTooLarge},
	"ServiceUnavailable":          {"ServiceUnavailable", http.StatusServiceUnavailable},
	"ServiceUnavailableException": {"ServiceUnavailable", http.StatusInternalServerError},
	"ThrottlingException":         {"Throttling", http.StatusBadRequest},
	"UnrecognizedClientException": {"InvalidClientTokenId", http.StatusForbidden},
}

// refusal is the error that a rule answers.
func (f Fault) refusal() *apiError {
	code, message := f.Code, f.Message
	if f.Do == FaultThrottle {
		code, message = "ThrottlingException", "Rate exceeded"
	}
	known := errorNames[code]
	return &apiError{
		status:  cmp.Or(f.Status, known.status, http.StatusBadRequest),
		shape:   code,
		code:    cmp.Or(known.query, code),
		message: cmp.Or(message, "This error was injected by PUT /faults."),
	}
}

// plainAnswer is what a rule says instead of an API's answer.
func (f Fault) plainAnswer() func(http.ResponseWriter) {
	switch f.Do {
	case FaultStatus:
		return func(w http.ResponseWriter) {
			w.Header().Del("X-Amzn-Requestid") // whoever answers so is not the service
			w.WriteHeader(f.Status)
		}
	case FaultGarbage:
		return func(w http.ResponseWriter) {
			w.Header().Del("X-Amzn-Requestid")
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
			_, _ = w.Write([]byte("<!DOCTYPE html>\n<html><head><title>Sign in</title></head>" +
				"<body><h1>Welcome to the guest network</h1></body></html>\n")) // the client has gone: nobody is left to tell
		}
	}
	return reset
}

// reset ends a connection the hard way: the client reads "connection reset by peer", not an end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 and recorders have no connection to give; this is the nearest
	}
	inner := conn
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS would say goodbye first
		inner = wrapped.NetConn()
	}
	if tcp, ok := inner.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // if it fails, the close below is an end instead of a reset
	}
	_ = inner.Close()
}
