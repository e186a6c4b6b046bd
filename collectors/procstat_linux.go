package collectors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

type procstatCollector struct {
	host    Host
	place   config.Place
	table   *processTable
	tree    *procTree // its own: details are read without holding up others
	sources source
	usage   bool // cpu_usage is measured

	pidFile            string
	expression         *regexp.Regexp // nil: the pid file says which
	byProgram          bool           // the expression is for the program's path, else for the command line
	dimension, written string         // as which the selector is sent

	lookup     *column[processReading] // pid_count; nil: not measured
	lookupDims []cloudwatch.Dimension

	verdicts       map[int]verdict
	last, previous map[int]cpuUse // previous is kept for its memory only
	groups         map[string]*processGroup
	data           []cloudwatch.Datum
	*sheet[processReading]
}

// verdict is whether a process matches, and of which of its revisions that was said.
type verdict struct {
	of       *knownProcess
	revision uint64
	matches  bool
}

// cpuUse is what a process had used at a moment.
type cpuUse struct {
	start   uint64
	seconds float64
	at      time.Time
}

// processGroup is the processes of one name, which are one series.
type processGroup struct {
	dims     []cloudwatch.Dimension
	readings []processReading
}

func buildProcstat(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, procstatTable)
	if s == nil {
		return nil, problems
	}
	c := &procstatCollector{
		host: h, place: p.Place, table: h.processTable(), tree: newProcTree(h), pidFile: p.PidFile, byProgram: p.Exe != "", sheet: s,
		verdicts: map[int]verdict{}, last: map[int]cpuUse{}, previous: map[int]cpuUse{}, groups: map[string]*processGroup{},
	}
	switch {
	case p.PidFile != "":
		c.dimension, c.written = "pidfile", p.PidFile
	case p.Exe != "":
		c.dimension, c.written = "exe", p.Exe
	default:
		c.dimension, c.written = "pattern", p.Pattern
	}
	if p.PidFile == "" {
		var err error
		if c.expression, err = regexp.Compile(c.written); err != nil {
			return nil, append(problems, config.Mistake(p.Place, fmt.Sprintf("%s is no regular expression: %s", c.dimension, err), ""))
		}
	}
	var columns []column[processReading]
	for _, column := range s.columns {
		c.sources |= sourceOf(column.measurement)
		c.usage = c.usage || column.measurement == "cpu_usage"
		if column.measurement == "pid_count" {
			column.name = p.WireName(config.Measurement{Name: "pid_count"})
			c.lookup, c.lookupDims = &column, c.dimensions(c.dimension, c.written, "pid_finder", "native")
			continue
		}
		columns = append(columns, column)
	}
	c.columns = columns
	return c, problems
}

// Advise tells when others' processes are hidden from the agent, or what they run, read and write. The first process, which has
// all rights, stands for the others.
func (c *procstatCollector) Advise(context.Context) []config.Problem {
	if problems := adviseHidden(c.tree, c.place, "procstat finds only processes of the agent's own user"); len(problems) > 0 {
		return problems
	}
	t := procTree{path: c.tree.path, fd: -1, text: make([]byte, 0, firstRead)}
	if t.open() != nil {
		return nil // whoever reads it will say so
	}
	defer t.close()
	if c.byProgram && c.pidFile == "" {
		if _, err := t.link(1, "exe"); errors.Is(err, fs.ErrPermission) {
			return []config.Problem{config.Suspicion(c.place, "exe finds only programs of the agent's own user, with no more rights than it has: to see which file another process runs takes CAP_SYS_PTRACE",
				`use "pattern", which goes by the command line; or give the agent this right: nephoscope doctor says how, and so does docs/metrics.md, at procstat`)}
		}
	}
	if c.sources&ofIO != 0 {
		if _, err := t.read(1, "io"); errors.Is(err, fs.ErrPermission) {
			return []config.Problem{config.Suspicion(c.place, "read_… and write_… are sent only of processes of the agent's own user, with no more rights than it has: of others it takes CAP_SYS_PTRACE",
				"give the agent this right: `nephoscope doctor` says how, and so does docs/metrics.md, at procstat; or leave these measurements out")}
		}
	}
	return nil
}

func (c *procstatCollector) Collect(_ context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	found, err := c.find(now)
	c.data = c.data[:0]
	if c.lookup != nil {
		c.data = append(c.data, cloudwatch.Datum{
			Name: c.lookup.name, Dimensions: c.lookupDims, Time: now, Unit: c.lookup.unit, Resolution: c.resolution,
			Values: []float64{float64(len(found))}, RollUpOnly: c.lookup.rollUpOnly,
		})
	}
	if err != nil || len(c.columns) == 0 {
		return c.data, err
	}
	if err := c.tree.open(); err != nil {
		return c.data, fmt.Errorf("read processes: %w", err)
	}
	defer c.tree.close()
	c.last, c.previous = c.previous, c.last
	clear(c.last)
	for _, p := range found {
		r, ok := c.readProcess(p, now)
		if !ok {
			if p, ok = c.table.again(p.pid, c); ok { // its number may be used again, by one that matches too
				r, ok = c.readProcess(p, now)
			}
		}
		if ok {
			g := c.group(p.name)
			g.readings = append(g.readings, r)
		}
	}
	for name, g := range c.groups {
		if len(g.readings) == 0 { // nothing is called so any more
			delete(c.groups, name)
			continue
		}
		c.data = c.fillMany(c.data, now, g.readings, g.dims)
		g.readings = g.readings[:0]
	}
	return c.data, nil
}

// find lists the processes that are meant. Without any there is no error, but without a pid file there is.
func (c *procstatCollector) find(now time.Time) ([]foundProcess, error) {
	if c.expression == nil {
		pid, err := c.readPidFile()
		if err != nil {
			return nil, err
		}
		return c.table.one(pid)
	}
	return c.table.find(now, c)
}

func (c *procstatCollector) readPidFile() (pid int, err error) {
	path := c.pidFile
	if c.host.Root != "" {
		path = filepath.Join(c.host.Root, path)
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, Notice{fmt.Sprintf("read pid file %s: it is not there", c.pidFile)}
	}
	if err != nil {
		return 0, fmt.Errorf("read pid file: %w", err)
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil || pid <= 0 {
		return 0, Notice{fmt.Sprintf("read pid file %s: there is no process id in it, but %.20q", c.pidFile, strings.TrimSpace(string(text)))}
	}
	return pid, nil
}

// judge tells whether a process matches. One that is known is not looked at again until its program or its arguments change.
func (c *procstatCollector) judge(p *knownProcess, t *procTree) bool {
	v, ok := c.verdicts[p.pid]
	if !ok || v.of != p || v.revision != p.revision {
		text, there := programOf(t, p.pid)
		if !c.byProgram {
			text, there = commandLineOf(t, p.pid)
		}
		v = verdict{p, p.revision, there && c.expression.Match(text)}
		c.verdicts[p.pid] = v
	}
	return v.matches
}

// forget drops the verdicts about processes that are no more, when there are many.
func (c *procstatCollector) forget(alive map[int]*knownProcess) {
	if len(c.verdicts) <= 2*len(alive)+64 {
		return
	}
	for pid, v := range c.verdicts {
		if alive[pid] != v.of {
			delete(c.verdicts, pid)
		}
	}
}

func (c *procstatCollector) group(name string) *processGroup {
	g := c.groups[name]
	if g == nil {
		g = &processGroup{dims: c.dimensions(c.dimension, c.written, "process_name", name)}
		c.groups[name] = g
	}
	return g
}

// readProcess reads what is measured. False: the process is gone, or its number is used again.
func (c *procstatCollector) readProcess(p foundProcess, now time.Time) (r processReading, ok bool) {
	r.pid = float64(p.pid)
	text, err := c.tree.read(p.pid, "stat")
	if err != nil {
		return r, false
	}
	at := c.host.clock(now)
	start, ok := r.stat.parse(text)
	if !ok || start != p.start {
		return r, false
	}
	r.usage = math.NaN()
	if c.usage {
		use := cpuUse{start, r.stat.user + r.stat.system, at}
		if last, ok := c.previous[p.pid]; ok && last.start == start && at.After(last.at) {
			r.usage = percentOf(use.seconds-last.seconds, at.Sub(last.at).Seconds())
			if math.Abs(use.seconds-last.seconds) < tick {
				r.usage = 0
			}
		}
		c.last[p.pid] = use
	}
	r.readMore(c.tree, c.sources)
	return r, true
}
