package config

import (
	"sort"
	"time"
)

// reading is what is known while a configuration is read: everything that is wrong or suspicious so far.
type reading struct {
	root     *shape // of config.json
	problems []Problem
	partial  bool // a document could not be read to its end: what seems to be missing may be in it
	quiet    bool // of what is being checked nothing will be used
	options  options
}

func (r *reading) wrong(at Place, text, hint string) {
	r.problems = append(r.problems, Mistake(at, text, hint))
}

func (r *reading) warn(at Place, text, hint string) {
	if !r.quiet {
		r.problems = append(r.problems, Suspicion(at, text, hint))
	}
}

// section is an object that was checked, together with what is known of its keys. What is not there, or was wrong, reads
// as its default.
type section struct {
	node  *node // nil: it is not there
	shape *shape
}

func (s section) there() bool { return s.node != nil }

// value is what stands under a key; nil: nothing that could be used.
func (s section) value(name string) *node {
	if s.shape.key(name) == nil {
		panic("config: no table has the key " + name)
	}
	if s.node == nil {
		return nil
	}
	if n := s.node.child(name); n != nil && n.kind != broken {
		return n
	}
	return nil
}

func (s section) section(name string) section {
	return section{s.value(name), s.shape.under(name)}
}

// items are the elements of a list of objects.
func (s section) items(name string) (all []section) {
	if n := s.value(name); n != nil {
		for _, item := range n.items {
			if item.kind == object {
				all = append(all, section{item, s.shape.under(name).items})
			}
		}
	}
	return all
}

func (s section) text(name string) string {
	if n := s.value(name); n != nil {
		return n.text
	}
	preset, _ := s.shape.key(name).preset.(string)
	return preset
}

func (s section) flag(name string) bool {
	if n := s.value(name); n != nil {
		return n.text == "true"
	}
	preset, _ := s.shape.key(name).preset.(bool)
	return preset
}

func (s section) number(name string) int {
	if n := s.value(name); n != nil {
		v, _ := n.whole()
		return int(v)
	}
	preset, _ := s.shape.key(name).preset.(int)
	return preset
}

func (s section) seconds(name string) time.Duration {
	return time.Duration(s.number(name)) * time.Second
}

// texts is a list of strings; nil when it is not there, empty but not nil when it is empty.
func (s section) texts(name string) []string {
	n := s.value(name)
	if n == nil {
		return nil
	}
	all := []string{}
	for _, item := range n.items {
		if item.kind == text {
			all = append(all, item.text)
		}
	}
	return all
}

// inFileOrder sorts problems by the order of the files and their places in them.
func inFileOrder(problems []Problem, files []string) {
	rank := make(map[string]int, len(files))
	for i, f := range files {
		if _, ok := rank[f]; !ok {
			rank[f] = i
		}
	}
	sort.SliceStable(problems, func(i, j int) bool {
		a, b := problems[i], problems[j]
		if a.File != b.File {
			return rank[a.File] < rank[b.File]
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
}
