package collectors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

type processesCollector struct {
	listed *processList
	tree   *procTree
	place  config.Place
	data   []cloudwatch.Datum
	*sheet[processCounts]
}

func buildProcesses(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, processesTable)
	if s == nil {
		return nil, problems
	}
	return &processesCollector{listed: h.processTable().listed, tree: newProcTree(h), place: p.Place, sheet: s}, problems
}

func (c *processesCollector) Collect(_ context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	counts, err := c.count(now)
	if err != nil {
		return nil, fmt.Errorf("count processes: %w", err)
	}
	c.data = c.fill(c.data[:0], now, &counts, c.static)
	return c.data, nil
}

// Advise tells when others' processes are hidden from the agent.
func (c *processesCollector) Advise(context.Context) []config.Problem {
	return adviseHidden(c.tree, c.place, "processes counts only those of the agent's own user")
}

// count reads the state of every process. One that is gone by now is not counted; one that may not be read makes
// the numbers untrue.
func (c *processesCollector) count(moment time.Time) (n processCounts, err error) {
	listed, err := c.listed.at(moment, c)
	if err != nil {
		return n, err
	}
	if err := c.tree.open(); err != nil {
		return n, err
	}
	defer c.tree.close()
	forbidden := 0
	var bad badLines
	for _, p := range listed {
		text, err := c.tree.read(p.pid, "stat")
		switch {
		case errors.Is(err, fs.ErrPermission):
			forbidden++
		case err == nil && !n.add(text):
			bad.add(string(text))
		}
	}
	if forbidden > 0 {
		return n, fmt.Errorf("%d of %d may not be read: /proc is mounted with hidepid", forbidden, forbidden+n.total)
	}
	return n, bad.err()
}

// threadsField is num_threads of proc_pid_stat(5), counted from the state on.
const threadsField = 17

func (n *processCounts) add(stat []byte) bool {
	_, rest, ok := splitStat(stat)
	if !ok {
		return false
	}
	var word, threads []byte
	state := byte(0)
	for i := range threadsField + 1 {
		word, rest = nextWord(rest)
		if i == 0 && len(word) > 0 {
			state = word[0]
		}
		threads = word
	}
	count, ok := number(threads)
	if !ok || state >= byte(len(n.state)) {
		return false
	}
	n.state[state]++
	n.total++
	n.threads += int(count)
	return true
}

// splitStat parts the name of a program, which may hold anything, from what stands behind it.
func splitStat(stat []byte) (name, rest []byte, ok bool) {
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if from < 0 || to < from {
		return nil, nil, false
	}
	return stat[from+1 : to], bytes.TrimSpace(stat[to+1:]), true
}
