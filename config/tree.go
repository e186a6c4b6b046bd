package config

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// kind is what a JSON value is, in the words of a message.
type kind string

const (
	null    kind = "null"
	boolean kind = "true or false"
	number  kind = "a number"
	text    kind = "a string"
	list    kind = "a list"
	object  kind = "an object"
	broken  kind = "unreadable" // already reported by the scanner: everyone else passes it over
)

// node is one JSON value that knows where it stands. Its place carries the path inside its own file,
// also after files are merged.
type node struct {
	kind    kind
	at      Place
	text    string   // of a string its content, of a number or a boolean its spelling
	items   []*node  // of a list
	members []member // of an object, in file order, each key once
}

type member struct {
	key   string
	at    Place // of the key
	value *node
}

// child is the value of a key, nil when the object does not have it.
func (n *node) child(key string) *node {
	for i := range n.members {
		if n.members[i].key == key {
			return n.members[i].value
		}
	}
	return nil
}

// keyAt is where a key stands that the object has.
func (n *node) keyAt(key string) Place {
	for i := range n.members {
		if n.members[i].key == key {
			return n.members[i].at
		}
	}
	return n.at
}

// equal tells whether two values are the same JSON, whatever their formatting and the order of their keys.
func (n *node) equal(o *node) bool { return n.canonical() == o.canonical() }

// canonical is one spelling for all values that are equal: keys sorted, numbers as the original reads them (a float64).
func (n *node) canonical() string {
	var b strings.Builder
	n.spell(&b)
	return b.String()
}

func (n *node) spell(b *strings.Builder) {
	switch n.kind {
	case number:
		f, _ := strconv.ParseFloat(n.text, 64) // out of range: infinite, equal to itself
		b.WriteString(strconv.FormatFloat(f, 'g', -1, 64))
	case text:
		b.WriteString(strconv.Quote(n.text))
	case list:
		b.WriteByte('[')
		for _, v := range n.items {
			v.spell(b)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		sorted := slices.SortedFunc(slices.Values(n.members), func(x, y member) int { return strings.Compare(x.key, y.key) })
		for _, m := range sorted {
			b.WriteString(strconv.Quote(m.key) + ":")
			m.value.spell(b)
			b.WriteByte(',')
		}
		b.WriteByte('}')
	default:
		b.WriteString(string(n.kind) + n.text)
	}
}

// whole is the value of a number without a fraction: 60, 60.0 and 6e1 are the same.
func (n *node) whole() (value int64, ok bool) {
	if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
		return i, true
	}
	if len(n.text) > 32 { // nobody's interval; big.Rat would work hard on 1e999999999
		return 0, false
	}
	if e := strings.IndexAny(n.text, "eE"); e >= 0 {
		if x, err := strconv.Atoi(n.text[e+1:]); err != nil || x > 18 || x < -18 {
			return 0, false
		}
	}
	r, ok := new(big.Rat).SetString(n.text)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

// short is the value as a message shows it: JSON on one line, at most 60 characters of it.
func (n *node) short() string {
	var b strings.Builder
	n.write(&b, 60)
	if s := []rune(b.String()); len(s) > 60 {
		return string(s[:57]) + "..."
	}
	return b.String()
}

func (n *node) write(b *strings.Builder, enough int) {
	if b.Len() > 4*enough {
		return
	}
	switch n.kind {
	case text:
		b.WriteString(strconv.Quote(n.text))
	case list:
		b.WriteByte('[')
		for i, v := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			v.write(b, enough)
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		for i, m := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Quote(m.key) + ":")
			m.value.write(b, enough)
		}
		b.WriteByte('}')
	case null, broken:
		b.WriteString("null")
	default:
		b.WriteString(n.text)
	}
}

// index writes down the place of every value by its path in the merged tree.
func (n *node) index(path string, places map[string]Place) {
	if path != "" {
		places[path] = n.at
	}
	for i, v := range n.items {
		v.index(path+"["+strconv.Itoa(i)+"]", places)
	}
	for _, m := range n.members {
		m.value.index(join(path, m.key), places)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
