package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	apacheURL  = "http://127.0.0.1:8089/"
	apacheConf = `
ServerRoot "%[1]s"
ServerName localhost
DefaultRuntimeDir "%[1]s"
PidFile "%[1]s/apache.pid"
Listen 127.0.0.1:8089
LoadModule mpm_event_module %[2]s/mod_mpm_event.so
LoadModule authz_core_module %[2]s/mod_authz_core.so
User nobody
DocumentRoot "%[1]s/htdocs"
ErrorLog "%[1]s/error.log"
LogFormat "%%h %%l %%u %%t \"%%r\" %%>s %%O \"%%{Referer}i\" \"%%{User-Agent}i\"" combined
CustomLog "%[1]s/access.log" combined
KeepAlive On
MaxKeepAliveRequests 50
`
)

// startApache runs a web server in the folder of the test.
func (b *bed) startApache() {
	b.Helper()
	modules, _ := filepath.Glob("/usr/lib*/apache2/modules")
	if len(modules) == 0 {
		b.Fatal("apache2 has no modules")
	}
	b.must(os.Mkdir(b.path("htdocs"), 0o755))
	b.must(os.WriteFile(b.path("htdocs/index.html"), []byte("hello\n"), 0o644))
	b.must(os.WriteFile(b.path("httpd.conf"), fmt.Appendf(nil, apacheConf, b.dir, modules[0]), 0o644))
	b.mayEnter()
	cmd := exec.Command("apache2", "-f", b.path("httpd.conf"), "-DFOREGROUND")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	b.must(cmd.Start())
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	b.until("the web server answers", func() bool { return get(apacheURL) == nil })
}

// mayEnter lets anybody enter the folder of the test: the web server's workers are nobody.
func (b *bed) mayEnter() {
	for dir := b.dir; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		b.must(os.Chmod(dir, 0o755))
	}
}

func get(url string) error {
	answer, err := http.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// visitors ask for pages, each a different one, until they are told to stop; they return the requests that were answered.
func visitors(n int, quit <-chan struct{}) (answered func() []string) {
	all := make([][]string, n)
	var next atomic.Int64
	var work sync.WaitGroup
	for v := range n {
		work.Go(func() {
			pace := time.NewTicker(2 * time.Millisecond)
			defer pace.Stop()
			for {
				select {
				case <-quit:
					return
				case <-pace.C:
				}
				query := fmt.Sprintf("/index.html?n=%08d", next.Add(1))
				if get(apacheURL+query[1:]) == nil {
					all[v] = append(all[v], query)
				}
			}
		})
	}
	return func() []string {
		work.Wait()
		return slices.Concat(all...)
	}
}

// every lets something happen some times, at a distance.
func every(distance time.Duration, times int, what func()) {
	next := time.NewTicker(distance)
	defer next.Stop()
	for range times {
		<-next.C
		what()
	}
}

// oldestFirst lists what logrotate has made of a log, and the log.
func oldestFirst(log string) (files []string) {
	for n := 1000; n > 0; n-- {
		for _, ending := range []string{".gz", ""} {
			if name := fmt.Sprint(log, ".", n, ending); exists(name) {
				files = append(files, name)
			}
		}
	}
	return append(files, log)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

var asked = regexp.MustCompile(`GET (\S+) HTTP`)

func TestApacheUnderLoadWithGracefulRestarts(t *testing.T) {
	if !apart(t, "apache2", "logrotate", "gzip") {
		return
	}
	b := newBed(t)
	b.config(oneLog)
	b.startApache()
	b.start()
	r := newRotation(t, b.dir, b.path("access.log"), `create 0640
	compress
	delaycompress
	postrotate
		apache2 -f %DIR%/httpd.conf -k graceful
	endscript`)
	quit := make(chan struct{})
	answered := visitors(6, quit)
	const often = 1500 * time.Millisecond
	every(often, 4, r.rotate)
	every(often, 1, func() {
		lines := b.linesOf(b.path("access.log"))
		b.caughtUp("g", "s", lines[len(lines)-1])
	})
	b.stop()
	every(often, 2, r.rotate)
	b.start()
	every(often, 2, r.rotate)
	close(quit)
	requests := answered()

	// A worker writes a request's line after the answer: the last ones may not be there yet.
	var lines, logged []string
	b.until("the web server has logged every request", func() bool {
		lines, logged = b.linesOf(oldestFirst(b.path("access.log"))...), nil
		for _, line := range lines {
			logged = append(logged, asked.FindStringSubmatch(line)[1])
		}
		return settleUp(requests, logged).lost == 0
	})
	b.account("g", "s", func([]string) []string { return lines }).clean(t, false)
	t.Logf("%d requests answered, %d logged", len(requests), len(logged))
}
