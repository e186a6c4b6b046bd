package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// start runs the command until stop is called, and reads its address from what it prints.
func start(t *testing.T, args ...string) (url string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	command := newCommand()
	command.SetArgs(args)
	command.SetOut(writer)
	ended := make(chan error, 1)
	go func() {
		err := command.ExecuteContext(ctx)
		writer.CloseWithError(io.EOF)
		ended <- err
	}()
	line := make([]byte, 500)
	n, err := reader.Read(line)
	if err != nil {
		t.Fatalf("it printed nothing and ended: %v", <-ended)
	}
	go io.Copy(io.Discard, reader)
	said := regexp.MustCompile(`^CloudWatch is at (http://127\.0\.0\.1:\d+) \(.+\)\n$`).FindSubmatch(line[:n])
	if said == nil {
		t.Fatalf("it said %q", line[:n])
	}
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() {
			cancel()
			select {
			case result = <-ended:
			case <-time.After(10 * time.Second):
				t.Error("it does not stop")
			}
		})
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return string(said[1]), stop
}

func TestItStartsServesAndStopsWithALiveTailOpen(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	url, stop := start(t, "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--access-log", log, "--tag", "Name=web=1")
	for header, want := range map[string]string{"Logs_20140328.CreateLogGroup": `{"logGroupName":"g"}`} {
		request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(want))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Amz-Target", header)
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/20261120/eu-west-1/logs/aws4_request, Signature=0")
		response, err := http.DefaultClient.Do(request)
		if err != nil || response.StatusCode != 200 {
			t.Fatalf("%v %v", response, err)
		}
		response.Body.Close()
	}
	tail, err := http.Get(url + "/api/tail?group=g&after=0")
	if err != nil || tail.StatusCode != 200 {
		t.Fatalf("%v %v", tail, err)
	}
	defer tail.Body.Close()
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	lines, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(lines), "GET /api/tail?group=g&after=0 HTTP/1.1") {
		t.Errorf("access log: %q %v", lines, err)
	}
}

func TestWhatItRefusesAndWhatItHints(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--listen", taken.Addr().String()}, "the port is taken, perhaps by another nephoscope-local; stop it, or pick another with --listen 127.0.0.1:0"},
		{[]string{"--listen", "0.0.0.0:0"}, "add --allow-remote"},
		{[]string{"--listen", ":0"}, "add --allow-remote"},
		{[]string{"--listen", "example.com:80"}, "add --allow-remote"},
		{[]string{"--listen", "4586"}, "is not an address and a port"},
		{[]string{"--tag", "=x"}, "is not KEY=VALUE"},
		{[]string{"--volume", "/dev/sdf"}, "is not DEVICE=ID"},
		{[]string{"--listen", "127.0.0.1:0", "--data", file}, "open store: "},
		{[]string{"--listen", "127.0.0.1:0", "--access-log", file + "/x"}, "open access log: "},
		{[]string{"surplus"}, "unknown command"},
	} {
		command := newCommand()
		command.SetArgs(c.args)
		command.SetOut(io.Discard)
		if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	for arg, want := range map[string]string{"--help": "export AWS_ENDPOINT_URL=http://127.0.0.1:4586", "--version": "nephoscope-local version dev"} {
		var out bytes.Buffer
		command := newCommand()
		command.SetArgs([]string{arg})
		command.SetOut(&out)
		if err := command.Execute(); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v %s", arg, err, out.String())
		}
	}
}
