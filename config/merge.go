package config

import (
	"fmt"
	"slices"
)

// merge adds the document from into the tree into, by the rules of the original: sections join, lists of things to collect
// join without repetitions, and everything else has to be equal wherever it is said twice. So the order of files means nothing.
func (r *reading) merge(into, from *node, s *shape) {
	known := make(map[string]int, len(into.members))
	for i, m := range into.members {
		known[m.key] = i
	}
	for _, m := range from.members {
		i, ok := known[m.key]
		if !ok {
			into.members = append(into.members, member{key: m.key, at: m.at, value: m.value.shallow()})
			continue
		}
		first, sub := into.members[i].value, s.under(m.key)
		joins := sub != nil && sub.joins
		lists := joins && (sub.kind == list || first.kind == list)
		switch {
		case joins && !lists && first.kind == object && m.value.kind == object:
			r.merge(first, m.value, sub)
		case lists && first.collects() && m.value.collects():
			into.members[i].value = union(first, m.value)
		case s == r.root && !joins: // unknown to the original, which drops it
		case !first.equal(m.value):
			r.conflict(first, m)
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

// spot is a place as a message shows it.
func spot(p Place) string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// union joins two lists, items that are equal once; an object stands for a list of itself.
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
