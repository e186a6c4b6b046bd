package collectors

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// processList is which processes there are, for all who look at all of them: one listing of /proc serves all of one moment.
type processList struct {
	mu     sync.Mutex
	tree   *procTree
	moment time.Time
	served map[any]bool // who has seen the listing of that moment
	seen   []seenProcess
}

// seenProcess is a process as the listing has it.
type seenProcess struct {
	pid   int
	inode uint64 // another one when the number is used again
}

func newProcessList(h Host) *processList {
	return &processList{tree: newProcTree(h), served: map[any]bool{}}
}

// at is the listing of a moment, or a later one if this one has been given to who before. It is not to be written to.
func (l *processList) at(moment time.Time, who any) ([]seenProcess, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if moment.Equal(l.moment) && !l.served[who] {
		l.served[who] = true
		return l.seen, nil
	}
	if err := l.tree.open(); err != nil {
		return nil, err
	}
	defer l.tree.close()
	seen := make([]seenProcess, 0, len(l.seen)+len(l.seen)/8+8) // others may still look at the one before
	if err := l.tree.each(func(pid int, inode uint64) { seen = append(seen, seenProcess{pid, inode}) }); err != nil {
		return nil, err
	}
	clear(l.served)
	l.served[who] = true
	l.moment, l.seen = moment, seen
	return seen, nil
}

// processTable is the processes of a host, for all who look for some among them. One walk serves all of one moment.
// A process that is known costs an entry of the listing: its program and arguments are read when it is new, for as long as it
// is young (between fork and exec it has those of its parent), and else once a minute, for it may call exec at any time.
type processTable struct {
	host Host

	listed *processList

	mu     sync.Mutex
	tree   *procTree
	moment time.Time
	served map[*procstatCollector]bool // who has seen the walk of that moment
	looks  uint64
	alive  map[int]*knownProcess
	list   []*knownProcess
	seed   maphash.Seed
}

// knownProcess is a process as long as it lives.
type knownProcess struct {
	pid      int
	inode    uint64
	start    uint64 // in ticks since boot; with the number it is a process's identity
	name     string
	identity uint64 // hash of program and arguments
	revision uint64 // grows when they change
	since    time.Time
	read     time.Time
	look     uint64 // the last that saw it
	young    bool   // it came after the first look
}

const (
	// youth is how long a process is looked at each time.
	youth = 10 * time.Second
	// trust is how long what was read of an older one holds at least; spread over another ten seconds.
	trust = 49 * time.Second
)

func newProcessTable(h Host) *processTable {
	return &processTable{host: h, listed: newProcessList(h), tree: newProcTree(h), served: map[*procstatCollector]bool{}, alive: map[int]*knownProcess{}, seed: maphash.MakeSeed()}
}

// foundProcess is a process that was looked for.
type foundProcess struct {
	pid   int
	start uint64
	name  string
}

// find lists the processes that match.
func (t *processTable) find(moment time.Time, c *procstatCollector) (found []foundProcess, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.tree.open(); err != nil {
		return nil, fmt.Errorf("find processes: %w", err)
	}
	defer t.tree.close()
	if !moment.Equal(t.moment) || t.served[c] {
		if err := t.walk(moment); err != nil {
			return nil, fmt.Errorf("find processes: %w", err)
		}
	}
	t.served[c] = true
	for _, p := range t.list {
		if c.judge(p, t.tree) {
			found = append(found, t.named(p))
		}
	}
	c.forget(t.alive)
	return found, nil
}

// one is a process by its number; none if there is none.
func (t *processTable) one(pid int) ([]foundProcess, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.tree.open(); err != nil {
		return nil, fmt.Errorf("find processes: %w", err)
	}
	defer t.tree.close()
	p := &knownProcess{pid: pid}
	if !p.begin(t.tree) {
		return nil, nil
	}
	return []foundProcess{t.named(p)}, nil
}

// walk goes through all processes that there are.
func (t *processTable) walk(moment time.Time) error {
	t.moment = moment
	clear(t.served)
	t.looks++
	t.list = t.list[:0]
	now := t.host.clock(moment)
	listed, err := t.listed.at(moment, t) // first listed, then read: a listing in pieces is less complete the longer it takes
	if err != nil {
		return err
	}
	for _, s := range listed {
		p := t.alive[s.pid]
		if p == nil || p.inode != s.inode {
			fresh := &knownProcess{pid: s.pid, inode: s.inode, since: now, young: t.looks > 1}
			if !fresh.begin(t.tree) {
				continue // it is gone, or hidden
			}
			if p != nil && p.start == fresh.start {
				p.inode = s.inode
			} else {
				p = fresh
				t.alive[s.pid] = p
			}
		}
		if p.read.IsZero() || p.young && now.Sub(p.since) < youth || now.Sub(p.read) > trust+time.Duration(p.pid%10)*time.Second {
			t.reread(p, now)
		}
		p.look = t.looks
		t.list = append(t.list, p)
	}
	for pid, p := range t.alive {
		if p.look != t.looks {
			delete(t.alive, pid)
		}
	}
	return nil
}

// again looks at a process anew that was not what it was taken for.
func (t *processTable) again(pid int, c *procstatCollector) (found foundProcess, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.alive[pid]
	if old == nil || t.tree.open() != nil {
		return found, false
	}
	defer t.tree.close()
	p := &knownProcess{pid: pid, inode: old.inode, since: old.read, look: old.look, young: true}
	if !p.begin(t.tree) {
		return found, false
	}
	t.alive[pid] = p
	t.reread(p, t.host.clock(t.moment))
	if c.expression != nil && !c.judge(p, t.tree) {
		return found, false
	}
	return t.named(p), true
}

// begin reads when a process began.
func (p *knownProcess) begin(t *procTree) bool {
	text, err := t.read(p.pid, "stat")
	if err != nil {
		return false
	}
	var s processStat
	start, ok := s.parse(text)
	p.start = start
	return ok
}

// reread looks whether program and arguments are what they were.
func (t *processTable) reread(p *knownProcess, now time.Time) {
	var h maphash.Hash
	h.SetSeed(t.seed)
	program, _ := programOf(t.tree, p.pid)
	_, _ = h.Write(program)
	_ = h.WriteByte(0)
	arguments, _ := commandLineOf(t.tree, p.pid)
	_, _ = h.Write(arguments)
	if sum := h.Sum64(); sum != p.identity {
		p.identity, p.name = sum, ""
		p.revision++
	}
	p.read = now
}

// named gives a process its name, when it is first needed.
func (t *processTable) named(p *knownProcess) foundProcess {
	if p.name == "" {
		p.name = nameOf(t.tree, p.pid)
	}
	return foundProcess{p.pid, p.start, p.name}
}

// programOf is the path of a process's program; threads of the kernel have none.
func programOf(t *procTree, pid int) ([]byte, bool) {
	text, err := t.link(pid, "exe")
	return text, err == nil
}

// commandLineOf is the arguments of a process, with blanks between them; threads of the kernel have none, which is a command
// line that is empty.
func commandLineOf(t *procTree, pid int) ([]byte, bool) {
	text, err := t.read(pid, "cmdline")
	if err != nil {
		return nil, false
	}
	return bytes.Join(bytes.FieldsFunc(text, func(r rune) bool { return r == 0 }), []byte{' '}), true
}

// shortName is how much of a program's name the kernel keeps.
const shortName = 15

// nameOf is the name of a process: the kernel's or, where that may be cut off, that of the first argument if it begins so.
func nameOf(t *procTree, pid int) string {
	text, err := t.read(pid, "comm")
	if err != nil {
		return ""
	}
	name := string(bytes.TrimSuffix(text, []byte{'\n'}))
	if len(name) < shortName {
		return name
	}
	arguments, err := t.read(pid, "cmdline")
	if err != nil {
		return name
	}
	first, _, _ := bytes.Cut(arguments, []byte{0})
	if base := first[bytes.LastIndexByte(first, '/')+1:]; bytes.HasPrefix(base, []byte(name)) {
		return string(base)
	}
	return name
}
