package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/listeners"
	"go.uber.org/zap"
)

// ScraperProgram scrapes what logs.metrics_collected.prometheus names. It is a program, and a package, of its own: what it
// reads comes from others, and what it takes of memory, and how it ends, is not the agent's.
const ScraperProgram = "nephoscope-prometheus"

// scraperPace is how long a scraper has, or is waited for.
type scraperPace struct {
	first, most time.Duration // before it is started again
	well        time.Duration // how long it has to run to be well: what was before is forgiven
	grace       time.Duration // to end when it is told to: what it has scraped is to arrive
	look        time.Duration // between two looks whether its program was replaced
}

// scraper has the program run for as long as its section is there.
type scraper struct {
	watch
	settings config.Prometheus
	state    string // the agent's state folder
	find     func() (string, error)
	log      *zap.Logger
	listener *listeners.EMF // what judges, counts and writes down its documents
	said     scraperLog
	pace     scraperPace

	mu      sync.Mutex
	program string
	pid     int       // 0: it does not run
	since   time.Time // it was started, the last time
	starts  int64
	before  ScrapeCounts // of those that have ended
	now     ScrapeCounts // of the one that runs, or ran last
}

// scraperTask has what the section names scraped. What it brings goes the way of emf's documents.
func scraperTask(p config.Prometheus, a *Agent) Task {
	settings, _ := json.Marshal(p) // of texts and numbers alone
	content := ""
	if name, ok := p.ScrapeVariable(); ok {
		content = os.Getenv(name)
	}
	return Task{
		Name: "scraper of Prometheus exporters", Key: key("prometheus", string(settings), content, slices.Sorted(slices.Values(childEnvironment(os.Environ())))), Turn: "scraper",
		run: func(ctx context.Context, r *running) {
			s := newScraper(p, a)
			a.tasks.begin(s)
			defer a.tasks.end(s)
			s.run(ctx, r.isUp)
			n, c := s.listener.Counts(), s.counts()
			a.env.Log.Info("scraper stopped", zap.Int64("scrapes", c.Scrapes), zap.Int64("failed", c.Failed), zap.Int64("samples", c.Samples),
				zap.Int64("documents", n.Received), zap.Int64("accepted", n.Accepted), zap.Any("refused", n.Refused))
		},
	}
}

func newScraper(p config.Prometheus, a *Agent) *scraper {
	return &scraper{
		settings: p, state: absolute(a.env.StateDir), find: FindScraper, log: a.env.Log, listener: listeners.NewEMF(config.EMF{}, a.events, a.env.Log),
		said: scraperLog{log: a.env.Log}, pace: scraperPace{first: time.Second, most: time.Minute, well: 10 * time.Second, grace: 5 * time.Second, look: 10 * time.Second},
	}
}

// FindScraper finds the program: beside the agent's own, or where packages and administrators put programs. $PATH is not asked:
// the agent may run as root, and whoever starts it need not decide what it starts.
func FindScraper() (string, error) {
	folders := []string{"/usr/local/bin", "/usr/bin", "/opt/aws/amazon-cloudwatch-agent/bin"}
	own, err := os.Executable()
	if err == nil {
		folders = append([]string{filepath.Dir(own)}, folders...)
	}
	name := ScraperProgram
	if runtime.GOOS == "windows" {
		name, folders = name+".exe", folders[:1]
	}
	for _, folder := range folders {
		path, err := isProgram(filepath.Join(folder, name), own)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return path, err
		}
	}
	return "", fmt.Errorf("start scraper: %s is not installed (install the package %s): %w", ScraperProgram, ScraperProgram, fs.ErrNotExist)
}

// isProgram holds a program against the agent's own.
func isProgram(path, own string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("start scraper: %w", err)
	}
	if !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode().Perm()&0o111 == 0 {
		return "", fmt.Errorf("start scraper: %s is no program (chmod 755, or install the package %s anew)", path, ScraperProgram)
	}
	if like, err := os.Stat(own); err == nil { // it may have been replaced, and be gone
		if err := isSafe(info, like); err != nil {
			return "", fmt.Errorf("start scraper: %s is not started: %w", path, err)
		}
	}
	return path, nil
}

// run has the program run until ctx is done. One that ends is started again, one that is not there is looked for; isUp is
// called when it was tried once.
func (s *scraper) run(ctx context.Context, isUp func()) {
	for wait := s.pace.first; ; wait = min(2*wait, s.pace.most) {
		began := time.Now()
		err := s.once(ctx, isUp)
		isUp()
		if ctx.Err() != nil {
			return
		}
		if err == nil { // another program is there
			wait = s.pace.first / 2
			continue
		}
		delay := wait
		switch {
		case errors.Is(err, fs.ErrNotExist): // somebody may install it, or write the file
			delay, wait = s.pace.most, s.pace.first/2
		case time.Since(began) >= s.pace.well:
			delay, wait = s.pace.first, s.pace.first
		}
		if last := s.trouble(); last.Failures == 0 || last.Err.Error() != err.Error() {
			s.log.Error("nothing is scraped until the scraper runs, which goes on being tried; everything else goes on", zap.Error(err))
		}
		s.note(err)
		if !pause(ctx, delay) {
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// once has the program run until ctx is done, its file is replaced or removed, or it ends by itself, which is an error.
func (s *scraper) once(ctx context.Context, isUp func()) error {
	program, err := s.find()
	if err != nil {
		return err
	}
	settings := s.settings
	if settings.ConfigPath, err = s.scrapeConfig(); err != nil {
		return err
	}
	file, err := os.Stat(program)
	if err != nil {
		return fmt.Errorf("start scraper: %w", err)
	}
	c, err := startChild(program, settings)
	if err != nil {
		return err
	}
	s.started(program, c.cmd.Process.Pid)
	defer s.ended()
	isUp()
	var readers sync.WaitGroup
	readers.Go(func() { _ = s.listener.Read(c.stdout) }) // it ends with the pipe, whose error tells nothing
	readers.Go(func() { s.hear(c.stderr) })
	well := time.AfterFunc(s.pace.well, s.runs)
	defer well.Stop()
	look := time.NewTicker(s.pace.look)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if isStill(program, file) {
				continue
			}
			s.log.Info("the scraper's program was replaced or removed: it is stopped, and the one that is there started", zap.String("program", program))
		case <-ctx.Done():
		case <-c.ended:
			c.settle(&readers)
			return fmt.Errorf("run scraper: %s ended by itself: %s", program, howEnded(c.err, s.said.lastError()))
		}
		c.stop(s.pace.grace, s.log)
		c.settle(&readers)
		return nil
	}
}

// isStill tells whether the same file lies under a path. One that cannot be looked at may be.
func isStill(path string, file fs.FileInfo) bool {
	now, err := os.Stat(path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return os.SameFile(file, now) && now.ModTime().Equal(file.ModTime()) && now.Size() == file.Size()
}

// howEnded is how a program ended, and its last words, if there were any.
func howEnded(err error, said string) string {
	how := "exit status 0"
	if err != nil {
		how = err.Error()
	}
	if said != "" {
		how += ": " + said
	}
	return how
}

func (s *scraper) started(program string, pid int) {
	s.said.forget()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.program, s.pid, s.since = program, pid, time.Now()
	s.starts++
}

// runs notes that the program has run for long enough to be well.
func (s *scraper) runs() {
	if s.trouble().Failures > 0 {
		s.log.Info("the scraper runs again")
	}
	s.note(nil)
}

func (s *scraper) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pid = 0
	s.before.add(s.now)
	s.now = ScrapeCounts{}
}
