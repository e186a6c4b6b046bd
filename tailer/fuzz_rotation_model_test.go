package tailer

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// generation is what is written to one file before it is rotated away, or truncated.
type generation struct {
	lines    []string
	partial  string // a line that has no end yet
	open     bool   // the agent that runs has it open, or has read it to its end
	known    int    // so many of its lines were there when some agent looked
	blank    bool   // it was empty when it was last seen
	asBlank  bool   // so the checkpoints have it
	deleted  bool
	replaced bool // by a compressed file, and nothing will tell that it is the same
	excused  bool // its lines may be lost
}

// looking are the operations at which a running agent sees what there is.
var looking = []string{"start", "look", "deliver", "take", "send", "fail", "outage", "heal", "wait"}

// looked is what a look at the files tells the agent, or does not tell it for as long as a gap is known.
func (m *model) looked(what string) {
	reads := what == "deliver" || what == "heal" // to the end
	m.orphan()
	if m.orphaned || m.emptied && m.named[live] == nil && gap("copytruncate-and-rename-with-nothing-in-its-place", "copytruncate-and-delete-with-nothing-in-its-place") {
		m.overlook()
	}
	m.orphaned = (m.emptied || m.orphaned) && m.named[live] == nil // and so it goes on until there is a file
	m.emptied = false
	mistaken := m.followed != nil && m.followed.blank && gap("empty-file-rotated-and-the-next-compressed")
	for name, g := range m.named {
		if mistaken && packed(name) && !g.open {
			g.excused, g.known = true, 0
		}
		if m.named[live] == nil && !g.open && gap("rotated-while-stopped-with-nothing-in-its-place") {
			continue
		}
		g.open = true
		if nothing := len(g.lines) == 0 && g.partial == ""; nothing || reads {
			g.blank, g.asBlank = nothing, g.asBlank || nothing
		}
		if !g.excused {
			g.known = len(g.lines)
		}
	}
	if g := m.named[live]; g != nil {
		m.followed = g
	}
}

// commit is what everything that was delivered means for the next run.
func (m *model) commit() {
	if m.followed != nil && m.followed.replaced && m.named[live] == nil {
		m.followed = nil // all of it is read, and nothing is there: it is forgotten
	}
	m.remembered, m.perhaps = m.followed, nil
	for _, g := range m.named {
		g.asBlank = g.blank
	}
}

// gone tells whether nothing is there any more by which the agent knows a generation; nil is one that it has forgotten.
func (g *generation) gone() bool { return g == nil || g.deleted || g.replaced }

// orphan excuses what came and went between two looks if what was followed before is gone: nothing leads from one to the other.
func (m *model) orphan() {
	if !gap("rotated-while-stopped-behind-a-file-that-is-gone", "rotated-between-two-looks-behind-a-file-that-is-gone", "rotated-twice-and-compressed-with-nothing-in-its-place") {
		return
	}
	if !m.followed.gone() && (m.perhaps == nil || !m.perhaps.gone()) {
		return
	}
	for _, g := range m.all {
		g.excused = g.excused || g.known == 0 && g != m.named[live]
	}
}

// overlook excuses what stands in copies that nobody looks for.
func (m *model) overlook() {
	m.repeats, m.disorder = true, true
	for _, g := range m.all {
		if !g.open {
			g.excused, g.known = true, 0
		}
	}
}

// freed is the end of an inode. Another file may have it at the next start, and nothing tells it from one that was empty.
func (m *model) freed(g *generation) {
	if (g.blank || g.asBlank) && gap("inode-of-an-empty-file-reused-while-stopped") {
		g.known, m.repeats, m.reused = 0, true, true
	}
}

// killed is what a kill means for what only the agent had, and for what was under way.
func (m *model) killed(underWay bool) {
	m.followed = m.remembered
	m.repeats = m.repeats || underWay
	for _, g := range m.all {
		g.excused = g.excused || g.deleted
		g.blank = g.blank || g.asBlank
		if g.open, g.replaced = false, g.replaced && g.blank; g != m.remembered {
			g.known = 0
		}
	}
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
