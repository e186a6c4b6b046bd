package listeners

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// series is what data of a listener have in common.
type series struct {
	name       string
	dimensions []cloudwatch.Dimension // sorted
	rollUpOnly bool                   // drop_original_metrics
	// spellings are the ways in which it was sent: the same tags in another order are the same series.
	spellings []string
	bytes     int       // of what it is found by
	used      time.Time // when something was last collected of it

	live      // of statsd
	due  bool // it is among those that have something
}

// catalogue finds series by how they are sent, without allocating anything for one that is known. It is bounded: every
// series costs money, and memory.
type catalogue struct {
	spelt  map[string]*series // by the bytes that name it in a datagram
	same   map[string]*series // by name and dimensions
	held   int                // bytes of both
	static []cloudwatch.Dimension
	drop   []string
	prefix string // of names, which drop may leave out
	swept  time.Time
}

const (
	// mostSeries is what one listener sums up at once. A thousand series are $300 a month.
	mostSeries = 20_000
	// mostNames bounds the bytes of all names and dimensions; each way of spelling them counts.
	mostNames = 16 << 20
	// forgotten is how long a series is remembered of which nothing comes.
	forgotten = time.Hour
	// longestName is that of CloudWatch's metric names: "Length Constraints: Minimum length of 1. Maximum length of 255."
	// (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html)
	longestName = 255
)

func newCatalogue(p config.Plugin) *catalogue {
	c := &catalogue{spelt: map[string]*series{}, same: map[string]*series{}, drop: p.DropOriginal, prefix: p.NamePrefix}
	for name, value := range p.AppendDimensions {
		c.static = append(c.static, cloudwatch.Dimension{Name: name, Value: value})
	}
	cloudwatch.SortDimensions(c.static)
	return c
}

// add makes a series of a name and dimensions, or finds it under them; nil: there is no room. The dimensions are given away;
// of those with the same name the last one counts, and those without a value are left out.
func (c *catalogue) add(spelling []byte, name string, dimensions []cloudwatch.Dimension, kind string) *series {
	slices.SortStableFunc(dimensions, func(a, b cloudwatch.Dimension) int { return cmp.Compare(a.Name, b.Name) })
	all := dimensions
	dimensions = dimensions[:0]
	for i, d := range all {
		if last := i+1 == len(all) || all[i+1].Name != d.Name; last && d.Name != "" && d.Value != "" {
			dimensions = append(dimensions, d)
		}
	}
	var id strings.Builder
	put := func(parts ...string) {
		for _, part := range parts { // which may have any byte in them
			id.WriteString(strconv.Itoa(len(part)))
			id.WriteByte(' ')
			id.WriteString(part)
		}
	}
	put(kind, name)
	for _, d := range dimensions {
		put(d.Name, d.Value)
	}
	s := c.same[id.String()]
	bytes := len(spelling)
	if s == nil {
		bytes += 2 * id.Len()
	}
	if c.held+bytes > mostNames || s == nil && len(c.same) >= mostSeries {
		return s // a known one is found, and not under this spelling the next time
	}
	c.held += bytes
	if s == nil {
		s = &series{name: name, rollUpOnly: c.drops(name)}
		s.dimensions = cloudwatch.Datum{Dimensions: dimensions}.WithDimensions(c.static).Dimensions
		s.spellings = append(s.spellings, id.String())
		c.same[id.String()] = s
	}
	s.bytes += bytes
	s.spellings = append(s.spellings, string(spelling))
	c.spelt[string(spelling)] = s
	return s
}

func (c *catalogue) drops(name string) bool {
	return slices.ContainsFunc(c.drop, func(d string) bool { return d == "*" || d == name || c.prefix+d == name })
}

// forget lets go of the series of which nothing has come for long. Once a minute is enough.
func (c *catalogue) forget(now time.Time) {
	if now.Sub(c.swept).Abs() < time.Minute { // the clock may have been set back
		return
	}
	c.swept = now
	for id, s := range c.same {
		if s.due || now.Sub(s.used).Abs() < forgotten {
			continue
		}
		delete(c.same, id)
		for _, spelling := range s.spellings[1:] {
			delete(c.spelt, spelling)
		}
		c.held -= s.bytes
	}
}

// namePrintable puts a metric's name within what CloudWatch takes: printable ASCII, without which a whole request is refused.
// "": there is none.
func namePrintable(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name))
	if len(name) > longestName {
		return ""
	}
	return name
}
