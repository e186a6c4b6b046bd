package scrape

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nephoscope/nephoscope/config"
	"github.com/prometheus/prometheus/model/labels"
)

// What CloudWatch takes of a metric.
const (
	// EMF: "MetricDefinition … Name … maxLength 1024", "A DimensionSet MUST NOT contain more than 30 dimension keys."
	maxNameBytes  = 1024
	maxDimensions = 30
	// PutMetricData, Dimension: Value has 1 to 1024 characters.
	maxDimensionValue = 1024
	// CreateLogStream: 1 to 512 characters, neither : nor *.
	maxStream = 512
)

// matcher says of samples which metrics they are: metric_declaration, and what goes with it.
type matcher struct {
	cluster      string
	declarations []declaration
	warnings     []string
}

// declaration is one element of metric_declaration (exporter metric_declaration.go).
type declaration struct {
	source    []string
	separator string
	label     *regexp.Regexp // searched for, not anchored
	selectors []*regexp.Regexp
	sets      [][]string // each sorted, none twice
}

// newMatcher compiles the declarations. One without source_labels or metric_selectors has no effect, as with the original
// (agent translator/translate/otel/exporter/awsemf/prometheus.go), and is a warning.
func newMatcher(p config.Prometheus) (*matcher, error) {
	m := &matcher{cluster: p.ClusterName}
	if p.NoExtraction {
		return m, nil
	}
	for i, said := range p.Declarations {
		at := fmt.Sprintf("metric_declaration[%d]", i)
		if len(said.SourceLabels) == 0 || len(said.MetricSelectors) == 0 {
			m.warnings = append(m.warnings, at+" has no effect: it needs source_labels and metric_selectors")
			continue
		}
		d := declaration{source: said.SourceLabels, separator: cmp.Or(said.LabelSeparator, ";")}
		var err error
		if d.label, err = regexp.Compile(cmp.Or(said.LabelMatcher, ".*")); err != nil {
			return nil, fmt.Errorf("read %s.label_matcher: %w", at, err)
		}
		for _, text := range said.MetricSelectors {
			one, err := regexp.Compile(text)
			if err != nil {
				return nil, fmt.Errorf("read %s.metric_selectors: %w", at, err)
			}
			d.selectors = append(d.selectors, one)
		}
		for _, set := range said.Dimensions {
			set = slices.Compact(slices.Sorted(slices.Values(set)))
			switch {
			case len(set) > maxDimensions:
				m.warnings = append(m.warnings, fmt.Sprintf("%s.dimensions: a set of %d is left out: CloudWatch takes %d", at, len(set), maxDimensions))
			case !slices.ContainsFunc(d.sets, func(other []string) bool { return slices.Equal(other, set) }):
				d.sets = append(d.sets, set)
			}
		}
		m.declarations = append(m.declarations, d)
	}
	return m, nil
}

// selects tells of each declaration whether it is about a metric: any selector is found in its name.
func (m *matcher) selects(name string) []bool {
	all := make([]bool, len(m.declarations))
	for i, d := range m.declarations {
		all[i] = slices.ContainsFunc(d.selectors, func(s *regexp.Regexp) bool { return s.MatchString(name) })
	}
	return all
}

// labelSets is what declarations have for one group of labels: for each that its labels match, the sets whose labels are all there.
type labelSets struct {
	of   []int
	sets [][][]string
	lost bool // there are sets that CloudWatch would not take
}

// match holds labels against the declarations.
func (m *matcher) match(all labels.Labels) (found labelSets) {
	for i, d := range m.declarations {
		var values strings.Builder
		for k, name := range d.source {
			if k > 0 {
				values.WriteString(d.separator)
			}
			values.WriteString(all.Get(name))
		}
		if !d.label.MatchString(values.String()) {
			continue
		}
		var sets [][]string
		for _, set := range d.sets {
			there, taken := true, true
			for _, name := range set {
				value := all.Get(name)
				there = there && name != labels.MetricName && all.Has(name)
				taken = taken && strings.TrimSpace(value) != "" && utf8.RuneCountInString(value) <= maxDimensionValue
			}
			switch {
			case there && taken:
				sets = append(sets, set)
			case there:
				found.lost = true
			}
		}
		if len(sets) > 0 {
			found.of, found.sets = append(found.of, i), append(found.sets, sets)
		}
	}
	return found
}

// key is the same for equal ones.
func (f labelSets) key() string {
	var b []byte
	for i, of := range f.of {
		b = strconv.AppendInt(b, int64(of), 10)
		for _, set := range f.sets[i] {
			b = appendText(append(b, ':'), strings.Join(set, "\x00"))
		}
	}
	if f.lost {
		b = append(b, '!')
	}
	return string(b)
}

// dimensions are, as JSON, all sets of the declarations that are about a metric, each once; "" for none. The original does so
// whether metric_declaration_dedup is set or not (exporter metric_translator.go).
func (f labelSets) dimensions(selects []bool) string {
	var b []byte
	seen := map[string]bool{}
	for i, of := range f.of {
		if !selects[of] {
			continue
		}
		for _, set := range f.sets[i] {
			key := strings.Join(set, "\x00")
			if seen[key] {
				continue
			}
			seen[key] = true
			if len(b) > 0 {
				b = append(b, ',')
			}
			b = append(b, '[')
			for k, name := range set {
				if k > 0 {
					b = append(b, ',')
				}
				b = appendText(b, name)
			}
			b = append(b, ']')
		}
	}
	if len(b) == 0 {
		return ""
	}
	return "[" + string(b) + "]"
}

// stream is the log stream of samples: their job (agent …/awsemf/awsemf_default_prometheus.yaml), in characters that a stream may have.
func (m *matcher) stream(all labels.Labels) string {
	job := cmp.Or(all.Get(jobLabel), noJob)
	if strings.ContainsAny(job, ":*") || len(job) > maxStream || !utf8.ValidString(job) {
		job = strings.NewReplacer(":", "_", "*", "_").Replace(strings.ToValidUTF8(job, "_"))
		for utf8.RuneCountInString(job) > maxStream {
			_, size := utf8.DecodeLastRuneInString(job)
			job = job[:len(job)-size]
		}
	}
	return strings.Clone(job)
}
