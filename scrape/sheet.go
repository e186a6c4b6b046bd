package scrape

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"
)

// sheet holds the samples of one scrape, as numbers: what they have in common is written down once. A sheet is used again for
// the next scrape, of whichever target.
type sheet struct {
	samples []sample
	groups  []labelGroup
	names   []metricName
	text    []byte // labels of groups, as members of a JSON object

	group map[uint64]uint32 // by the hash of the labels and the time
	name  map[string]uint32

	sets       []labelSets // what declarations have for groups of labels
	set        map[string]int32
	directives []string // dimensions, as JSON
	directive  map[string]int32
	chosen     map[uint64]int32 // by set and name: the directive; -1 for none
}

// sample is a value; 32 bytes, of which there are tens of thousands.
type sample struct {
	place      uint64 // group and name
	series     uint64 // hash of name and labels
	value      float64
	order      uint32
	cumulative bool
}

// labelGroup is what becomes one document: samples of one time whose labels are the same.
type labelGroup struct {
	from, to int   // in text
	at       int64 // milliseconds
	set      int32 // of sets
	stream   string
}

type metricName struct {
	text    string
	selects []bool // by declaration
}

func newSheet() *sheet {
	return &sheet{group: map[uint64]uint32{}, name: map[string]uint32{}, set: map[string]int32{}, directive: map[string]int32{}, chosen: map[uint64]int32{}}
}

// roomy is the number of samples, and roomyText the bytes of their labels, above which a sheet is not kept: a large target needs its memory for a moment of its interval.
const roomy, roomyText = 10_000, 4 << 20

// clear forgets everything; it keeps the memory, unless that is much.
func (s *sheet) clear() {
	if cap(s.samples) > roomy || cap(s.text) > roomyText {
		*s = *newSheet()
		return
	}
	s.samples, s.groups, s.text, s.sets, s.directives = s.samples[:0], s.groups[:0], s.text[:0], s.sets[:0], s.directives[:0]
	clear(s.names)
	s.names = s.names[:0]
	clear(s.group)
	clear(s.name)
	clear(s.set)
	clear(s.directive)
	clear(s.chosen)
}

// add takes a sample with all its labels, the name among them; dropped says why it is not taken.
func (s *sheet) add(m *matcher, all labels.Labels, v float64, at int64, cumulative bool) (dropped string) {
	name := all.Get(labels.MetricName)
	switch {
	case name == "" || len(name) > maxNameBytes:
		return droppedName
	case name == "_aws" || all.Has(name):
		return droppedClash
	}
	hash := all.Hash()
	number, ok := s.name[name]
	if !ok {
		name = strings.Clone(name)
		number = uint32(len(s.names))
		s.name[name] = number
		s.names = append(s.names, metricName{name, m.selects(name)})
	}
	s.samples = append(s.samples, sample{
		place: uint64(s.groupOf(m, all, at))<<32 | uint64(number), series: hash, value: v, order: uint32(len(s.samples)), cumulative: cumulative,
	})
	return ""
}

// groupOf is the group of labels, which is made if it is new.
func (s *sheet) groupOf(m *matcher, all labels.Labels, at int64) uint32 {
	var space [512]byte
	hash, _ := all.HashWithoutLabels(space[:0])
	hash ^= uint64(at) * 0x9e3779b97f4a7c15 // a time changes all bits
	if number, ok := s.group[hash]; ok {
		return number
	}
	g := labelGroup{from: len(s.text), at: at, set: s.setOf(m, all), stream: m.stream(all)}
	all.Range(func(l labels.Label) {
		if l.Name == labels.MetricName || l.Name == "_aws" {
			return
		}
		s.text = append(s.text, ',')
		s.text = appendText(s.text, l.Name)
		s.text = append(s.text, ':')
		s.text = appendText(s.text, l.Value)
	})
	g.to = len(s.text)
	number := uint32(len(s.groups))
	s.group[hash] = number
	s.groups = append(s.groups, g)
	return number
}

// setOf is what the declarations have for the labels: equal ones are one.
func (s *sheet) setOf(m *matcher, all labels.Labels) int32 {
	found := m.match(all)
	key := found.key()
	number, ok := s.set[key]
	if !ok {
		number = int32(len(s.sets))
		s.set[key] = number
		s.sets = append(s.sets, found)
	}
	return number
}

// directiveOf is the dimensions under which a metric of a group is one; -1: it is none.
func (s *sheet) directiveOf(set int32, name uint32) int32 {
	key := uint64(set)<<32 | uint64(name)
	if number, ok := s.chosen[key]; ok {
		return number
	}
	number := int32(-1)
	if dimensions := s.sets[set].dimensions(s.names[name].selects); dimensions != "" {
		var ok bool
		if number, ok = s.directive[dimensions]; !ok {
			number = int32(len(s.directives))
			s.directive[dimensions] = number
			s.directives = append(s.directives, dimensions)
		}
	}
	s.chosen[key] = number
	return number
}

// sort puts the samples of a group side by side, and the last of equal ones last.
func (s *sheet) sort() {
	slices.SortFunc(s.samples, func(a, b sample) int { return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.order, b.order)) })
}

func (p sample) group() uint32 { return uint32(p.place >> 32) }
func (p sample) name() uint32  { return uint32(p.place) }

// appendText appends a string in JSON; what is not UTF-8 is replaced.
func appendText(to []byte, text string) []byte {
	const hex = "0123456789abcdef"
	to = append(to, '"')
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
			i++
		case c == '\n':
			to = append(to, '\\', 'n')
			i++
		case c < ' ' || c == 0x7f:
			to = append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			to = append(to, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			to = utf8.AppendRune(to, r)
			i += size
		}
	}
	return append(to, '"')
}
