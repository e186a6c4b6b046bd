package scrape

import (
	"math"
	"slices"
	"strconv"

	"github.com/nephoscope/nephoscope/config"
)

// The limits of the embedded metric format (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
const (
	// "This array MUST NOT contain more than 100 MetricDefinition objects." Ours are as many in a document.
	maxMetrics = 100
	// An event may have 1 MB, and had 256 KB until April 2025; that a document is no larger keeps it within the bounds of everybody.
	maxDocument = 240 << 10
)

// documents writes what is on a sheet, a line for each document.
type documents struct {
	settings config.Prometheus
	space    []byte
}

func newDocuments(p config.Prometheus) *documents {
	return &documents{settings: p}
}

// measured is a metric of the document that is being written.
type measured struct {
	name      uint32
	directive int32
	value     float64
}

// write appends the documents of a target's scrape. What only grows becomes a difference here, when the whole scrape is known to be good.
func (d *documents) write(p *parsing, emit func([]byte) error) (events int, err error) {
	s, count := p.sheet, p.count
	s.sort()
	var of []measured
	for i := 0; i < len(s.samples); {
		group := s.samples[i].group()
		g := &s.groups[group]
		of = of[:0]
		size := g.to - g.from + 1024
		lost, own := s.sets[g.set].lost, g.at
		if own == p.now {
			own = 0
		}
		flush := func() error {
			if len(of) == 0 {
				return nil
			}
			events++
			err := emit(d.document(s, g, of))
			of, size = of[:0], g.to-g.from+1024
			return err
		}
		for ; i < len(s.samples) && s.samples[i].group() == group; i++ {
			one := s.samples[i]
			if i+1 < len(s.samples) && s.samples[i+1].place == one.place {
				count[droppedDuplicate]++
				continue
			}
			value := one.value
			if one.cumulative {
				delta, dropped := p.target.deltas.step(one.series, value, own, p.since)
				if dropped == droppedSeries {
					p.refused[s.names[one.name()].text]++
				}
				if dropped != "" {
					count[dropped]++
					continue
				}
				value = delta
			}
			m := measured{one.name(), s.directiveOf(g.set, one.name()), value}
			cost := 2*len(s.names[m.name].text) + 96
			if m.directive >= 0 {
				cost += len(s.directives[m.directive])
			}
			if g.to-g.from+cost > maxDocument {
				count[droppedLarge]++
				continue
			}
			if len(of) == maxMetrics || size+cost > maxDocument {
				if err := flush(); err != nil {
					return events, err
				}
			}
			if lost {
				count[droppedDimension]++
			}
			of, size = append(of, m), size+cost
		}
		if err := flush(); err != nil {
			return events, err
		}
	}
	return events, nil
}

// document is one event and its line end.
func (d *documents) document(s *sheet, g *labelGroup, of []measured) []byte {
	b := append(d.space[:0], `{"_aws":{"Timestamp":`...)
	b = strconv.AppendInt(b, g.at, 10)
	b = append(b, `,"LogGroupName":`...)
	b = appendText(b, d.settings.LogGroup)
	b = append(b, `,"LogStreamName":`...)
	b = appendText(b, g.stream)
	b = append(b, `,"CloudWatchMetrics":[`...)
	b = d.appendDirectives(b, s, of)
	b = append(b, `]}`...)
	b = append(b, s.text[g.from:g.to]...)
	for _, m := range of {
		b = append(b, ',')
		b = appendText(b, s.names[m.name].text)
		b = append(b, ':')
		b = appendNumber(b, m.value)
	}
	b = append(b, '}', '\n')
	d.space = b
	return b
}

// appendDirectives names the metrics: those with the same dimensions in one directive.
func (d *documents) appendDirectives(b []byte, s *sheet, of []measured) []byte {
	named := slices.DeleteFunc(slices.Clone(of), func(m measured) bool { return m.directive < 0 })
	slices.SortStableFunc(named, func(a, b measured) int { return int(a.directive) - int(b.directive) })
	for i, m := range named {
		if i == 0 || named[i-1].directive != m.directive {
			if i > 0 {
				b = append(b, "]},"...)
			}
			b = append(b, `{"Namespace":`...)
			b = appendText(b, d.settings.Namespace)
			b = append(b, `,"Dimensions":`...)
			b = append(b, s.directives[m.directive]...)
			b = append(b, `,"Metrics":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, `{"Name":`...)
		b = appendText(b, s.names[m.name].text)
		if unit := d.settings.Units[s.names[m.name].text]; unit != "" {
			b = append(b, `,"Unit":`...)
			b = appendText(b, unit)
		}
		b = append(b, '}')
	}
	if len(named) > 0 {
		b = append(b, "]}"...)
	}
	return b
}

// appendNumber writes a number as JSON has it.
func appendNumber(b []byte, v float64) []byte {
	v += 0 // -0 is 0
	format := byte('f')
	if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, v, format, -1, 64)
}
