package scrape

import (
	"errors"
	"io"
	"math"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/prometheus/prometheus/model/textparse"
)

// Why samples are not sent. They are keys of the counts.
const (
	droppedType      = "type"             // histograms and what is neither gauge, counter nor summary
	droppedUntyped   = "untyped"          // no # TYPE says what it is
	droppedValue     = "not_a_number"     // or infinite, or larger than CloudWatch takes
	droppedFirst     = "no_delta_yet"     // the first value of a counter
	droppedSeries    = "series_bound"     // MaxSeries
	droppedDuplicate = "duplicate"        // the same series twice in one scrape
	droppedName      = "name"             // it has none, or a longer one than CloudWatch takes
	droppedClash     = "name_of_a_label"  // the metric has the name of one of its labels
	droppedLarge     = "event_too_large"  // labels that fill no event
	droppedTime      = "time_not_later"   // a counter whose own timestamp has not moved on
	droppedRelabel   = "metric_relabel"   // metric_relabel_configs
	droppedDimension = "dimension_values" // a set of dimensions that CloudWatch would not take: it stays a log event
)

// maxValue is what CloudWatch takes of either sign (PutMetricData: "Values must be in the range of -2^360 to 2^360").
const maxValue = 0x1p360

// parsing reads the exposition of one target into a sheet.
type parsing struct {
	target  *target
	match   *matcher
	sheet   *sheet
	now     int64 // milliseconds
	since   int64 // milliseconds since the scraper began
	types   map[string]model.MetricType
	count   counter
	refused counter // by metric: those for whose series there was no room
	build   *labels.Builder
	taken   int // after metric_relabel_configs
}

// counter counts samples, by why they were dropped or by their metric.
type counter map[string]uint64

// exposition reads all of a body, or fails as a whole, as Prometheus does. What the target says is in no message. A body that
// the parser panics of costs its own target a scrape, and no other.
func (p *parsing) exposition(b *body) (err error) {
	defer func() {
		if recover() != nil {
			err = failed(failedMalformed, "Prometheus's parser cannot cope with its body")
		}
	}()
	parser, _ := textparse.New(b.data, b.kind, "text/plain", false, false, false, labels.NewSymbolTable()) // an error: its type is not known, and read as text
	p.types, p.build = map[string]model.MetricType{}, labels.NewBuilder(labels.EmptyLabels())
	good := -1 // the offset of the last series that could be read
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			hint := ""
			if strings.Contains(b.kind, "html") {
				hint = ", but a page of HTML: is metrics_path right?"
			}
			if good < 0 {
				return failed(failedMalformed, "its body is no exposition of Prometheus%s", hint)
			}
			return failed(failedMalformed, "after line %d its body is no exposition of Prometheus%s", b.line(good), hint)
		}
		switch entry {
		case textparse.EntryType:
			name, kind := parser.Type()
			p.types[string(name)] = kind
		case textparse.EntrySeries:
			series, at, value := parser.Series()
			good = cap(b.data) - cap(series)
			if err := p.series(parser, at, value); err != nil {
				return err
			}
		}
	}
}

// series takes one sample.
func (p *parsing) series(parser textparse.Parser, at *int64, value float64) error {
	var exposed labels.Labels
	parser.Labels(&exposed)
	written := exposed.Get(labels.MetricName)
	p.withTarget(exposed)
	if !relabel.ProcessBuilder(p.build, p.target.job.metric...) {
		p.count[droppedRelabel]++
		return nil
	}
	if p.taken++; p.target.job.sampleLimit > 0 && p.taken > p.target.job.sampleLimit {
		return failed(failedSamples, "it has more samples than sample_limit: %d", p.target.job.sampleLimit)
	}
	if err := p.limits(); err != nil {
		return err
	}
	name := p.build.Get(labels.MetricName)
	kind, known := p.typeOf(written, name)
	if !known {
		p.count[droppedUntyped]++
		return nil
	}
	cumulative := kind == model.MetricTypeCounter
	switch kind { // agent plugins/inputs/prometheus/metrics_filter.go: the others are dropped
	case model.MetricTypeGauge, model.MetricTypeCounter:
	case model.MetricTypeSummary: // calculator.go, by the name after relabelling
		cumulative = strings.HasSuffix(name, countSuffix) || strings.HasSuffix(name, sumSuffix)
	case model.MetricTypeUnknown:
		p.count[droppedUntyped]++
		return nil
	default:
		p.count[droppedType]++
		return nil
	}
	p.add(string(kind), value, p.time(at), cumulative)
	return nil
}

// add puts the sample on the sheet, with the labels that the agent adds.
func (p *parsing) add(kind string, value float64, at int64, cumulative bool) {
	p.build.Set(typeLabel, kind)
	if p.match.cluster != "" && p.build.Get(clusterLabel) == "" {
		p.build.Set(clusterLabel, p.match.cluster)
	}
	if p.build.Get(jobLabel) == "" {
		p.build.Set(noJobLabel, noJob)
	}
	all := p.build.Labels()
	if !sendable(value) {
		p.count[droppedValue]++
		if cumulative {
			p.target.deltas.forget(all.Hash()) // delta_calculator.go: what comes after is no difference to what was before
		}
		return
	}
	if why := p.sheet.add(p.match, all, value, at, cumulative); why != "" {
		p.count[why]++
	}
}

func sendable(v float64) bool { return !math.IsNaN(v) && v >= -maxValue && v <= maxValue }

func (p *parsing) time(at *int64) int64 {
	if at == nil || !p.target.job.honorTimestamps {
		return p.now
	}
	return *at
}

// withTarget begins with the labels that are exposed and those of the target (prometheus scrape/scrape.go, mutateSampleLabels).
func (p *parsing) withTarget(exposed labels.Labels) {
	p.build.Reset(exposed)
	p.target.labels.Range(func(l labels.Label) {
		there := exposed.Get(l.Name)
		switch {
		case p.target.job.honorLabels && exposed.Has(l.Name):
			return
		case there != "":
			moved := model.ExportedLabelPrefix + l.Name
			for p.build.Get(moved) != "" || p.target.labels.Has(moved) {
				moved = model.ExportedLabelPrefix + moved
			}
			p.build.Set(moved, there)
		}
		p.build.Set(l.Name, l.Value)
	})
}

// limits holds labels against those of the job; a sample beyond them fails the scrape, as in Prometheus.
func (p *parsing) limits() error {
	j := p.target.job
	if j.labelLimit == 0 && j.labelNameLength == 0 && j.labelValueLimit == 0 {
		return nil
	}
	count, name, value := 0, 0, 0
	p.build.Range(func(l labels.Label) {
		count, name, value = count+1, max(name, len(l.Name)), max(value, len(l.Value))
	})
	switch {
	case j.labelLimit > 0 && count > j.labelLimit:
		return failed(failedLabels, "a sample has more labels than label_limit: %d", j.labelLimit)
	case j.labelNameLength > 0 && name > j.labelNameLength:
		return failed(failedLabels, "a label's name is longer than label_name_length_limit: %d", j.labelNameLength)
	case j.labelValueLimit > 0 && value > j.labelValueLimit:
		return failed(failedLabels, "a label's value is longer than label_value_length_limit: %d", j.labelValueLimit)
	}
	return nil
}

// typeOf is what # TYPE says of a metric, by its name before relabelling (agent plugins/inputs/prometheus/metrics_type_handler.go):
// of the name without _count, _sum or _bucket, else of the name itself, else of the name without _total, as in OpenMetrics.
func (p *parsing) typeOf(written, name string) (model.MetricType, bool) {
	base := written
	for _, suffix := range []string{countSuffix, sumSuffix, bucketSuffix} {
		if cut, ok := strings.CutSuffix(written, suffix); ok && cut != "" {
			base = cut
			break
		}
	}
	if kind, ok := p.types[base]; ok {
		return kind, true
	}
	if name != base {
		if kind, ok := p.types[written]; ok {
			return kind, true
		}
	}
	kind, ok := p.types[strings.TrimSuffix(written, totalSuffix)]
	return kind, ok
}
