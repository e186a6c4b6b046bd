package config

import (
	"fmt"
	"slices"
)

// selectors are the keys that say which processes an entry of procstat is about, the one that goes before the others first.
var selectors = []string{"pid_file", "exe", "pattern"}

// selected is the selector that holds, and what it says.
func selected(entry *node) (key string, says *node) {
	for _, key := range selectors {
		if n := entry.child(key); n != nil && n.kind == text {
			return key, n
		}
	}
	return "", nil
}

// oneSelector judges an entry of procstat that has several.
func (r *reading) oneSelector(entry *node) {
	holds, _ := selected(entry)
	for _, key := range selectors {
		if n := entry.child(key); n != nil && n.kind == text && key != holds {
			r.warn(n.at, fmt.Sprintf("is ignored: %q goes before it", holds), "make an entry of its own of it")
		}
	}
}

// sameProcesses judges the entries of procstat. Of two about the same processes the original keeps one.
func (r *reading) sameProcesses(list *node) {
	for i, entry := range list.items {
		if j := sameAgain(list.items, i); j >= 0 {
			r.warn(entry.at, fmt.Sprintf("is ignored: the entry at %d:%d is about the same processes", list.items[j].at.Line, list.items[j].at.Column), "make one of them")
		}
	}
}

// sameAgain is the last entry behind i that is about the same processes; -1: there is none.
func sameAgain(entries []*node, i int) int {
	key, says := selected(entries[i])
	for j := len(entries) - 1; j > i; j-- {
		if other, n := selected(entries[j]); key != "" && key == other && says.text == n.text {
			return j
		}
	}
	return -1
}

// readProcstat makes a plugin of each entry.
func readProcstat(entries []section, a Agent) (all []Plugin) {
	for _, s := range entries {
		p := readPlugin("procstat", s, a)
		switch key, says := selected(s.node); key {
		case "pid_file":
			p.PidFile = says.text
		case "exe":
			p.Exe = says.text
		case "pattern":
			p.Pattern = says.text
		default:
			continue
		}
		all = slices.DeleteFunc(all, func(o Plugin) bool { return o.Called() == p.Called() })
		all = append(all, p)
	}
	return all
}

// Called is what a plugin is called among all: its name, and for procstat which processes, too.
func (p Plugin) Called() string {
	switch {
	case p.PidFile != "":
		return fmt.Sprintf("%s pid_file %s", p.Name, p.PidFile)
	case p.Exe != "":
		return fmt.Sprintf("%s exe %s", p.Name, p.Exe)
	case p.Pattern != "":
		return fmt.Sprintf("%s pattern %s", p.Name, p.Pattern)
	}
	return p.Name
}

// WireName is what a measurement of the plugin is called in CloudWatch.
func (p Plugin) WireName(m Measurement) string {
	switch {
	case m.Rename != "":
		return m.Rename
	case p.Name == "procstat" && m.Name == "pid_count":
		return "procstat_lookup_pid_count"
	case p.Name == "nvidia_gpu":
		return "nvidia_smi_" + m.Name
	}
	return p.Name + "_" + m.Name
}
