package tailer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// FuzzRotation lets bytes become a history, in the language of testdata/history, and checks it against a model: every complete
// line arrives at least once, those of one file in their order, and each once unless an agent was killed that had not been able to
// remember what it had sent. Lines that nobody can find any more are excused, but not silently.
//
// The first byte says what is followed and how; each of the others is a step. A history in testdata/history/failing is a gap
// that is known: the model excuses what it costs for as long as it stands there.
func FuzzRotation(f *testing.F) {
	for _, seed := range []string{
		"write look take rotate deliver", "look write copytruncate write deliver", "look write deliver copytruncate write copytruncate deliver",
		"look write outage rotate compress rotate wait outage", "look write move write end write end deliver", "write look stop end write end deliver",
		"look write deliver write delete write deliver", "look write fail rotate write take end compress end deliver",
		"look write deny write deliver rotate deny deliver", "look write doubt rotate write doubt deliver", "write wire end rotate write end deliver",
		"write hurry rotate compress write end deliver", "look write deliver copytruncate wire end forget end",
	} {
		for setup := range byte(2 * len(setups)) {
			history := []byte{setup}
			for word := range strings.FieldsSeq(seed) {
				history = append(history, byte(slices.IndexFunc(steps, func(s step) bool { return s.name == word })))
			}
			f.Add(history)
		}
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if len(bytes) == 0 {
			t.Skip("no history")
		}
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t)
			defer func() {
				if m.entry != nil {
					m.entry.Close()
				}
				if t.Failed() {
					t.Logf("the history:\n%s", strings.Join(m.history, "\n"))
				}
			}()
			m.setUp(int(bytes[0]))
			for _, b := range bytes[1:min(len(bytes), 60)] {
				steps[int(b)%len(steps)].do(m, int(b)/len(steps))
			}
			m.finish()
		})
	})
}

// setups are what is followed, and how many files that nobody writes to stay open.
var setups = [][]string{
	{},
	{"may-rest 0"},
	{"may-rest 1"},
	{"follow access*.log"},
	{"follow access.log*"},
	{"follow-all access.log*"},
	{"follow-all access.log*", "may-rest 1"},
}

func (m *model) setUp(which int) {
	for _, line := range setups[which%len(setups)] {
		m.doing("%s", line)
		m.all = m.all || strings.HasPrefix(line, "follow-all")
		m.tiny = m.tiny || strings.HasPrefix(line, "may-rest")
	}
	if which/len(setups)%2 == 1 {
		m.doing("read-back")
	}
	m.repeats = which%len(setups) > 2 && gap("restart-under-a-pattern-that-matches-rotations", "path-that-ends-takes-along-what-it-had-drained")
	m.write(1, false) // a file that was rotated away before the first start is not followed
	m.startOrStop()
}

// step is what one byte of a history may say, and how much of it.
type step struct {
	name string
	do   func(m *model, much int)
}

var steps = []step{
	{"write", func(m *model, much int) { m.write(1+much, false) }},
	{"begin", func(m *model, much int) { m.write(much, true) }},
	{"rotate", func(m *model, _ int) { // and another is begun at once
		if m.move("rename") {
			m.write(1, false)
		}
	}},
	{"move", func(m *model, _ int) { m.move("rename") }},
	{"copytruncate", func(m *model, _ int) { m.copytruncate() }},
	{"compress", (*model).compress},
	{"delete", func(m *model, _ int) { m.delete(live) }},
	{"forget", func(m *model, much int) {
		if names := m.rotatedNames(); len(names) > 0 {
			m.delete(names[much%len(names)])
		}
	}},
	{"end", func(m *model, _ int) { m.startOrStop() }},
	{"hurry", func(m *model, _ int) {
		if m.reads() {
			m.doing("hurry")
			m.startOrStop()
		}
	}},
	{"outage", func(m *model, _ int) { m.outageOrHeal() }},
	{"wait", func(m *model, much int) { m.doing("wait %ds", 1+7*much) }},
	{"deny", func(m *model, _ int) { m.denyOrAllow() }},
	{"deliver", func(m *model, _ int) { m.agent("deliver") }},
	{"look", func(m *model, _ int) { m.agent("look") }},
	{"take", func(m *model, _ int) { m.agent("take") }},
	{"fail", func(m *model, _ int) { m.agent("fail") }},
	{"settle", func(m *model, _ int) { m.agent("settle") }},
	{"send", func(m *model, _ int) {
		if m.agent("send") {
			m.repeats = m.repeats || !m.readBack
			m.startOrStop()
		}
	}},
	{"wire", func(m *model, much int) {
		if gap("batch-in-doubt-of-a-file-that-was-truncated-while-stopped") {
			return
		}
		if m.agent("wire " + whether[much%2]) {
			m.startOrStop()
		}
	}},
	{"doubt", func(m *model, much int) { m.agent("doubt " + whether[much%2]) }},
}

var whether = []string{"arrived", "lost"}

func (m *model) write(n int, unfinished bool) {
	g := m.named[live]
	if g == nil {
		g = m.begin()
		m.named[live] = g
	}
	text := ""
	for range n {
		text += g.begin() + "end\n"
		g.lines = append(g.lines, g.partial+"end")
		g.partial = ""
	}
	if unfinished {
		text += g.begin()
	}
	m.doing("append %s %q", live, text)
}

// move gives what is written to another name.
func (m *model) move(how string) bool {
	if m.named[live] == nil {
		return false
	}
	m.rotated++
	name := fmt.Sprintf("%s-%04d", live, m.rotated)
	m.named[name] = m.named[live]
	delete(m.named, live)
	m.doing("%s %s %s", how, live, name)
	return true
}

// copytruncate goes on in the same file. Of the copy nobody knows before it is looked for.
func (m *model) copytruncate() {
	if copied := m.named[live]; m.move("copytruncate") {
		copied.open = false
		m.named[live] = m.begin()
		m.repeats = m.repeats || m.all // the pattern matches the copy as well
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

func (m *model) compress(much int) {
	names := slices.DeleteFunc(m.rotatedNames(), packed)
	if len(names) == 0 || gap("compressed-while-stopped-with-nothing-in-its-place", "compressed-after-it-was-drained-with-nothing-in-its-place") || m.all && gap("compressed-while-stopped-under-a-pattern-that-matches-rotations") {
		return
	}
	name, ext := names[much/2%len(names)], []string{".gz", ".zst"}[much%2]
	m.named[name+ext] = m.named[name]
	delete(m.named, name)
	m.doing("compress %s %s", name, ext)
}

func (m *model) delete(name string) {
	if g := m.named[name]; g != nil {
		m.lose(g)
		delete(m.named, name)
		m.doing("delete %s", name)
	}
}

func (m *model) startOrStop() {
	if m.running = !m.running; m.running {
		m.doing("start")
		return
	}
	m.killed()
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
	if m.denied == nil {
		m.doing("deny")
	} else {
		m.doing("allow")
	}
	m.repeats = true
}

// agent is what an agent does while the service takes what it is sent. False: it does not.
func (m *model) agent(line string) bool {
	if m.reads() {
		m.doing("%s", line)
	}
	return m.reads()
}

func (m *model) reads() bool { return m.running && !m.outage }
