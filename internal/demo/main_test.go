//go:build unix

package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// make run, from its build on: metrics and log events arrive, Ctrl-C ends everything.
func TestDemoShipsThisHostAndStops(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	for name, pkg := range map[string]string{"nephoscope": "../../cmd/nephoscope", "nephoscope-local": "../../cmd/nephoscope-local", "demo": "."} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, name), pkg).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	_ = free.Close()
	var out bytes.Buffer
	demo := exec.Command(filepath.Join(bin, "demo"), "-bin", bin, "-dir", dir, "-listen", listen)
	demo.Stdout, demo.Stderr = &out, &out
	demo.Env = append(os.Environ(), "AWS_PROFILE=nonexistent", "AWS_ENDPOINT_URL=http://127.0.0.1:1") // the demo is not to heed them
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = demo.Process.Kill() }()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for deadline := time.After(time.Minute); ; {
		now, err := seen(context.Background(), "http://"+listen)
		if err == nil && now.Data > 10 && now.Events > 2 && now.Refused == 0 {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("got %+v, %v\n%s", now, err, out.String())
		case <-look.C:
		}
	}
	_ = demo.Process.Signal(syscall.SIGINT)
	if err := demo.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(out.String(), "console   http://"+listen) {
		t.Errorf("it said:\n%s", out.String())
	}
	if c, err := net.Dial("tcp", listen); err == nil {
		_ = c.Close()
		t.Error("the local CloudWatch outlived the demo")
	}
}

func TestDemoSaysWhyItCannotStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	bin, dir := t.TempDir(), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "nephoscope-local"), "../../cmd/nephoscope-local").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	port := taken.Addr().String()
	f := func(what, listen, want string) {
		t.Helper()
		if err := run(t.Context(), bin, dir, listen); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", what, err, want)
		}
	}
	f("the port is another program's", port, "port taken: choose another with make run LISTEN=127.0.0.1:PORT ("+port+" is in use)")
	going := "a make run is going already in this folder (its data folder " + filepath.Join(dir, "cloudwatch") + " is in use)"
	first, err := serve(t.Context(), bin, dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.stop()
	address, _, _ := strings.Cut(strings.TrimPrefix(first.said(), serving+"http://"), " ")
	f("another make run at another port", "127.0.0.1:0", going)
	f("another make run at the same port, which answers", address, going)
	if _, err := seen(t.Context(), "http://"+address); err != nil {
		t.Errorf("the first one has suffered: %v", err)
	}
}
