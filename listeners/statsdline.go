package listeners

import (
	"bytes"
	"slices"
	"strconv"
)

// statsdLine is a line of StatsD, name:value|type|@rate|#tags, cut into its values. It allocates nothing, and is good for
// as long as the line is.
//
// A line may have several values, each with its type (a:1|c:2|c) or with one in common (a:1:2|ms), and behind the type what
// DogStatsD has come to put there: tags, which are of the whole line, the container (c:…), a time (T…), and data of
// others (e:…), and whatever may follow, of which only the tags are taken.
type statsdLine struct {
	name []byte // with the tags that stand in it: name,key=value
	tags []byte // key:value,key,… behind #

	values []byte // v:v:… that are of kind
	kind   []byte
	rate   float64 // 0: there is none, or it makes no sense
	at     int64   // seconds since 1970, behind T; 0: there is none
	rest   []byte  // from the next value on
}

// parseStatsD finds the name of a line; false: it has none, or no value.
func parseStatsD(line []byte) (l statsdLine, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return l, false
	}
	l.name, l.rest = line[:colon], line[colon+1:]
	for from := l.rest; ; {
		_, behind, found := bytes.Cut(from, []byte("|#"))
		if !found {
			return l, true
		}
		tags, _, _ := bytes.Cut(behind, []byte("|"))
		if l.tags == nil {
			l.tags = slices.Clip(tags)
		} else { // nobody sends it so, but what they mean is clear
			l.tags = append(append(l.tags, ','), tags...)
		}
		from = behind[len(tags):]
	}
}

// isEvent tells of an event or a service check of DogStatsD: _e{…}: and _sc|.
func isEvent(line []byte) bool {
	return bytes.HasPrefix(line, []byte("_e{")) || bytes.HasPrefix(line, []byte("_sc|"))
}

// next is the next value of the line; more is false when there is none, and ok when the rest of the line makes no sense.
func (l *statsdLine) next() (value []byte, more, ok bool) {
	if len(l.values) == 0 {
		if l.rest == nil {
			return nil, false, true
		}
		if !l.group() {
			l.rest = nil
			return nil, true, false
		}
	}
	colon := bytes.IndexByte(l.values, ':')
	if colon < 0 {
		value, l.values = l.values, nil
	} else {
		value, l.values = l.values[:colon], l.values[colon+1:]
	}
	if len(value) == 0 {
		l.values, l.rest = nil, nil
		return nil, true, false
	}
	return value, true, true
}

// group reads values that have a type in common, and what stands behind it.
func (l *statsdLine) group() bool {
	bar := bytes.IndexByte(l.rest, '|')
	if bar <= 0 {
		return false
	}
	l.values, l.rest, l.rate, l.at = l.rest[:bar], l.rest[bar+1:], 0, 0
	end := bytes.IndexAny(l.rest, "|:")
	if end < 0 {
		l.kind, l.rest = l.rest, nil
		return true
	}
	l.kind = l.rest[:end]
	for l.rest = l.rest[end:]; len(l.rest) > 0; {
		separator := l.rest[0]
		l.rest = l.rest[1:]
		if separator == ':' {
			return true // another value
		}
		l.time()
		l.option()
	}
	l.rest = nil
	return true
}

// option takes what stands behind a type off the rest, up to the bar or colon that ends it.
func (l *statsdLine) option() {
	end := bytes.IndexByte(l.rest, '|') // colons are part of most: tags, c:…, e:…, card:…
	if len(l.rest) > 0 && l.rest[0] == '@' {
		end = bytes.IndexAny(l.rest, "|:")
	}
	if end < 0 {
		end = len(l.rest)
	}
	if option := l.rest[:end]; len(option) > 1 && option[0] == '@' {
		if rate, ok := number(option[1:]); ok && rate >= leastRate && rate <= 1/leastRate {
			l.rate = rate
		}
	}
	l.rest = l.rest[end:]
}

// leastRate is less than anybody samples at; less would make a value count for more than a float64 can tell apart. What is as
// far above 1 would make it count for nothing.
const leastRate = 1e-9

// number reads a number; most are short and whole.
func number(text []byte) (v float64, ok bool) {
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) > 0 && len(digits) <= 15 { // which a float64 holds exactly
		n := int64(0)
		for _, c := range digits {
			if c < '0' || c > '9' {
				n = -1
				break
			}
			n = 10*n + int64(c-'0')
		}
		if n >= 0 {
			if len(digits) < len(text) {
				n = -n
			}
			return float64(n), true
		}
	}
	v, err := strconv.ParseFloat(string(text), 64)
	return v, err == nil
}

// signed tells whether a value has a sign: a gauge's is a change, then.
func signed(value []byte) bool { return value[0] == '+' || value[0] == '-' }
