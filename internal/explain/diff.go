package explain

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
)

// Difference is what a reload from one configuration to another would do.
type Difference struct {
	Same    bool     `json:"same"`
	Changes []Change `json:"changes"`
	Tasks   Tasks    `json:"tasks"`
}

// Change is one thing that would start, stop or change.
type Change struct {
	Does    string       `json:"does"` // starts, stops or changes
	What    string       `json:"what"`
	Details []string     `json:"details"`
	Place   config.Place `json:"place"` // in the new configuration; of what stops, in the old one
}

// Tasks are the parts of a running agent, by what a reload does to them.
type Tasks struct {
	Started     []string `json:"started"`
	Stopped     []string `json:"stopped"`
	Restarted   []string `json:"restarted"`
	Undisturbed []string `json:"undisturbed"`
}

const (
	starts  = "starts"
	stops   = "stops"
	changes = "changes"
)

// Compare says what a reload from one configuration to another would do. Both must be ones that agent.Check accepts.
func Compare(before, after *config.Config) (*Difference, error) {
	d := &Difference{Changes: []Change{}}
	d.plugins(before, after)
	d.metrics(before, after)
	d.files(before, after)
	d.logs(before, after)
	d.emf(before, after)
	d.prometheus(before, after)
	d.agent(before, after)
	var err error
	if d.Tasks, err = compareTasks(before, after); err != nil {
		return nil, err
	}
	d.Same = len(d.Changes)+len(d.Tasks.Started)+len(d.Tasks.Stopped)+len(d.Tasks.Restarted) == 0
	return d, nil
}

// compareTasks does what a reload does: a task with a key that is there before and after is left alone.
func compareTasks(before, after *config.Config) (t Tasks, err error) {
	old, err := tasksOf(before)
	if err != nil {
		return t, err
	}
	now, err := tasksOf(after)
	if err != nil {
		return t, err
	}
	t = Tasks{Started: []string{}, Stopped: []string{}, Restarted: []string{}, Undisturbed: []string{}}
	left := map[string]int{} // stopped, by name
	for key, name := range old {
		if _, stays := now[key]; !stays {
			left[name]++
		}
	}
	for key, name := range now {
		switch _, was := old[key]; {
		case was:
			t.Undisturbed = append(t.Undisturbed, name)
		case left[name] > 0:
			left[name]--
			t.Restarted = append(t.Restarted, name)
		default:
			t.Started = append(t.Started, name)
		}
	}
	for name, n := range left {
		for range n {
			t.Stopped = append(t.Stopped, name)
		}
	}
	for _, list := range [][]string{t.Started, t.Stopped, t.Restarted, t.Undisturbed} {
		slices.Sort(list)
	}
	return t, nil
}

// tasksOf are the names of a configuration's tasks, by their keys.
func tasksOf(c *config.Config) (map[string]string, error) {
	all, err := agent.Tasks(c)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(all))
	for _, t := range all {
		names[t.Key] = t.Name
	}
	return names, nil
}

func (d *Difference) add(does, what string, at config.Place, details ...string) {
	d.Changes = append(d.Changes, Change{does, what, listOf(details), at})
}

// change notes something that is there before and after, if anything of it differs.
func (d *Difference) change(what string, at config.Place, of differing) {
	if len(of) > 0 {
		d.add(changes, what, at, of...)
	}
}

// Write says it in words.
func (d *Difference) Write(w io.Writer) error {
	p := &printer{w: w}
	if d.Same {
		p.line("the same: a reload would leave all %s alone", output.Count(len(d.Tasks.Undisturbed), "task"))
		return p.err
	}
	for _, does := range []string{starts, stops, changes} {
		for _, c := range d.Changes {
			if c.Does != does {
				continue
			}
			text := fmt.Sprintf("%-8s %s", c.Does, c.What)
			if len(c.Details) > 0 {
				text += ": " + strings.Join(c.Details, "; ")
			}
			p.hanging(text)
		}
	}
	t := d.Tasks
	p.line("")
	p.line("a reload would start %d, stop %d, restart %d and leave %s alone", len(t.Started), len(t.Stopped), len(t.Restarted), output.Count(len(t.Undisturbed), "task"))
	if len(t.Restarted) > 0 {
		p.wrapped("", "restarted, without losing its place: "+some(setOf(t.Restarted)))
	}
	return p.err
}

// hanging writes a paragraph whose first word stands in a column of its own.
func (p *printer) hanging(text string) {
	const column = 9
	for i, line := range wrap(text[column:], columns-column) {
		if i == 0 {
			p.line("%s%s", text[:column], line)
		} else {
			p.line("%*s%s", column+2, "", line)
		}
	}
}

func setOf(names []string) map[string]bool {
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	return set
}

// differing gathers in words what differs.
type differing []string

func (l *differing) say(format string, args ...any) { *l = append(*l, fmt.Sprintf(format, args...)) }

// differs compares what a key says; an empty one is not there.
func differs[T comparable](l *differing, key string, before, after T) {
	var none T
	switch {
	case before == after:
	case before == none:
		l.say("%s is %v", key, quoted(after))
	case after == none:
		l.say("%s is no longer %v", key, quoted(before))
	default:
		l.say("%s is %v instead of %v", key, quoted(after), quoted(before))
	}
}

func quoted[T any](v T) any {
	if s, text := any(v).(string); text {
		return fmt.Sprintf("%q", s)
	}
	return v
}

// flag compares a switch.
func (l *differing) flag(key string, before, after bool) {
	if before != after {
		l.say("%s is %v", key, after)
	}
}

// list compares two lists, of which a missing one says something else than an empty one.
func (l *differing) list(key string, before, after []string) {
	if slices.Equal(before, after) && (before == nil) == (after == nil) {
		return
	}
	if after == nil {
		l.say("%s is not there any more (it was %s)", key, named(before))
		return
	}
	l.say("%s is %s", key, named(after))
}

func named(list []string) string {
	if len(list) == 0 {
		return "empty"
	}
	return strings.Join(list, ", ")
}

// pairs compares dimensions.
func (l *differing) pairs(key string, before, after map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if v, was := before[name]; !was {
			l.say("%s adds %s=%s", key, name, after[name])
		} else if v != after[name] {
			l.say("%s makes %s %s instead of %s", key, name, after[name], v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, is := after[name]; !is {
			l.say("%s no longer adds %s", key, name)
		}
	}
}

func (l *differing) pattern(key string, before, after *regexp.Regexp) {
	differs(l, key, patternText(before), patternText(after))
}

func patternText(p *regexp.Regexp) string {
	if p == nil {
		return ""
	}
	return p.String()
}
