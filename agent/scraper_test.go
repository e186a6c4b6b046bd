package agent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/listeners"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// By the scraper's name, the program of these tests is a scraper, which does what its cluster is called after.
func TestMain(m *testing.M) {
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == ScraperProgram {
		os.Exit(standIn(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func standIn(args []string) int {
	if len(args) == 3 && args[0] == "check" && args[1] == "--json" {
		switch text, err := os.ReadFile(args[2]); {
		case err != nil:
			fmt.Fprintln(os.Stderr, ScraperProgram+": check: "+err.Error())
			return 2
		case strings.Contains(string(text), "nonsense"):
			fmt.Println("nonsense")
		case strings.Contains(string(text), "mistake"):
			fmt.Printf(`{"ok":false,"problems":[{"file":%q,"line":3,"column":5,"text":"a mistake","hint":"mend it"}]}`, args[2])
			return 1
		default:
			fmt.Println(`{"ok":true,"problems":[]}`)
		}
		return 0
	}
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	var settings config.Prometheus
	if err != nil || json.Unmarshal(line, &settings) != nil {
		fmt.Fprintln(os.Stderr, "no settings")
		return 2
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.Copy(io.Discard, in)
	}()
	say := func(level, msg string) {
		fmt.Fprintf(os.Stderr, `{"level":%q,"msg":%q,"job":"web","n":7}`+"\n", level, msg)
	}
	document := func(n any) {
		fmt.Printf(`{"_aws":{"Timestamp":%d,"LogGroupName":%q,"LogStreamName":"web","CloudWatchMetrics":[]},"n":"%v"}`+"\n", time.Now().UnixMilli(), settings.LogGroup, n)
	}
	switch settings.ClusterName {
	case "documents":
		for n := range 3 {
			document(n)
		}
		say("info", "scrapes")
		fmt.Fprintln(os.Stderr, `{"counts":{"scrapes":5,"scrapes_failed":1,"samples":300,"events":3,"dropped":{"series_bound":2},"targets":[{"job":"web","instance":"b:1","up":false,"last_error":"refused"},{"job":"web","instance":"a:1","up":true,"samples":300,"last_scrape_ms":1.5}]}}`)
		<-over
		document("last")
	case "crash":
		document("before")
		say("error", "cannot go on")
		return 3
	case "panic":
		panic("out of its mind")
	case "flood":
		for n := 0; ; n++ {
			select {
			case <-over:
				return 0
			default:
				document(n)
				say("warn", "again and again")
			}
		}
	case "garbage":
		fmt.Printf("\x00\xff\xfe\n{}\n[1]\n{\"n\":1}\n\n%s\n", strings.Repeat("x", 2_000_000))
		document("good")
		fmt.Fprintf(os.Stderr, "\x00\xff\n{\"msg\":7}\n{\"counts\":[]}\n{\"level\":\"loud\",\"msg\":\"x\"}\n%s\n", strings.Repeat("y", 3_000_000))
		say("info", "the end of it")
		<-over
		fmt.Printf(`{"half":`)
	case "stubborn":
		document("here")
		select {}
	case "bare":
		raw, _ := os.ReadFile("/proc/self/status")
		document(strings.Join(os.Environ(), ","))
		for l := range strings.Lines(string(raw)) {
			if strings.HasPrefix(l, "NoNewPrivs") || strings.HasPrefix(l, "CapAmb") {
				document(strings.Join(strings.Fields(l), " "))
			}
		}
		adjusted, _ := os.ReadFile("/proc/self/oom_score_adj")
		for string(adjusted) != "800\n" && len(adjusted) > 0 { // it comes after the start; the test waits no longer than for anything else
			adjusted, _ = os.ReadFile("/proc/self/oom_score_adj")
			runtime.Gosched()
		}
		document("dies first")
		<-over
	}
	return 0
}

// installStandIn puts the stand-in where a scraper is looked for.
func installStandIn(t *testing.T, path string) {
	t.Helper()
	own, err := os.Executable()
	if err == nil {
		if err = os.Link(own, path); err != nil { // another file system
			var raw []byte
			if raw, err = os.ReadFile(own); err == nil {
				err = os.WriteFile(path, raw, 0o755)
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// scraping is a scraper at work, and what it has written.
type scraping struct {
	*testing.T
	*scraper
	path   string // of the program
	logs   *observer.ObservedLogs
	agent  *Agent
	ended  chan struct{}
	cancel context.CancelFunc
}

// scrapes runs a scraper that does what behaviour says.
func scrapes(t *testing.T, behaviour string, change ...func(*scraping)) *scraping {
	t.Helper()
	t.Parallel()
	core, logs := observer.New(zapcore.InfoLevel)
	dir := t.TempDir()
	log := zap.New(core)
	s := &scraping{T: t, logs: logs, ended: make(chan struct{})}
	s.agent = &Agent{env: Env{StateDir: dir, Log: log}, events: listeners.NewEventSpool(filepath.Join(dir, "events"), log)}
	s.path = filepath.Join(dir, ScraperProgram)
	installStandIn(t, s.path)
	s.scraper = newScraper(config.Prometheus{ConfigPath: filepath.Join(dir, "scrape.yaml"), ClusterName: behaviour, LogGroup: "g", Namespace: "n", MaxSeries: 10}, s.agent)
	s.find = func() (string, error) { return isProgram(s.path, s.path) }
	s.pace = scraperPace{first: 10 * time.Millisecond, most: 50 * time.Millisecond, well: 300 * time.Millisecond, grace: 5 * time.Second, look: 10 * time.Millisecond}
	for _, c := range change {
		c(s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	up := make(chan struct{})
	go func() {
		defer close(s.ended)
		s.run(ctx, sync.OnceFunc(func() { close(up) }))
	}()
	t.Cleanup(func() {
		s.stop()
		s.agent.events.Close()
	})
	<-up
	return s
}

func (s *scraping) stop() {
	s.cancel()
	<-s.ended
}

func (s *scraping) status() ScraperLedger {
	var to Status
	s.show(&to)
	return *to.Prometheus
}

// documents are the values of n that were written down.
func (s *scraping) documents() (all []string) {
	files, _ := filepath.Glob(s.agent.events.Pattern())
	slices.Sort(files)
	for _, f := range files {
		raw, _ := os.ReadFile(f)
		for line := range strings.Lines(string(raw)) {
			_, text, _ := strings.Cut(line, " ")
			var d struct{ N string }
			if json.Unmarshal([]byte(text), &d) == nil {
				all = append(all, d.N)
			}
		}
	}
	return all
}

func (s *scraping) saidTimes(text string) int { return s.logs.FilterMessageSnippet(text).Len() }

// What it writes until its last moment waits to be delivered, and what it tells is told.
func TestScrapedDocumentsAreWrittenDownUntilTheEnd(t *testing.T) {
	s := scrapes(t, "documents")
	comes(t, "the documents and the counts", func() bool { l := s.status(); return l.Accepted == 3 && l.Scrapes == 5 })
	l := s.status()
	if l.PID == 0 || l.Starts != 1 || l.Program != s.path || l.Failed != 1 || l.Samples != 300 || l.Dropped["series_bound"] != 2 || len(l.Targets) != 2 || l.Targets[0].Instance != "b:1" || l.Trouble != nil {
		t.Errorf("got %+v", l)
	}
	if n, first := l.Down(); n != 1 || first.LastError != "refused" {
		t.Errorf("got %d, %+v", n, first)
	}
	s.stop()
	if got := s.documents(); !slices.Equal(got, []string{"0", "1", "2", "last"}) {
		t.Errorf("got %q", got)
	}
	if l := s.status(); l.PID != 0 || l.Scrapes != 5 || l.Accepted != 4 || s.saidTimes("scraper: scrapes") != 1 {
		t.Errorf("got %+v", l)
	}
	stream, err := s.agent.events.Stream(func() string { f, _ := filepath.Glob(s.agent.events.Pattern()); return f[0] }())
	if want := (cloudwatch.LogStream{Group: "g", Name: "web", RetentionDays: -1}); err != nil || stream != want {
		t.Errorf("got %+v, %v", stream, err)
	}
}

// A scraper that ends by itself is started again, ever more seldom; the log has it once, with what it said itself.
func TestScraperThatCrashesIsStartedAgain(t *testing.T) {
	s := scrapes(t, "crash")
	comes(t, "another start", func() bool { return s.status().Starts >= 4 })
	comes(t, "what every one of them wrote", func() bool { return s.status().Accepted >= 4 })
	l := s.status()
	if l.Trouble == nil || !strings.Contains(l.Trouble.Error, "ended by itself: exit status 3: cannot go on") || s.saidTimes("nothing is scraped until") != 1 {
		t.Errorf("got %+v, said %d times", l.Trouble, s.saidTimes("nothing is scraped until"))
	}
}

func TestPanicOfTheScraperIsInTheLog(t *testing.T) {
	s := scrapes(t, "panic")
	comes(t, "its trace", func() bool {
		return s.saidTimes("scraper: panic: out of its mind") > 0 && s.saidTimes("goroutine 1") > 0
	})
	comes(t, "the trouble", func() bool { return s.status().Trouble != nil })
	if got := s.status().Trouble.Error; !strings.Contains(got, "out of its mind") {
		t.Errorf("got %q", got)
	}
}

// What there is no room for is refused and counted, and its lines do not fill the agent's log. Nothing that is accepted is missing.
func TestScraperThatFloodsIsHeldWithinBounds(t *testing.T) {
	s := scrapes(t, "flood", func(s *scraping) { s.agent.events.Allow(100_000) })
	comes(t, "a flood", func() bool { return s.status().Documents["spool_full"] > 1000 })
	s.stop()
	l := s.status()
	if l.Received != l.Accepted+l.Documents["spool_full"] || int64(len(s.documents())) != l.Accepted || l.Accepted == 0 {
		t.Errorf("%d were accepted, %d are there: %+v", l.Accepted, len(s.documents()), l)
	}
	if n := s.saidTimes("scraper: "); n > 2*saidLines+2 {
		t.Errorf("it is said %d times", n)
	}
}

func TestGarbageOfTheScraperIsCounted(t *testing.T) {
	s := scrapes(t, "garbage")
	comes(t, "the end of it", func() bool { return s.saidTimes("the end of it") == 1 && s.status().Accepted == 1 })
	s.stop()
	l := s.status()
	if fmt.Sprint(l.Documents) != "map[not_emf:2 not_json:3 too_large:1]" || l.Received != 7 || !slices.Equal(s.documents(), []string{"good"}) {
		t.Errorf("got %+v, %q", l, s.documents())
	}
	for _, e := range s.logs.All() {
		if len(e.Message) > saidBytes+20 {
			t.Errorf("a message of %d bytes", len(e.Message))
		}
	}
}

// One that does not end when it is told to is killed.
func TestScraperThatDoesNotEndIsKilled(t *testing.T) {
	s := scrapes(t, "stubborn", func(s *scraping) { s.pace.grace = 50 * time.Millisecond })
	comes(t, "a document", func() bool { return s.status().Accepted == 1 })
	pid := s.status().PID
	s.stop()
	if s.saidTimes("and is killed") != 1 || s.status().PID != 0 || pid == 0 {
		t.Errorf("got %+v", s.status())
	}
	if p, err := os.FindProcess(pid); err == nil && p.Signal(syscall.Signal(0)) == nil {
		t.Errorf("%d is still there", pid)
	}
}

// One that is not installed is said once, and taken up when it is there.
func TestScraperThatIsInstalledLaterIsTakenUp(t *testing.T) {
	s := scrapes(t, "documents", func(s *scraping) {
		if err := os.Remove(s.path); err != nil {
			t.Fatal(err)
		}
	})
	comes(t, "the trouble", func() bool { l := s.status().Trouble; return l != nil && l.Failures > 2 })
	if s.saidTimes("nothing is scraped until") != 1 || s.status().Program != "" {
		t.Errorf("said %d times: %+v", s.saidTimes("nothing is scraped until"), s.status())
	}
	installStandIn(t, s.path)
	comes(t, "the documents", func() bool { return s.status().Accepted == 3 })
	comes(t, "the end of the trouble", func() bool { return s.status().Trouble == nil })
}

// A package that is upgraded has its new program started, one that is removed leaves nothing running.
func TestScraperWhoseProgramIsReplacedIsStartedAnew(t *testing.T) {
	s := scrapes(t, "documents")
	comes(t, "the documents", func() bool { return s.status().Accepted == 3 })
	first := s.status().PID
	later := time.Now().Add(time.Hour)
	if raw, err := os.ReadFile(s.path); err != nil || os.WriteFile(s.path+".new", raw, 0o755) != nil || os.Chtimes(s.path+".new", later, later) != nil || os.Rename(s.path+".new", s.path) != nil {
		t.Fatal("the program cannot be replaced", err)
	}
	comes(t, "another one", func() bool { l := s.status(); return l.PID != 0 && l.PID != first && l.Accepted == 7 })
	if l := s.status(); l.Starts != 2 || l.Trouble != nil {
		t.Errorf("got %+v", l)
	}
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	comes(t, "its end", func() bool { l := s.status(); return l.PID == 0 && l.Trouble != nil })
}

// It has nothing of the agent's that it does not need: no credentials, and no rights.
func TestScraperHasNoSecretsAndNoRights(t *testing.T) {
	got := childEnvironment([]string{"AWS_SECRET_ACCESS_KEY=s", "AWS_SESSION_TOKEN=s", "HOME=/root", "https_proxy=http://p", "NO_PROXY=x", "PATH=/bin", "GOMEMLIMIT=1", "NOTIFY_SOCKET=/n", "AWS_CA_BUNDLE=b"})
	if want := []string{"https_proxy=http://p", "NO_PROXY=x", "PATH=/bin"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	s := scrapes(t, "bare")
	comes(t, "what it has, and that it dies before the agent", func() bool { return slices.Contains(s.documents(), "dies first") })
	s.stop()
	all := s.documents()
	if _, err := os.Stat("/proc/self/status"); err == nil && !(slices.Contains(all, "NoNewPrivs: 1") && slices.Contains(all, "CapAmb: 0000000000000000")) {
		t.Errorf("got %q", all)
	}
	for _, variable := range strings.Split(all[0], ",") {
		if !slices.Contains(childEnvironment(os.Environ()), variable) {
			t.Errorf("it has %s", variable)
		}
	}
}

// A program that others could have written would do for them what the agent, which may be root, can do.
func TestScraperThatOthersMayWriteToIsNotStarted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: modes are held against each other on Linux")
	}
	dir := t.TempDir()
	own, program := filepath.Join(dir, "own"), filepath.Join(dir, ScraperProgram)
	for _, path := range []string{own, program} {
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f := func(owner, group int, mode os.FileMode, want string) {
		t.Helper()
		if owner != os.Getuid() || group != os.Getgid() {
			if os.Getuid() != 0 {
				return
			}
			if err := os.Chown(program, owner, group); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(program, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := isProgram(program, own); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d:%d %v: got %v, want %q", owner, group, mode, err, want)
		}
	}
	f(os.Getuid(), os.Getgid(), 0o755, "")
	f(os.Getuid(), os.Getgid(), 0o757, "everybody may write to it")
	f(os.Getuid(), os.Getgid(), 0o644, "is no program")
	f(0, 4321, 0o775, "the group 4321 may write to it")
	f(0, 4321, 0o755, "")
	f(4321, 0, 0o755, "it belongs to the user 4321")
}

// The YAML of an environment variable is a file of the agent's own.
func TestScrapeConfigurationOfAVariable(t *testing.T) {
	t.Setenv("SCRAPE_CONTENT", "of a variable")
	dir := t.TempDir()
	s := newScraper(config.Prometheus{ConfigPath: "env:SCRAPE_CONTENT"}, &Agent{env: Env{StateDir: dir, Log: zap.NewNop()}})
	path, err := s.scrapeConfig()
	raw, _ := os.ReadFile(path)
	if err != nil || string(raw) != "of a variable" || filepath.Dir(path) != dir {
		t.Errorf("got %s, %q, %v", path, raw, err)
	}
	s.settings.ConfigPath = "env:NO_SUCH_CONTENT"
	if _, err := s.scrapeConfig(); err == nil || !strings.Contains(err.Error(), "no environment variable NO_SUCH_CONTENT") {
		t.Errorf("got %v", err)
	}
}

func TestScrapeConfigurationIsCheckedByTheProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, ScraperProgram)
	installStandIn(t, program)
	f := func(text, want string) {
		t.Helper()
		file := filepath.Join(dir, "p.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		problems, err := checkScrapeConfig(t.Context(), program, file, ScraperUser{})
		if got := strings.ReplaceAll(fmt.Sprint(problems, err), dir+"/", ""); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	f("fine", "[] <nil>")
	f("a mistake", "p.yaml:3:5: a mistake (mend it)] <nil>")
	f("nonsense", "is no JSON")
	if _, err := checkScrapeConfig(t.Context(), program, filepath.Join(dir, "none.yaml"), ScraperUser{}); err == nil || !strings.HasPrefix(err.Error(), "check scrape configuration: open ") {
		t.Errorf("got %v", err)
	}
	if _, err := checkScrapeConfig(t.Context(), dir, filepath.Join(dir, "p.yaml"), ScraperUser{}); err == nil {
		t.Error("a folder is no program")
	}
}

func TestSectionIsTheIdentityOfTheScraper(t *testing.T) {
	of := func(section string) string {
		t.Helper()
		tasks, err := Tasks(parse(t, `{"agent": {"region": "eu-west-1"}, "logs": {"log_stream_name": "s", "metrics_collected": {"prometheus": `+section+`}}}`))
		if err != nil || len(tasks) != 3 {
			t.Fatalf("%s: got %d tasks, %v", section, len(tasks), err)
		}
		return tasks[2].Key
	}
	t.Setenv("SCRAPE_CONTENT", "one")
	one, variable := of(`{"log_group_name": "g"}`), of(`{"prometheus_config_path": "env:SCRAPE_CONTENT"}`)
	if one != of(`{"log_group_name": "g", "emf_processor": {}}`) || one == of(`{"log_group_name": "h"}`) {
		t.Error("the section decides, and nothing else")
	}
	t.Setenv("SCRAPE_CONTENT", "two")
	if variable == of(`{"prometheus_config_path": "env:SCRAPE_CONTENT"}`) {
		t.Error("the content of the variable decides as well")
	}
	t.Setenv("HTTP_PROXY", "http://other:3128")
	if one == of(`{"log_group_name": "g"}`) {
		t.Error("what it is given of the environment decides as well: common-config.toml may name another proxy")
	}
}

// Whatever the program says, it fails nothing, and what is kept of it has bounds.
func FuzzScraperReports(f *testing.F) {
	for _, line := range []string{`{"level":"warn","msg":"x","job":"a"}`, `{"counts":{"targets":[{}],"dropped":{"a":1}}}`, `{"counts":7}`, `{"msg":7}`, "panic: x", `{"level":"fatal","msg":"x"}`, `{"level":"panic","msg":"x","error":"y"}`, "{\"msg\":\"\xff\"}"} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		core, logs := observer.New(zapcore.DebugLevel)
		s := &scraper{said: scraperLog{log: zap.New(core)}}
		s.hear(bytes.NewReader(line))
		for _, e := range logs.All() {
			if len(e.Message) > saidBytes+20 || len(e.Context) > saidFields || e.Level > zapcore.ErrorLevel {
				t.Errorf("got %d bytes, %d fields, level %v", len(e.Message), len(e.Context), e.Level)
			}
		}
		if c := s.counts(); len(c.Targets) > shownTargets || len(c.Dropped) > saidFields+1 {
			t.Errorf("%d targets, %d reasons", len(c.Targets), len(c.Dropped))
		}
	})
}

// A scraper that never stays costs nothing but its starts.
func TestRestartsOfTheScraperLeaveNothingOpen(t *testing.T) {
	if _, err := os.ReadDir("/proc/self/fd"); err != nil {
		t.Skip("NOT RUN: there is no /proc")
	}
	open := func() int {
		all, _ := os.ReadDir("/proc/self/fd")
		return len(all)
	}
	s := scrapes(t, "crash", func(s *scraping) { s.pace.first, s.pace.most = time.Millisecond, time.Millisecond })
	comes(t, "some starts", func() bool { return s.status().Starts > 5 })
	before := open()
	comes(t, "many starts", func() bool { return s.status().Starts > 60 })
	s.stop()
	if after := open(); after > before+10 {
		t.Errorf("%d descriptors were open, and %d are", before, after)
	}
}
