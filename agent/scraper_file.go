package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
	"go.uber.org/zap"
)

const (
	// scrapeBytes bounds what is read of a scrape configuration to see whether it has changed.
	scrapeBytes = 16 << 20
	// checkTakes is how long the program may take to check one.
	checkTakes = 30 * time.Second
	// checkBytes bounds what it says of one.
	checkBytes = 64 << 10
)

// scrapeConfig is the file that the scraper is to read. The one of an environment variable is written into the state folder.
func (s *scraper) scrapeConfig() (path string, err error) {
	name, ok := s.settings.ScrapeVariable()
	if !ok {
		if _, err := os.Stat(s.settings.ConfigPath); errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("read scrape configuration: %w (prometheus_config_path says where it is)", err)
		}
		return s.settings.ConfigPath, nil
	}
	content, ok := os.LookupEnv(name)
	if !ok {
		return "", fmt.Errorf("read scrape configuration: there is no environment variable %s (set it where the agent is started, or in env-config.json): %w", name, fs.ErrNotExist)
	}
	path = filepath.Join(s.state, "prometheus.yaml")
	if err := durable.WriteFile(path, []byte(content)); err != nil {
		return "", fmt.Errorf("write scrape configuration: %w", err)
	}
	return path, nil
}

// scrapeFile is a scrape configuration as it was when it was last looked at.
type scrapeFile struct {
	path     string
	modified time.Time
	size     int64
	sum      [sha256.Size]byte
}

// lookAt looks at a file. One that cannot be read is as good as an empty one.
func lookAt(path string) (f scrapeFile) {
	f.path = path
	if info, err := os.Stat(path); err == nil {
		f.modified, f.size = info.ModTime(), info.Size()
	}
	if from, err := os.Open(path); err == nil {
		defer from.Close()
		sum := sha256.New()
		_, _ = io.Copy(sum, io.LimitReader(from, scrapeBytes)) // what cannot be read has not changed for the better
		f.sum = [sha256.Size]byte(sum.Sum(nil))
	}
	return f
}

// touched tells cheaply whether a file may have another content.
func (f scrapeFile) touched() bool {
	info, err := os.Stat(f.path)
	return err == nil && (!info.ModTime().Equal(f.modified) || info.Size() != f.size)
}

// takesUp tells whether the scraper is to be started anew: its configuration has changed, and has no mistake. With a mistake
// the old one goes on, which is said once.
func (s *scraper) takesUp(ctx context.Context, program string, file *scrapeFile) bool {
	if !file.touched() {
		return false
	}
	before := file.sum
	if *file = lookAt(file.path); file.sum == before {
		return false
	}
	said, err := CheckScrapeConfig(ctx, program, file.path)
	if ctx.Err() != nil {
		return false
	}
	refused := ""
	if err != nil {
		refused = strings.Join(append([]string{err.Error()}, said...), "; ")
		s.log.Error("the changed scrape configuration is not taken up, the scraper goes on with the one before", zap.String("file", file.path), zap.Strings("said", said), zap.Error(err))
	}
	s.mu.Lock()
	s.refused = shortened(refused, saidBytes)
	s.mu.Unlock()
	return err == nil
}

// CheckScrapeConfig has the program check a scrape configuration. It returns what that has to say, in lines; the error is that
// the configuration cannot be used.
func CheckScrapeConfig(ctx context.Context, program, path string) (said []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTakes)
	defer cancel()
	var out limited
	cmd := exec.CommandContext(ctx, program, "check", path)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = childEnvironment(os.Environ()), &out, &out, time.Second
	err = cmd.Run()
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimSpace(line); line != "" {
			said = append(said, shortened(line, saidBytes))
		}
	}
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return said, nil
	case ctx.Err() != nil:
		return said, fmt.Errorf("check scrape configuration: %w", ctx.Err())
	case ended && exit.ExitCode() == 1:
		return said, errScrapeMistakes
	}
	return said, fmt.Errorf("check scrape configuration: %w", err)
}

// errScrapeMistakes is that a scrape configuration has mistakes.
var errScrapeMistakes = errors.New("the scrape configuration has mistakes")

// limited keeps the first of what is written.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	_, _ = l.Buffer.Write(p[:min(len(p), max(checkBytes-l.Len(), 0))]) // it does not fail
	return len(p), nil
}

// ScraperProblems is what keeps a configuration's scraping from working on this host: the program is not installed, or finds
// mistakes in the scrape configuration.
func ScraperProblems(ctx context.Context, c *config.Config) []config.Problem {
	if c.Logs == nil || c.Logs.Prometheus == nil {
		return nil
	}
	const section = "logs.metrics_collected.prometheus"
	program, err := FindScraper()
	if err != nil {
		return []config.Problem{config.Suspicion(c.At(section), "nothing can be scraped: "+ScraperProgram+" is not installed", "install the package "+ScraperProgram+"; the agent goes on without it, and takes it up when it is there")}
	}
	at := c.At(section + ".prometheus_config_path")
	path := c.Logs.Prometheus.ConfigPath
	if _, variable := c.Logs.Prometheus.ScrapeVariable(); variable {
		return nil // whether it is set was told; it is checked when it is used
	}
	if _, err := os.Stat(path); err != nil {
		return []config.Problem{config.Suspicion(at, fmt.Sprintf("nothing can be scraped: %v", err), "write it, or name another: the agent takes it up when it is there")}
	}
	said, err := CheckScrapeConfig(ctx, program, path)
	var problems []config.Problem
	for _, line := range said {
		problems = append(problems, config.Suspicion(at, line, ""))
	}
	if err != nil && !errors.Is(err, errScrapeMistakes) {
		problems = append(problems, config.Suspicion(at, err.Error(), ""))
	}
	return problems
}
