//go:build packages

package packagetest

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/nephoscope/nephoscope/local"
	"golang.org/x/sys/unix"
)

// servicesAt is where the names of AWS's services lead in a host.
const servicesAt = "127.0.0.2"

var serviceNames = []string{
	"monitoring.us-east-1.amazonaws.com", "logs.us-east-1.amazonaws.com", "ssm.us-east-1.amazonaws.com",
	"sts.us-east-1.amazonaws.com", "ec2.us-east-1.amazonaws.com",
}

// An aws is what a host finds under those names: a local CloudWatch behind TLS.
type aws struct {
	service *local.Server
	mu      sync.Mutex
	strange []string // requests that were not signed by the instance's role for its region
}

// serveAWS serves in the network of a process.
func serveAWS(t *testing.T, pid int) *aws {
	t.Helper()
	listener, err := listenIn(pid, servicesAt+":443")
	if err != nil {
		t.Fatal(err)
	}
	a := &aws{service: &local.Server{Hosts: serviceNames, AllowRemote: true}}
	front := &http.Server{
		Handler:   http.HandlerFunc(a.answer),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{bed.authority.server}, NextProtos: []string{"http/1.1"}},
	}
	go func() { _ = front.ServeTLS(listener, "", "") }()
	t.Cleanup(func() {
		_ = front.Close()
		_ = a.service.Close()
		if len(a.strange) > 0 {
			t.Errorf("%d requests were not the role's, such as %s", len(a.strange), a.strange[0])
		}
	})
	return a
}

func (a *aws) answer(w http.ResponseWriter, r *http.Request) {
	looks := r.Method == http.MethodGet && r.URL.Path == "/" // doctor does, to see whether anybody is there
	signed := r.Header.Get("Authorization")
	roles := strings.Contains(signed, "Credential=ASIAROLE/") && strings.Contains(signed, "/us-east-1/")
	if !looks && !roles {
		a.mu.Lock()
		a.strange = append(a.strange, fmt.Sprintf("%s %s%s, %q", r.Method, r.Host, r.URL, signed))
		a.mu.Unlock()
	}
	a.service.ServeHTTP(w, r)
}

// listenIn listens in the network of a process. The thread that went there does not come back: it ends.
func listenIn(pid int, address string) (listener net.Listener, err error) {
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = enterNetwork(pid); err == nil {
			listener, err = net.Listen("tcp", address)
		}
	}()
	<-done
	return listener, err
}

// enterNetwork moves the thread, which must be locked.
func enterNetwork(pid int) error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network of process %d: %w", pid, err)
	}
	return nil
}

// messages are the events of a stream in order.
func (h *host) messages(group, stream string) (all []string) {
	h.Helper()
	events, err := h.service.Events(group, stream)
	h.must(err)
	for _, e := range events {
		all = append(all, e.Message)
	}
	return all
}
