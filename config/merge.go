package config

import (
	"fmt"
	"slices"
)

// merge adds the document from into the tree into, by the rules of the original: sections join, lists of things to collect
// join without repetitions, and everything else has to be equal wherever it is said twice. So the order of files means nothing.
func (r *reading) merge(into, from *node, path string) {
	known := make(map[string]int, len(into.members))
	for i, m := range into.members {
		known[m.key] = i
	}
	for _, m := range from.members {
		at := join(path, m.key)
		i, ok := known[m.key]
		switch {
		case !ok:
			into.members = append(into.members, member{key: m.key, at: m.at, value: m.value.shallow()})
		case isSection(at) && into.members[i].value.kind == object && m.value.kind == object:
			r.merge(into.members[i].value, m.value, at)
		case isUnion(at) && into.members[i].value.collects() && m.value.collects():
			into.members[i].value = union(into.members[i].value, m.value)
		case path == "" && !isSection(at): // unknown to the original, which drops it
		case !into.members[i].value.equal(m.value):
			r.conflict(into.members[i].value, m)
		}
	}
}

// shallow is a copy whose keys can be added to; the trees of the documents stay as they are.
func (n *node) shallow() *node {
	if n.kind != object {
		return n
	}
	c := *n
	c.members = make([]member, len(n.members))
	for i, m := range n.members {
		m.value = m.value.shallow()
		c.members[i] = m
	}
	return &c
}

func (r *reading) conflict(first *node, second member) {
	if first.kind == broken || second.value.kind == broken {
		return
	}
	r.wrong(second.value.at, fmt.Sprintf("different values of %q: %s here, %s at %s", second.key, second.value.short(), first.short(), spot(first.at)),
		"make them equal, or keep the key in one file only")
}

// isSection tells which objects are joined key by key.
func isSection(path string) bool {
	switch path {
	case "agent", "metrics", "logs", "traces", "opentelemetry", "csm",
		"metrics.metrics_collected", "traces.traces_collected",
		"logs.logs_collected", "logs.logs_collected.files", "logs.logs_collected.windows_events",
		"logs.metrics_collected", "logs.metrics_collected.prometheus", "logs.metrics_collected.ecs", "logs.metrics_collected.kubernetes":
		return true
	}
	return false
}

// isUnion tells which lists are joined, items that are equal once.
func isUnion(path string) bool {
	switch path {
	case "agent.usage_metadata", "metrics.metrics_collected.procstat", "metrics.metrics_collected.jmx", "metrics.metrics_collected.otlp",
		"logs.logs_collected.files.collect_list", "logs.logs_collected.windows_events.collect_list":
		return true
	}
	return false
}

// union joins two lists; an object stands for a list of itself.
func union(a, b *node) *node {
	all := *a
	all.kind, all.members, all.items = list, nil, slices.Clone(itemsOf(a))
	known := map[string]bool{}
	for _, item := range all.items {
		known[item.canonical()] = true
	}
	for _, item := range itemsOf(b) {
		if !known[item.canonical()] {
			all.items = append(all.items, item)
		}
	}
	return &all
}

func (n *node) collects() bool { return n.kind == list || n.kind == object }

func itemsOf(n *node) []*node {
	if n.kind == list {
		return n.items
	}
	return []*node{n}
}
