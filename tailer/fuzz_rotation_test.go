package tailer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// FuzzRotation lets bytes become a history, in the language of testdata/history, and checks it against a model: every complete
// line arrives at least once, those of one file in their order, and each once if nothing failed and nobody was killed while a
// batch was under way. Lines that nobody can find any more are excused, but not silently.
//
// A history in testdata/history/failing is a gap that is known: the model excuses what it costs for as long as it stands there.
func FuzzRotation(f *testing.F) {
	for _, seed := range []string{
		"\x00\x08\x00\x02\x07", "\x08\x00\x05\x00\x07", "\x08\x00\x07\x00\x05\x00\x05\x07", "\x08\x00\x0d\x02\x04\x02\x0e\x0d", "\x08\x00\x03\x00\x0c\x00\x0c\x07",
		"\x00\x08\x0a\x0c\x00\x0c\x07", "\x08\x00\x07\x00\x06\x00\x07", "\x08\x00\x0b\x02\x00\x09\x0c\x02\x04\x0c\x07", "\x08\x0f\x00\x07\x02\x0f\x07",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		synctest.Test(t, func(t *testing.T) {
			m := &model{world: newWorld(t, "fuzz"), named: map[string]*generation{}}
			m.lax = true
			defer func() {
				if m.entry != nil {
					m.entry.Close()
				}
				if t.Failed() {
					t.Logf("the history:\n%s", strings.Join(m.history, "\n"))
				}
			}()
			m.write(1, false) // a file that was rotated away before the first start is not followed
			m.startOrStop()
			for _, b := range bytes[:min(len(bytes), 60)] {
				m.step(b)
			}
			m.finish()
		})
	})
}

// model is what is known of a history while it happens.
type model struct {
	*world
	history    []string
	all        []*generation
	named      map[string]*generation // by the name of the file that holds it
	rotated    int
	followed   *generation // what the path led to when it was looked at last
	remembered *generation // the same, as the checkpoints have it
	perhaps    *generation // or as they have it if one batch was enough
	running    bool
	denied     bool
	emptied    bool // by copytruncate, since anybody looked
	orphaned   bool // the copy of what was followed is gone, since anybody looked
	reused     bool // the inode of an empty file may be that of any
	repeats    bool // something may arrive twice
	disorder   bool // or too early
}

const live = "access.log"

func (m *model) doing(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	m.history = append(m.history, line)
	m.line = len(m.history)
	m.do(line)
	if m.running && slices.Contains(looking, strings.Fields(line)[0]) {
		m.looked(strings.Fields(line)[0])
		if strings.HasPrefix(line, "take") {
			m.perhaps = m.followed
		}
		if !m.denied && slices.Contains([]string{"deliver", "heal"}, strings.Fields(line)[0]) {
			m.commit()
		}
	}
}

// step is one byte of a history: what happens, and how much of it.
func (m *model) step(b byte) {
	what, much := b%17, int(b/17)
	_, exists := m.named[live]
	switch what {
	case 0, 1:
		m.write(1+much, what == 1)
	case 2, 3: // renamed, and another begun at once or later
		if exists {
			m.rotate("rename")
			if what == 2 {
				m.write(1, false)
			}
		}
	case 4:
		m.compress(much)
	case 5:
		if exists {
			m.copytruncate()
		}
	case 6:
		if exists {
			m.delete(live)
		}
	case 12:
		m.startOrStop()
	case 13:
		m.outageOrHeal()
	case 14:
		m.doing("wait %ds", 1+7*much)
	case 15:
		m.denyOrAllow()
	case 16:
		if names := m.rotatedNames(); len(names) > 0 {
			m.delete(names[much%len(names)])
		}
	default:
		if m.running && !m.outage {
			m.read(what)
		}
	}
}

func (m *model) read(what byte) {
	switch what {
	case 7:
		m.doing("deliver")
	case 8:
		m.doing("look")
	case 9:
		m.doing("take")
	case 10:
		m.doing("send")
		m.repeats = true
		m.startOrStop()
	case 11:
		m.killed(true)
		m.doing("fail")
	}
}

func (m *model) begin() *generation {
	g := &generation{blank: m.reused, asBlank: m.reused}
	m.all = append(m.all, g)
	return g
}

func (m *model) write(n int, unfinished bool) {
	g := m.named[live]
	if g == nil {
		g = m.begin()
		m.named[live] = g
	}
	text := ""
	for range n {
		if g.partial == "" {
			g.partial = fmt.Sprintf("%d.%d ", slices.Index(m.all, g), len(g.lines))
			text += g.partial
		}
		g.lines = append(g.lines, g.partial+"end")
		text += "end\n"
		g.partial = ""
	}
	if unfinished {
		g.partial = fmt.Sprintf("%d.%d ", slices.Index(m.all, g), len(g.lines))
		text += g.partial
	}
	m.doing("append %s %q", live, text)
}

func (m *model) rotate(how string) {
	m.rotated++
	name := fmt.Sprintf("%s-%04d", live, m.rotated)
	m.named[name] = m.named[live]
	delete(m.named, live)
	m.doing("%s %s %s", how, live, name)
}

// copytruncate goes on in the same file. Nothing tells that a file was truncated of which nothing had been read.
func (m *model) copytruncate() {
	copied := m.named[live]
	copied.open = false // the file is, its copy is not
	if copied.blank && gap("copytruncate-of-a-file-that-was-empty-when-last-seen", "copytruncate-while-stopped-of-a-file-that-was-empty", "copytruncate-of-a-file-that-was-seen-and-not-read") {
		copied.excused, copied.known = true, 0
	}
	m.rotate("copytruncate")
	g := m.begin()
	g.blank, g.asBlank = copied.blank, copied.asBlank
	m.named[live], m.emptied = g, true
	if m.followed == copied {
		m.followed = g
	}
	if m.remembered == copied && copied.asBlank { // as its inode, for nothing else is known of it
		m.remembered = g
	}
}

func (m *model) rotatedNames() (all []string) {
	for name := range m.named {
		if name != live {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func (m *model) compress(which int) {
	names := slices.DeleteFunc(m.rotatedNames(), packed)
	if len(names) == 0 {
		return
	}
	name := names[which%len(names)]
	m.freed(m.named[name])
	m.named[name].replaced = m.running || m.named[name].blank
	m.named[name+".gz"] = m.named[name]
	delete(m.named, name)
	m.doing("compress %s", name)
}

// delete removes a file. One that no agent has open is lost with it.
func (m *model) delete(name string) {
	g := m.named[name]
	m.freed(g)
	m.orphaned = m.orphaned || m.emptied && !g.open && name != live && gap("copytruncate-twice-and-the-older-copy-is-gone")
	g.deleted = true
	g.excused = g.excused || !m.running || !g.open
	delete(m.named, name)
	m.doing("delete %s", name)
}

func (m *model) startOrStop() {
	if !m.running {
		m.running = true
		m.doing("start")
		return
	}
	m.killed(m.outage || m.denied)
	m.running = false
	m.doing("stop")
}

func (m *model) outageOrHeal() {
	switch {
	case m.outage:
		m.doing("heal")
	case m.running:
		m.doing("outage")
	}
}

func (m *model) denyOrAllow() {
	if m.denied {
		m.doing("allow")
	} else {
		m.doing("deny")
	}
	m.denied = !m.denied
	m.repeats = m.repeats || m.denied
}

// finish lets everything arrive, and checks it.
func (m *model) finish() {
	if m.denied {
		m.denyOrAllow()
	}
	if !m.running {
		m.startOrStop()
	}
	if m.outage {
		m.outageOrHeal()
	}
	m.doing("deliver")
	m.write(1, false) // what came and went unseen is looked for when there is a file again
	m.doing("deliver")
	times := map[string]int{}
	first := map[string]int{}
	for i, line := range m.got {
		if times[line]++; times[line] == 1 {
			first[line] = i
		}
	}
	missing := false
	for _, g := range m.all {
		missing = m.check(g, times, first) || missing
	}
	if bytes, files := m.losses(); missing && bytes == 0 && files == 0 {
		m.Error("lines are lost, and nothing is counted")
	}
}

// check tells whether a line is missing that some agent has seen.
func (m *model) check(g *generation, times, first map[string]int) (missing bool) {
	last := -1
	for i, line := range g.lines {
		switch n := times[line]; {
		case n == 0 && !g.excused:
			m.Errorf("%q did not arrive", line)
		case n > 1 && !m.repeats:
			m.Errorf("%q arrived %d times", line, n)
		case n > 0 && first[line] < last && !m.disorder:
			m.Errorf("%q arrived too early", line)
		case n > 0:
			last = first[line]
		}
		missing = missing || times[line] == 0 && i < g.known
	}
	return missing
}
