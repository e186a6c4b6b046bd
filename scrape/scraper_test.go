package scrape

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

const gauge = "# TYPE g gauge\ng 1\n"

// serve answers by handler, on loopback.
func serve(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// answer scrapes a target once with a job of its own, and returns what was written and said, and the counts.
func answer(t *testing.T, job string, address string) (out, said string, counts Counts) {
	t.Helper()
	s, o, l := aScraper(t, config.Prometheus{ConfigPath: oneJob(t, job, address), LogGroup: "g", Namespace: "n", MaxSeries: 10})
	everyTarget(t, s)
	return o.String(), l.String(), s.Counts()
}

func oneJob(t *testing.T, job, address string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "prometheus.yaml")
	write(t, file, "scrape_configs:\n- job_name: j\n  static_configs: [{targets: ['"+address+"']}]\n  "+strings.ReplaceAll(job, "\n", "\n  "))
	return file
}

func TestWhatATargetIsAsked(t *testing.T) {
	t.Parallel()
	var asked *http.Request
	address := serve(t, func(w http.ResponseWriter, r *http.Request) { asked = r; fmt.Fprint(w, gauge) })
	token := filepath.Join(t.TempDir(), "token")
	write(t, token, "secret\n")
	f := func(job, url, header, want string) {
		t.Helper()
		out, said, _ := answer(t, job, address)
		if !strings.Contains(out, `"g":1`) || said != "" || asked.URL.String() != url || asked.Header.Get(header) != want {
			t.Errorf("%s: %s: %q, want %q; %s %s", job, asked.URL, asked.Header.Get(header), want, out, said)
		}
	}
	f("", "/metrics", "Accept-Encoding", "gzip")
	f("", "/metrics", "Accept", accept)
	f("", "/metrics", "X-Prometheus-Scrape-Timeout-Seconds", "10")
	f("", "/metrics", "User-Agent", "nephoscope-prometheus")
	f("enable_compression: false", "/metrics", "Accept-Encoding", "identity")
	f("metrics_path: /x/y\nparams: {a: [b, c], d: ['&']}", "/x/y?a=b&a=c&d=%26", "Authorization", "")
	f("basic_auth: {username: me, password: pw}", "/metrics", "Authorization", "Basic bWU6cHc=")
	f("basic_auth: {username: me, password_file: "+token+"}", "/metrics", "Authorization", "Basic bWU6c2VjcmV0")
	f("authorization: {credentials: x}", "/metrics", "Authorization", "Bearer x")
	f("authorization: {type: Token, credentials_file: "+token+"}", "/metrics", "Authorization", "Token secret")
	f("bearer_token_file: "+token, "/metrics", "Authorization", "Bearer secret")
	f("http_headers: {x-tenant: {values: [a]}}", "/metrics", "X-Tenant", "a")
	f("relabel_configs: [{target_label: __metrics_path__, replacement: /probe}, {source_labels: [__address__], target_label: __param_target}]", "/probe?target="+
		strings.Replace(address, ":", "%3A", 1), "Accept-Encoding", "gzip")
}

func TestLabelsOfATarget(t *testing.T) {
	t.Parallel()
	j := &Job{Name: "j", Interval: time.Minute, Timeout: time.Second, MetricsPath: "/metrics", Scheme: "https"}
	target, err := newTarget(j, "h", map[string]string{"env": "x", "__meta_a": "b", "job": "k"})
	if err != nil || target.labels.String() != `{env="x", instance="h", job="k"}` || target.url != "https://h/metrics" || target.interval != time.Minute {
		t.Errorf("%+v %v", target, err)
	}
	for label, value := range map[string]string{"__scrape_interval__": "0s", "__scrape_timeout__": "2m", "__address__": "x/y"} {
		c, problems := problemsOf(t, "scrape_configs:\n- job_name: a\n  static_configs: [{targets: [x]}]\n  relabel_configs: [{target_label: "+label+", replacement: "+value+"}]\n")
		if problems != "" {
			t.Fatal(problems)
		}
		if _, err := newTarget(c.Jobs[0], "h", nil); err == nil {
			t.Errorf("%s %s is taken", label, value)
		}
	}
}

func TestTargetsAreSpreadOverTheInterval(t *testing.T) {
	t.Parallel()
	quarters := map[time.Duration]int{}
	for i := range 400 {
		w := (&target{key: fmt.Sprint(i), interval: time.Minute}).first(noon)
		if w < 0 || w >= time.Minute {
			t.Fatal(w)
		}
		quarters[w/(15*time.Second)]++
	}
	for q := range time.Duration(4) {
		if quarters[q] < 50 {
			t.Error(quarters)
		}
	}
	one := &target{key: "x", interval: time.Minute}
	if a, b := noon.Add(one.first(noon)), noon.Add(90*time.Second); !b.Add(one.first(b)).Equal(a.Add(time.Minute)) && !b.Add(one.first(b)).Equal(a.Add(2*time.Minute)) {
		t.Error("it does not keep its moment")
	}
}

// Whoever answers for a target cannot fill us, keep us, or have us read what is not meant for others.
func TestTargetsThatMeanIll(t *testing.T) {
	t.Parallel()
	zip := func(w http.ResponseWriter, body io.Reader) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.Copy(z, body)
		_ = z.Close()
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	f := func(what, job, reason, want string, handler http.HandlerFunc) {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s, out, said := aScraper(t, config.Prometheus{ConfigPath: oneJob(t, job, serve(t, handler)), LogGroup: "g", Namespace: "n", MaxSeries: 10})
			everyTarget(t, s)
			if c := s.Counts(); out.Len() > 0 || c.Failures[reason] != 1 || !strings.Contains(said.String(), want) || s.bodies.used.Load() != 0 {
				t.Errorf("%s %v %s %d", out, c, said, s.bodies.used.Load())
			}
		})
	}
	f("a body without end", "body_size_limit: 1MB", failedBody, "larger than 1048576 bytes: raise body_size_limit", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, endless(strings.Repeat("g 1\n", 1000)))
	})
	f("a body without end and our own limit", "", failedBody, "larger than 33554432 bytes", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, endless(strings.Repeat("g 1\n", 1000)))
	})
	f("a small body that unpacks to a large one", "body_size_limit: 1MB", failedBody, "larger than 1048576 bytes", func(w http.ResponseWriter, _ *http.Request) {
		zip(w, io.LimitReader(endless(strings.Repeat("\n", 4000)), 100<<20))
	})
	f("a body that comes slowly", "scrape_timeout: 100ms", failedRequest, "did not answer in time", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "g")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	f("a header that never comes", "scrape_timeout: 100ms", failedRequest, "did not answer in time", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	f("one that says it is compressed", "", failedMalformed, "says that it is compressed and is not", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, gauge)
	})
	f("redirects in a circle", "", failedRequest, "redirects in a circle", redirect("/again"))
	f("a redirect to the metadata service", "", failedRequest, "redirects to a link-local address", redirect("http://169.254.169.254/latest/meta-data/iam"))
	f("a redirect to it in other words", "", failedRequest, "redirects to a link-local address", redirect("http://[::ffff:169.254.169.254]/"))
	f("a redirect to a file", "", failedRequest, "unsupported protocol scheme", redirect("file:///etc/passwd"))
	f("a redirect that is not to be followed", "follow_redirects: false", failedStatus, "it answered 302 Found: follow_redirects is off", redirect("/x"))
	f("a page", "", failedMalformed, "but a page of HTML: is metrics_path right?", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>secret</html>")
	})
	f("one that hangs up", "", failedRequest, "it closed the connection and had not answered", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	f("one that hangs up too early", "", failedRequest, "it closed the connection in the middle of its answer", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, gauge)
	})
	f("one that refuses", "", failedStatus, "it answered 401 Unauthorized: is there basic_auth or authorization in the job?", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(401)
	})
}

// What the parser panics of is one target's failure.
func TestPanicOfTheParserIsOneTargetsFailure(t *testing.T) {
	t.Parallel()
	p := &parsing{target: &target{}} // without a job, a sample cannot be read
	err := p.exposition(&body{data: []byte(gauge), kind: "text/plain"})
	if err == nil || reasonOf(err) != failedMalformed || err.Error() != "Prometheus's parser cannot cope with its body" {
		t.Error(err)
	}
}

// endless is text again and again.
type endless string

func (e endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

func TestLinkLocalAddressesAreRefusedToRedirectsAlone(t *testing.T) {
	t.Parallel()
	for address, refused := range map[string]bool{"169.254.169.254": true, "169.254.170.2": true, "fe80::1%eth0": true, "fd00:ec2::254": true, "::ffff:169.254.169.254": true,
		"127.0.0.1": false, "10.0.0.1": false, "fd00:ec2::1": false} {
		at := netip.AddrPortFrom(netip.MustParseAddr(address), 80).String()
		for _, was := range []bool{false, true} {
			ctx := context.WithValue(t.Context(), redirected{}, &was)
			if err := stayHere(ctx, "tcp", at, nil); (err != nil) != (refused && was) {
				t.Errorf("%s, redirected %v: %v", at, was, err)
			}
		}
	}
}

// Credentials are for the host that they were given for.
func TestRedirectsTakeNoCredentialsElsewhere(t *testing.T) {
	t.Parallel()
	var got http.Header
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { got = r.Header.Clone(); fmt.Fprint(w, gauge) })
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+other+"/", http.StatusFound)
	})
	out, said, _ := answer(t, "authorization: {credentials: secret}\nhttp_headers: {X-Key: {secrets: [secret]}}\nparams: {token: [secret]}", address)
	if !strings.Contains(out, `"g":1`) || got.Get("Authorization") != "" || got.Get("X-Key") != "" || strings.Contains(fmt.Sprint(got), "secret") {
		t.Errorf("%s %s %v", out, said, got)
	}
}

func TestTargetOfTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "# TYPE g gauge\ng %d\n", len(r.TLS.PeerCertificates))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "https://")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	f := func(job, want string) {
		t.Helper()
		if out, said, _ := answer(t, "scheme: https\n"+job, address); !strings.Contains(out+said, want) {
			t.Errorf("%s: %s %s, want %s", job, out, said, want)
		}
	}
	f("", "its certificate is not trusted")
	f("tls_config: {ca_file: "+ca+"}", `"g":0`)
	f("tls_config: {insecure_skip_verify: true}", `"g":0`)
	f("tls_config: {ca_file: "+ca+", server_name: other.example}", "its certificate is not trusted: it is for other names than other.example: is there server_name in tls_config?")
	f("tls_config: {ca_file: "+ca+".none}", "the job cannot be scraped; it is tried again every few seconds")
	f("tls_config: {ca: nonsense}", "there is no certificate in it")
	f("tls_config: {insecure_skip_verify: true, cert: nonsense, key: nonsense}", "a target cannot be scraped")
}

// A target that is down is said once, and once that it is up again.
func TestFailuresAreSaidOnce(t *testing.T) {
	t.Parallel()
	up := false
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if !up {
			w.WriteHeader(500)
		}
		fmt.Fprint(w, gauge)
	})
	s, _, said := aScraper(t, config.Prometheus{ConfigPath: oneJob(t, "", address), LogGroup: "g", Namespace: "n", MaxSeries: 10})
	for i := range 6 {
		up = i >= 3
		everyTarget(t, s)
	}
	if n := strings.Count(said.String(), "cannot be scraped"); n != 1 || strings.Count(said.String(), "can be scraped again") != 1 {
		t.Error(said)
	}
	if c := s.Counts(); c.Scrapes != 6 || c.Failed != 3 || c.Failures[failedStatus] != 3 || !c.Targets[0].Up || c.Targets[0].LastError != "" {
		t.Errorf("%+v", c)
	}
}

func TestFilesOfTargets(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "# TYPE c counter\nc 1\n") })
	dir := t.TempDir()
	file := filepath.Join(dir, "targets.json")
	prometheus := filepath.Join(dir, "prometheus.yaml")
	write(t, prometheus, "scrape_configs:\n- job_name: j\n  file_sd_configs: [{files: ['*.json', one.yml], refresh_interval: 10h}]\n")
	s, _, said := aScraper(t, config.Prometheus{ConfigPath: prometheus, LogGroup: "g", Namespace: "n", MaxSeries: 10})
	at := noon
	s.now = func() time.Time { at = at.Add(time.Minute); return at }
	f := func(what string, change func(), targets int) {
		t.Helper()
		change()
		everyTarget(t, s)
		if len(s.targets) != targets {
			t.Errorf("%s: %d targets, want %d; %s", what, len(s.targets), targets, said)
		}
	}
	replace := func(name, text string) func() {
		return func() { // as a careful program does
			write(t, name+".new", text)
			if err := os.Rename(name+".new", name); err != nil {
				t.Fatal(err)
			}
		}
	}
	f("nothing yet", func() {}, 0)
	f("one", replace(file, `[{"targets": ["`+address+`"], "labels": {"env": "x"}}]`), 1)
	f("a second file", replace(filepath.Join(dir, "one.yml"), "- targets: ["+address+"]\n"), 2)
	f("the same target twice", replace(filepath.Join(dir, "two.json"), `[{"targets": ["`+address+`"], "labels": {"env": "y"}}, {"targets": ["`+address+`"], "labels": {"env": "y"}}]`), 3)
	f("half written", replace(file, `[{"targets": ["`), 3)
	if !strings.Contains(said.String(), "a file of targets cannot be read; what it said before goes on") {
		t.Error(said)
	}
	f("emptied: it may be about to be written", replace(file, ``), 3)
	f("still empty", func() {}, 2)
	f("a target that another file has", replace(file, `[{"targets": ["`+address+`", "`+address+`"]}]`), 2)
	f("removed", func() { _ = os.Remove(filepath.Join(dir, "two.json")) }, 1)
	f("unknown key", replace(file, `[{"target": ["x"]}]`), 1)
	if !strings.Contains(said.String(), `unknown key (did you mean \"targets\"?)`) {
		t.Error(said)
	}
}

// The configuration is taken up when it changes; one with a mistake is not, and jobs that are as before go on.
func TestConfigurationIsTakenUp(t *testing.T) {
	t.Parallel()
	n := 0
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { n++; fmt.Fprintf(w, "# TYPE c counter\nc %d\n", n) })
	file := oneJob(t, "", address)
	s, out, said := aScraper(t, config.Prometheus{ConfigPath: file, LogGroup: "g", Namespace: "n", MaxSeries: 10})
	at := noon
	s.now = func() time.Time { at = at.Add(15 * time.Second); return at }
	everyTarget(t, s)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(raw)+"\n  nonsense: 1\n")
	everyTarget(t, s)
	if !strings.Contains(said.String(), "the scrape configuration has mistakes: what it was before goes on") || !strings.Contains(out.String(), `"c":1`) {
		t.Error(said, out)
	}
	out.Reset()
	write(t, file, string(raw)+"\n- job_name: other\n  static_configs: [{targets: ['"+address+"']}]\n")
	everyTarget(t, s)
	if !strings.Contains(said.String(), "is taken up") || len(s.targets) != 2 || !strings.Contains(out.String(), `"job":"j","prom_metric_type":"counter","c":1`) {
		t.Error(said, out, len(s.targets))
	}
	write(t, file, "scrape_configs: []\n")
	everyTarget(t, s)
	if len(s.targets) != 0 || len(s.config.Jobs) != 0 {
		t.Error(s.targets)
	}
}

func TestTargetLimit(t *testing.T) {
	t.Parallel()
	out, said, c := answer(t, "target_limit: 1", "a:1', 'b:2")
	if out != "" || len(c.Targets) != 0 || !strings.Contains(said, "there are 2, more than target_limit: 1; none is scraped") {
		t.Error(out, said, c)
	}
}

// What nobody can read any more ends the scraper.
func TestOutputThatCannotBeWrittenToEndsIt(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, gauge) })
	s, _, _ := aScraper(t, config.Prometheus{ConfigPath: oneJob(t, "", address), LogGroup: "g", Namespace: "n", MaxSeries: 10})
	s.out = brokenPipe{}
	if err := s.Once(t.Context()); err == nil || err.Error() != "write documents: broken pipe" {
		t.Error(err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// Run starts targets by itself, and stops at once, also while a target hangs.
func TestRunScrapesAndStopsWhileATargetHangs(t *testing.T) {
	t.Parallel()
	hangs := make(chan struct{}, 10)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			hangs <- struct{}{}
			<-r.Context().Done()
		}
		fmt.Fprint(w, gauge)
	})
	file := filepath.Join(t.TempDir(), "prometheus.yaml")
	write(t, file, "global: {scrape_interval: 100ms}\nscrape_configs:\n- {job_name: a, static_configs: [{targets: ['"+address+"']}]}\n"+
		"- {job_name: b, scrape_interval: 1m, scrape_timeout: 1m, metrics_path: /hang, relabel_configs: [{target_label: __scrape_interval__, replacement: 50ms}, {target_label: __scrape_timeout__, replacement: 50ms}], static_configs: [{targets: ['"+address+"']}]}\n")
	s, _, _ := aScraper(t, config.Prometheus{ConfigPath: file, LogGroup: "g", Namespace: "n", MaxSeries: 10})
	s.now = time.Now
	reader, writer := net.Pipe()
	s.out = writer
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	line := make([]byte, 1000)
	for range 2 {
		n, err := reader.Read(line)
		if err != nil || !bytes.Contains(line[:n], []byte(`"g":1`)) {
			t.Fatalf("%s %v", line[:n], err)
		}
	}
	<-hangs
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if used := s.bound.used.Load(); used != 0 || s.bodies.used.Load() != 0 {
		t.Error(used, s.bodies.used.Load())
	}
}
