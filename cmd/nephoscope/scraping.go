package main

import (
	"cmp"
	"context"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/doctor"
	"github.com/nephoscope/nephoscope/internal/install"
)

// onThisHost adds to the problems of a configuration what keeps it from working on this host alone. An image under a root folder
// is another one. weigh says how much what is wrong with what is scraped counts.
func onThisHost(ctx context.Context, layout install.Layout, c *config.Config, problems []config.Problem, weigh func([]config.Problem) []config.Problem) []config.Problem {
	if c == nil || layout.Root != "" {
		return problems
	}
	problems = withUser(c, problems)
	if c.Logs == nil || c.Logs.Prometheus == nil {
		return problems
	}
	return append(problems, weigh(scrapingProblems(ctx, c, userFor(ctx, c, "")))...)
}

// strict has a mistake in a scrape configuration be one.
func strict(problems []config.Problem) []config.Problem { return problems }

// lenient has it be a warning: it costs the job that has it, and must not keep all else from being shipped.
func lenient(problems []config.Problem) []config.Problem {
	for i := range problems {
		problems[i].Warning = true
	}
	return problems
}

// userFor is as whom the agent runs with a configuration: its own word, the service's, otherwise, or the one who asks.
func userFor(ctx context.Context, c *config.Config, otherwise string) doctor.Who {
	name := c.Agent.RunAsUser
	if name == "" {
		name = cmp.Or((&doctor.World{Host: doctor.ThisHost()}).ServiceUser(ctx), otherwise)
	}
	if who, _, err := doctor.LookUpUser(name); name != "" && err == nil {
		return who
	}
	return doctor.Me() // one that is not there has been told of
}

// scrapingProblems is what keeps exporters from being scraped. What scrapes them may read what the agent's user may, and has
// not the agent's right to read everything: that root can read a file, who asks, says nothing.
func scrapingProblems(ctx context.Context, c *config.Config, who doctor.Who) []config.Problem {
	if c.Logs == nil || c.Logs.Prometheus == nil {
		return nil
	}
	p := c.Logs.Prometheus
	if who.UID != 0 {
		who.ReadsAll, who.WritesAll = false, false
	}
	if _, variable := p.ScrapeVariable(); !variable {
		if what, cure := doctor.ThisHost().Barred(who, absolute(p.ConfigPath)); what != "" {
			at := c.At("logs.metrics_collected.prometheus.prometheus_config_path")
			unread := config.Suspicion(at, "nothing can be scraped: "+what+" (the agent may read every file, what scrapes for it what its user may)", cure)
			if _, err := agent.FindScraper(); err == nil {
				return []config.Problem{unread}
			}
			return append(agent.ScraperProblems(ctx, c, agent.ScraperUser{}), unread)
		}
	}
	return agent.ScraperProblems(ctx, c, agent.ScraperUser{UID: who.UID, GIDs: who.GIDs})
}
