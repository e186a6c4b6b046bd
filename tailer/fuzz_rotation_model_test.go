package tailer

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const live = "access.log"

// model is what is known of a history while it happens.
type model struct {
	*world
	history     []string
	generations []*generation
	named       map[string]*generation // by the name of the file that holds it
	rotated     int
	remembered  *generation // what the path led to, as the checkpoints have it
	running     bool
	all         bool // every match is followed
	tiny        bool // files are closed that nobody writes to
	repeats     bool // something may arrive twice
	deleted     bool // some file was
	gone        bool // and it may have been the one that is followed, closed
	searching   bool // one that an earlier run followed may still be looked for
}

// generation is what is written to one file before it is rotated away, or truncated.
type generation struct {
	number  int
	lines   []string
	partial string // a line that has no end yet
	open    bool   // the agent that runs has it open, or has read it to its end
	known   int    // so many of its lines were there when some agent looked
	noted   bool   // that there are any could be remembered
	deleted bool
	sure    int // so many of its lines have to arrive
}

func newModel(t *testing.T) *model {
	m := &model{world: newWorld(t, "fuzz"), named: map[string]*generation{}}
	m.lax = true
	return m
}

func (m *model) begin() *generation {
	g := &generation{number: len(m.generations), sure: math.MaxInt}
	m.generations = append(m.generations, g)
	return g
}

// begin is what is to be written for the next line to be begun.
func (g *generation) begin() string {
	if g.partial != "" {
		return ""
	}
	g.partial = fmt.Sprintf("%d.%d ", g.number, len(g.lines))
	return g.partial
}

// looking are the operations at which a running agent sees what there is.
var looking = []string{"start", "look", "deliver", "take", "send", "fail", "wire", "doubt", "outage", "heal", "wait"}

func (m *model) doing(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	m.history = append(m.history, line)
	m.line = len(m.history)
	m.do(line)
	m.repeats = m.repeats || m.again
	if m.untold && !m.repeats && !m.all {
		m.Errorf("line %d: nobody can tell whether a batch has arrived", m.line)
	}
	for s := range m.world.known {
		if l := s.Ledger(); !l.Balanced() {
			m.Errorf("line %d: the ledger does not add up: %+v", m.line, l)
		}
	}
	what := strings.Fields(line)[0]
	if what == "start" && (m.remembered == nil || m.remembered.deleted) && gap("rotated-while-stopped-after-all-was-forgotten") {
		m.overlook()
	}
	m.searching = what == "start" && m.deleted || m.searching && what != "deliver" && what != "heal"
	if m.running && slices.Contains(looking, what) {
		m.looked()
	}
	if m.denied == nil && (what == "deliver" || what == "heal" || m.remembered == nil && what == "start") {
		m.remembered = m.named[live]
	}
}

// looked is what a look at the files tells the agent. While the path leads nowhere it does not look for others.
func (m *model) looked() {
	if m.gone {
		m.overlook()
	}
	m.gone = m.gone && m.named[live] == nil
	for name, g := range m.named {
		if name == live || m.named[live] != nil {
			g.open = true
		}
		if g.open && g.sure == math.MaxInt {
			g.known = len(g.lines)
			g.noted = g.noted || g.known > 0 && m.denied == nil
		}
	}
}

// overlook excuses what nobody looks for: what was rotated away before it was seen.
func (m *model) overlook() {
	for _, g := range m.generations {
		if g != m.named[live] && g.known == 0 {
			g.sure = 0
		}
	}
}

// lose deletes a file: what no agent has seen of it is lost, unless one has it open.
func (m *model) lose(g *generation) {
	g.deleted, m.deleted = true, true
	if m.tiny && gap("file-that-sleeps-is-gone-before-a-rotation") {
		m.gone = true
	}
	switch {
	case m.searching && g != m.named[live] && gap("rotated-file-deleted-while-one-before-it-is-still-looked-for"):
		g.sure, g.known = 0, 0
	case !m.running || !g.open:
		g.sure = 0
	case m.tiny: // it may have been closed after all that was there had arrived
		g.sure = min(g.sure, g.known)
	}
}

// killed is what a kill means for what only the agent had.
func (m *model) killed() {
	for _, g := range m.generations {
		if g.deleted {
			g.sure = 0
		}
		if g.open = false; g != m.remembered || !g.noted {
			g.known = 0
		}
	}
}

// finish lets everything arrive, and checks it.
func (m *model) finish() {
	if m.denied != nil {
		m.denyOrAllow()
	}
	if !m.running {
		m.startOrStop()
	}
	if m.outage {
		m.outageOrHeal()
	}
	m.doing("deliver")
	last := 1
	if gap("copytruncate-regrown-to-the-size-that-an-empty-file-had-at-the-start") {
		last = 300 // more than anything before
	}
	m.write(last, false) // what came and went unseen is looked for when there is a file again
	m.doing("deliver")
	times := map[string]int{}
	first := map[string]int{}
	for i, line := range m.got {
		if times[line]++; times[line] == 1 {
			first[line] = i
		}
	}
	missing := false
	for _, g := range m.generations {
		missing = m.check(g, times, first) || missing
	}
	switch bytes, files := m.losses(); {
	case missing && bytes == 0 && files == 0:
		m.Error("lines are lost, and nothing is counted")
	case !m.deleted && (bytes > 0 || files > 0):
		m.Errorf("%d bytes and %d files are counted as lost, and nothing was deleted", bytes, files)
	}
}

// check tells whether a line is missing that some agent has seen.
func (m *model) check(g *generation, times, first map[string]int) (missing bool) {
	last := -1
	for i, line := range g.lines {
		switch n := times[line]; {
		case n == 0 && i < g.sure:
			m.Errorf("%q did not arrive", line)
		case n > 1 && !m.repeats:
			m.Errorf("%q arrived %d times", line, n)
		case n > 0 && first[line] < last:
			m.Errorf("%q arrived too early", line)
		case n > 0:
			last = first[line]
		}
		missing = missing || times[line] == 0 && i < g.known
	}
	return missing
}

// gaps are the names of the histories that fail.
var gaps = sync.OnceValue(func() (names []string) {
	all, _ := filepath.Glob("testdata/history/failing/*.txt")
	for _, name := range all {
		names = append(names, strings.TrimSuffix(filepath.Base(name), ".txt"))
	}
	return names
})

// gap tells whether one of these histories is among those that fail.
func gap(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(gaps(), name) })
}
