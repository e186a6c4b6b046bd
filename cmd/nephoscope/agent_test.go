package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/local"
)

// binary builds the command once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "nephoscope-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "nephoscope")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	out, err := build.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
})

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == agent.ScraperProgram {
		os.Exit(standInScraper())
	}
	status := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(status)
}

// bed is a test bed: a local CloudWatch with a switch for faults in front of it, and an agent process.
type bed struct {
	*testing.T
	dir     string
	service *local.Server
	fault   atomic.Pointer[http.HandlerFunc] // nil: none
	url     string
	env     []string
	cmd     *exec.Cmd
	ended   chan error // gets how the agent ended
	output  *syncBuffer
	program string        // the agent's; "": the one that all tests share
	over    chan struct{} // closed at the end of the test
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{T: t, dir: t.TempDir(), service: &local.Server{}, over: make(chan struct{})}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := b.fault.Load(); f != nil {
			(*f)(w, r)
			return
		}
		b.service.ServeHTTP(w, r)
	}))
	b.url = front.URL
	b.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "AWS_ENDPOINT_URL=" + front.URL, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=eu-west-1",
	}
	t.Cleanup(func() {
		b.kill()
		close(b.over)
		front.CloseClientConnections()
		front.Close()
		_ = b.service.Close()
		if t.Failed() && b.output != nil {
			t.Logf("the agent said:\n%s", b.output)
		}
	})
	return b
}

func (b *bed) path(name string) string { return filepath.Join(b.dir, name) }

// config writes the configuration; %DIR% stands for the folder of the test.
func (b *bed) config(text string) {
	b.Helper()
	b.must(os.WriteFile(b.path("config.json"), []byte(strings.ReplaceAll(text, "%DIR%", b.dir)), 0o600))
}

func (b *bed) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bed) write(name, text string) {
	b.Helper()
	f, err := os.OpenFile(b.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	b.must(err)
	_, err = f.WriteString(text)
	b.must(err)
	b.must(f.Close())
}

// start starts the agent.
func (b *bed) start(args ...string) {
	b.Helper()
	path := b.program
	if path == "" {
		var err error
		path, err = binary()
		b.must(err)
	}
	if b.output == nil {
		b.output = &syncBuffer{}
	}
	b.cmd = exec.Command(path, append([]string{"run", "--config", b.path("config.json"), "--state", b.path("state"), "--common-config", b.common()}, args...)...)
	b.cmd.Env, b.cmd.Stdout, b.cmd.Stderr = b.env, b.output, b.output
	b.must(b.cmd.Start())
	b.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan error) { ended <- cmd.Wait() }(b.cmd, b.ended)
}

func (b *bed) common() string {
	path := b.path("common-config.toml")
	if _, err := os.Stat(path); err != nil {
		b.must(os.WriteFile(path, nil, 0o600))
	}
	return path
}

// stop asks the agent to stop, and tells how long it took.
func (b *bed) stop() time.Duration {
	b.Helper()
	began := time.Now()
	b.must(b.cmd.Process.Signal(syscall.SIGTERM))
	if err := <-b.ended; err != nil {
		b.Errorf("the agent ended with %v", err)
	}
	b.cmd = nil
	return time.Since(began)
}

// kill is kill -9.
func (b *bed) kill() {
	if b.cmd != nil {
		_ = b.cmd.Process.Kill()
		<-b.ended
		b.cmd = nil
	}
}

// until waits for a condition, for at most a minute.
func (b *bed) until(what string, holds func() bool) {
	b.Helper()
	deadline := time.After(time.Minute)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-deadline:
			b.Fatalf("never happened: %s", what)
		case err := <-b.ended:
			b.ended <- err
			b.Fatalf("the agent ended with %v before this happened: %s", err, what)
		case <-look.C:
		}
	}
}

func (b *bed) events(group, stream string) (messages []string) {
	b.Helper()
	events, err := b.service.Events(group, stream)
	b.must(err)
	for _, e := range events {
		messages = append(messages, e.Message)
	}
	return messages
}

func (b *bed) said(text string) bool { return strings.Contains(b.output.String(), text) }

// answer makes every request fail in one way; nil ends the fault.
func (b *bed) answer(f http.HandlerFunc) {
	if f == nil {
		b.fault.Store(nil)
		return
	}
	b.fault.Store(&f)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// metadata is an instance metadata service, version 2 only.
type metadata struct {
	tags map[string]string // nil: not enabled
}

func (m metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const token = "token"
	path := strings.TrimPrefix(r.URL.Path, "/latest/")
	switch {
	case r.Method == http.MethodPut && path == "api/token":
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
		_, _ = io.WriteString(w, token)
	case r.Header.Get("X-Aws-Ec2-Metadata-Token") != token:
		w.WriteHeader(http.StatusUnauthorized)
	case path == "dynamic/instance-identity/document":
		_ = json.NewEncoder(w).Encode(map[string]string{
			"instanceId": "i-0abc123def4567890", "instanceType": "t3.small", "imageId": "ami-0feedfacefeedface",
			"region": "eu-west-1", "accountId": "111122223333", "privateIp": "10.0.0.5",
		})
	case path == "meta-data/hostname":
		_, _ = io.WriteString(w, "ip-10-0-0-5.eu-west-1.compute.internal")
	case path == "meta-data/tags/instance" && m.tags != nil:
		for name := range m.tags {
			_, _ = fmt.Fprintln(w, name)
		}
	case strings.HasPrefix(path, "meta-data/tags/instance/") && m.tags[strings.TrimPrefix(path, "meta-data/tags/instance/")] != "":
		_, _ = io.WriteString(w, m.tags[strings.TrimPrefix(path, "meta-data/tags/instance/")])
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// onEC2 lets the agent find a metadata service.
func (b *bed) onEC2(m metadata) {
	imds := httptest.NewServer(m)
	b.Cleanup(imds.Close)
	b.env = append(b.env, "AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT="+imds.URL)
}

// dimensionsOf lists the sets of dimension names that metrics have: "a b c".
func (b *bed) dimensionsOf(name string) (sets []string) {
	b.Helper()
	all, err := b.service.Metrics()
	b.must(err)
	for _, m := range all {
		if m.Name != name {
			continue
		}
		var names []string
		for _, d := range m.Dimensions {
			names = append(names, d.Name+"="+d.Value)
		}
		sets = append(sets, strings.Join(names, " "))
	}
	return sets
}
