package cloudwatch

import "slices"

// Series numbers data by all that they have in common but time and values, from 0 in order of appearance.
type Series struct {
	all    []Datum // the first of each, for its identity alone
	known  map[seriesKey]int
	byName map[string][]int
}

// seriesKey finds a series without comparing dimensions: data of one reading, and of one collector's readings, share a list.
type seriesKey struct {
	name  string
	dims  *Dimension
	count int
}

// All is a datum of each series, whose time and values mean nothing.
func (s *Series) All() []Datum { return s.all }

// Of is the number of the series that a datum belongs to.
func (s *Series) Of(d *Datum) int {
	k := seriesKey{d.Name, firstOf(d.Dimensions), len(d.Dimensions)}
	n, known := s.known[k]
	if known && s.all[n].sameButDimensions(d) {
		return n
	}
	if s.known == nil {
		s.known, s.byName = map[seriesKey]int{}, map[string][]int{}
	}
	same := s.byName[d.Name]
	at := slices.IndexFunc(same, func(n int) bool {
		return s.all[n].sameButDimensions(d) && slices.Equal(s.all[n].Dimensions, d.Dimensions)
	})
	if at >= 0 {
		s.known[k] = same[at]
		return same[at]
	}
	n = len(s.all)
	s.all = append(s.all, *d)
	s.known[k], s.byName[d.Name] = n, append(same, n)
	return n
}

func (d *Datum) sameButDimensions(as *Datum) bool {
	return d.Name == as.Name && d.Unit == as.Unit && d.Resolution == as.Resolution && d.RollUpOnly == as.RollUpOnly
}

// firstOf tells lists apart that are not the same one.
func firstOf(dims []Dimension) *Dimension {
	if len(dims) == 0 {
		return nil
	}
	return &dims[0]
}

// perList computes what depends on a dimension list alone, once for each list: it is shared between many data.
func perList(compute func([]Dimension) []Dimension) func([]Dimension) []Dimension {
	type list struct {
		first *Dimension
		count int
	}
	known := map[list][]Dimension{}
	return func(dims []Dimension) []Dimension {
		k := list{firstOf(dims), len(dims)}
		made, ok := known[k]
		if !ok {
			made = compute(dims)
			known[k] = made
		}
		return made
	}
}
