package scrape

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// running is a job whose targets are scraped.
type running struct {
	client *client // nil: there is none yet, for its CA cannot be read
	files  discovered
	said   string // the last notes, which are not said again
}

// follow takes up what is new in the configuration and in the files of targets.
func (s *Scraper) follow(ctx context.Context, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.look(now) {
		s.settle(ctx)
	}
}

// look reads what is new; the mutex is held.
func (s *Scraper) look(now time.Time) (changed bool) {
	changed = s.reload()
	if s.config == nil {
		return false
	}
	for _, j := range s.config.Jobs {
		of := s.jobs[j]
		if of == nil {
			of, changed = &running{}, true
			s.jobs[j] = of
		}
		if of.client == nil {
			c, err := newClient(j.client)
			if err != nil {
				of.say(s.log, "the job cannot be scraped; it is tried again every few seconds", j, []string{err.Error()})
				continue
			}
			of.client, changed = c, true
		}
		fresh, notes := of.files.look(j, now)
		changed = changed || fresh
		for _, note := range notes {
			s.log.Warn("a file of targets cannot be read; what it said before goes on", "job", j.Name, "error", note)
		}
	}
	return changed
}

// reload reads the configuration if it has changed.
func (s *Scraper) reload() (changed bool) {
	if s.read != nil && !s.read.changed() {
		return false
	}
	c, problems, err := Load(s.settings.ConfigPath)
	if err != nil {
		s.read = nil // it may be readable in a moment
		if text := err.Error(); text != s.said {
			s.said = text
			s.log.Error("the scrape configuration cannot be read; it is looked for again every few seconds", "error", text)
		}
		return false
	}
	s.said, s.read = "", c
	mistakes := false
	for _, p := range problems {
		if p.Warning {
			s.log.Warn(p.Error())
		} else {
			s.log.Error(p.Error())
			mistakes = true
		}
	}
	switch {
	case mistakes && s.config != nil:
		s.log.Error("the scrape configuration has mistakes: what it was before goes on", "file", s.settings.ConfigPath)
		return false
	case mistakes:
		s.log.Error("the scrape configuration has mistakes: jobs with mistakes are left out", "file", s.settings.ConfigPath)
	case s.config != nil:
		s.log.Info("the scrape configuration has changed and is taken up", "file", s.settings.ConfigPath)
		c.keep(s.config)
	}
	s.config = c
	return true
}

// say says each note once, until there are others.
func (of *running) say(log *slog.Logger, text string, j *Job, notes []string) {
	if said := strings.Join(notes, "\n"); said != of.said {
		of.said = said
		for _, note := range notes {
			log.Warn(text, "job", j.Name, "error", note)
		}
	}
}

// identity is what makes two targets one: a job that is as before, and the same labels and address.
type identity struct {
	job *Job
	key string
}

// wanted are all targets as of now; the mutex is held.
func (s *Scraper) wanted() map[identity]*target {
	wanted := map[identity]*target{}
	for _, j := range s.config.Jobs {
		of := s.jobs[j]
		if of == nil || of.client == nil {
			continue
		}
		all, notes := of.files.targets(j, maxTargets-len(wanted))
		if j.targetLimit > 0 && len(all) > j.targetLimit {
			all, notes = nil, append(notes, fmt.Sprintf("there are %d, more than target_limit: %d; none is scraped", len(all), j.targetLimit))
		}
		of.say(s.log, "targets are left out", j, notes)
		for _, t := range all {
			t.client, t.deltas = of.client, newDeltas(&s.bound)
			wanted[identity{j, t.key}] = t
		}
	}
	return wanted
}

// settle starts targets that are new and stops those that are gone.
func (s *Scraper) settle(ctx context.Context) {
	wanted := s.wanted()
	for id, t := range s.targets {
		if wanted[id] == nil {
			t.stop()
			t.client.close() // one connection may be to it; those to the job's other targets are made again
			delete(s.targets, id)
		}
	}
	for id, t := range wanted {
		if s.targets[id] == nil {
			s.start(ctx, id, t)
		}
	}
	for j, of := range s.jobs {
		if !slices.Contains(s.config.Jobs, j) {
			of.close()
			delete(s.jobs, j)
		}
	}
}

func (of *running) close() {
	if of.client != nil {
		of.client.close()
	}
}
