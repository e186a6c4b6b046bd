package config

import "sync"

// shape is what a value of config.json may look like. One tree of shapes, config.json's own, is all that is known of its
// keys: files are merged and checked by it, values are read with its defaults, and docs/schema.json and the tables of
// docs/configuration.md are printed from it. To add a key, add it to its table and read it where its section is read.
type shape struct {
	kind kind   // "": any value
	or   *shape // another kind of value that is as good: an object for a list of one, say

	least, most int64 // how many characters, items or keys, or the number itself; most 0: no bound
	unit        string
	among       []int64      // the numbers there are
	words       []string     // the strings there are
	never       string       // the one string that is refused
	unless      string       // a string that matches may be shorter than least
	measures    *metricNames // the string is a measurement of this plugin

	items    *shape
	distinct bool // no item twice

	keys   []key
	others *shape // what stands under keys that are not in the table
	strict bool   // keys that are not in the table are mistakes
	anyOf  []string

	joins   bool   // several files may say it: objects are joined key by key, lists item by item. Else they have to be equal
	hint    string // what to do about one that is empty or unknown
	example string // one that passes judge
	// judge says what no table can; it is called with a value that is fine so far. stranger is called with a key that is
	// not in the table and may stand there.
	judge    func(*reading, *node)
	stranger func(*reading, member)
}

// key is one key of an object.
type key struct {
	name   string
	shape  *shape
	says   string // what it does, in Markdown
	preset any    // what counts when it is not there: a string, an int or a bool
	absent string // the same in words, where it is no constant
	needed string // it has to be there: the hint to someone who forgot it
	state  state
	why    string // for a state other than done
	ours   bool   // the original does not have it
	shared bool   // every plugin has it
}

// state is what becomes of a key that is there.
type state int

const (
	done    state = iota
	later         // accepted and checked; this version does not do it
	idle          // accepted without effect
	foreign       // accepted; it is for Windows
)

// metricNames is what a plugin can measure.
type metricNames struct {
	plugin string
	names  []string
}

// configShape is the shape of config.json; it is made once and never changed.
var configShape = sync.OnceValue(rootShape)

func anything() *shape { return &shape{} }

func str(least, most int64) *shape { return &shape{kind: text, least: least, most: most} }

func oneOf(words ...string) *shape { return &shape{kind: text, words: words} }

func whole(least, most int64) *shape { return &shape{kind: number, least: least, most: most} }

// interval is seconds, as the original bounds them: up to two days.
func interval() *shape { return &shape{kind: number, least: 1, most: 172800, unit: "seconds"} }

func (n *metricNames) shape() *shape { return &shape{kind: text, least: 1, most: 255, measures: n} }

func toggle() *shape { return &shape{kind: boolean} }

func listOf(items *shape, least, most int64) *shape {
	return &shape{kind: list, items: items, least: least, most: most}
}

func strictly(keys ...key) *shape { return &shape{kind: object, keys: keys, strict: true} }

func openly(keys ...key) *shape { return &shape{kind: object, keys: keys} }

// mapOf is an object whose keys are its author's.
func mapOf(values *shape, most int64) *shape { return &shape{kind: object, others: values, most: most} }

// oneOrMany is a list of objects, or one by itself.
func oneOrMany(item *shape) *shape {
	s := listOf(item, 1, 255)
	s.or, s.joins = item, true
	return s
}

// early are keys that were in early versions of the original only, or that only some versions have: configurations with
// them are not refused.
func early(value *shape, names ...string) (keys []key) {
	for _, name := range names {
		keys = append(keys, key{name: name, shape: value, state: idle, why: "only early versions of the original have it"})
	}
	return keys
}

func (s *shape) with(keys ...key) *shape { s.keys = append(s.keys, keys...); return s }

func (s *shape) unique() *shape { s.distinct = true; return s }

func (s *shape) joined() *shape { s.joins = true; return s }

func (s *shape) atLeast(n int64, hint string) *shape { s.least, s.hint = n, hint; return s }

func (s *shape) needs(hint string, keys ...string) *shape { s.anyOf, s.hint = keys, hint; return s }

func (s *shape) hinting(hint string) *shape { s.hint = hint; return s }

// judged adds a judge, and an example that it accepts.
func (s *shape) judged(judge func(*reading, *node), example string) *shape {
	s.judge, s.example = judge, example
	return s
}

// key is what is known of a key; nil: nothing.
func (s *shape) key(name string) *key {
	for i := range s.keys {
		if s.keys[i].name == name {
			return &s.keys[i]
		}
	}
	return nil
}

// under is the shape of what stands under a key; nil: it is not known.
func (s *shape) under(name string) *shape {
	if k := s.key(name); k != nil {
		return k.shape
	}
	return s.others
}

// names are the keys that a message may suggest.
func (s *shape) names() (names []string) {
	for _, k := range s.keys {
		if k.state != idle {
			names = append(names, k.name)
		}
	}
	return names
}
