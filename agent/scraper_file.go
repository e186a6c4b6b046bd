package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
)

// scrapeConfig is the file that the scraper is to read, and to follow: it takes up what changes in it. The one of an environment
// variable is written into the state folder.
func (s *scraper) scrapeConfig() (path string, err error) {
	name, ok := s.settings.ScrapeVariable()
	if !ok {
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

// checkTakes is how long the program may take to check a scrape configuration.
const checkTakes = 30 * time.Second

// ScraperUser is as whom the scraper runs: the agent's user, with none of the rights that the agent keeps.
type ScraperUser struct {
	UID  int
	GIDs []int // its own group is the first
}

// ScraperProblems is what keeps a configuration's scraping from working on this host: the program is not installed, or finds
// something in the scrape configuration. Root has the program look as the user as whom it will run.
func ScraperProblems(ctx context.Context, c *config.Config, as ScraperUser) []config.Problem {
	if c.Logs == nil || c.Logs.Prometheus == nil {
		return nil
	}
	const section = "logs.metrics_collected.prometheus"
	program, err := FindScraper()
	if errors.Is(err, fs.ErrNotExist) {
		return []config.Problem{config.Suspicion(c.At(section), "nothing can be scraped: "+ScraperProgram+" is not installed", "install the package "+ScraperProgram+"; the agent goes on without it, and takes it up when it is there")}
	} else if err != nil {
		return []config.Problem{config.Suspicion(c.At(section), "nothing can be scraped: "+err.Error(), "")}
	}
	if _, variable := c.Logs.Prometheus.ScrapeVariable(); variable {
		return nil // whether it is set was told; the scraper says what is wrong in it
	}
	problems, err := checkScrapeConfig(ctx, program, c.Logs.Prometheus.ConfigPath, as)
	if err != nil {
		at := c.At(section + ".prometheus_config_path")
		return []config.Problem{config.Suspicion(at, err.Error(), "the agent looks for it again every few seconds")}
	}
	return problems
}

// checkScrapeConfig has the program check a scrape configuration. The error is that it could not.
func checkScrapeConfig(ctx context.Context, program, path string, as ScraperUser) ([]config.Problem, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTakes)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "check", "--json", path)
	cmd.Env, cmd.WaitDelay, cmd.SysProcAttr = childEnvironment(os.Environ()), time.Second, asScraper(as)
	out, err := cmd.Output()
	var report struct{ Problems []config.Problem }
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && !(ok && failed.ExitCode() == 1) {
		if ok {
			if said := strings.TrimSpace(string(failed.Stderr)); said != "" {
				err = errors.New(shortened(strings.TrimPrefix(said, ScraperProgram+": check: "), saidBytes))
			}
		}
		return nil, fmt.Errorf("check scrape configuration: %w", err)
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, fmt.Errorf("check scrape configuration: what %s says is no JSON: %w", program, err)
	}
	return report.Problems, nil
}
