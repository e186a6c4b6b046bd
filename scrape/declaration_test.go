package scrape

import (
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
	"github.com/prometheus/prometheus/model/labels"
)

// What a declaration does is the original's: exporter metric_declaration.go and metric_translator.go, and
// agent translator/translate/otel/exporter/awsemf/prometheus.go.
func TestDeclarationsMeanWhatTheyMeanToTheOriginal(t *testing.T) {
	t.Parallel()
	all := labels.FromStrings("__name__", "requests_total", "job", "web", "instance", "a:1", "zone", "b", "void", " ", "long", strings.Repeat("x", 1025))
	source := []string{"job"}
	any := []string{"."}
	f := func(what, want string, declarations ...config.PrometheusDeclaration) {
		t.Helper()
		m, err := newMatcher(config.Prometheus{Declarations: declarations})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.match(all).dimensions(m.selects("requests_total")); got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	d := func(source []string, matcher, separator string, selectors []string, dimensions ...[]string) config.PrometheusDeclaration {
		return config.PrometheusDeclaration{SourceLabels: source, LabelMatcher: matcher, LabelSeparator: separator, MetricSelectors: selectors, Dimensions: dimensions}
	}
	zone, job := []string{"zone"}, []string{"job"}
	f("no declaration: no metric", "")
	f("without source labels: no effect", "", d(nil, ".*", "", any, zone))
	f("without selectors: no effect", "", d(source, ".*", "", nil, zone))
	f("without a matcher: all labels", `[["zone"]]`, d(source, "", "", any, zone))
	f("without dimensions: no metric", "", d(source, "", "", any))
	f("the matcher is not anchored", `[["zone"]]`, d(source, "e", "", any, zone))
	f("but may be", "", d(source, "^e$", "", any, zone))
	f("selectors are not anchored", `[["zone"]]`, d(source, "", "", []string{"nothing", "total"}, zone))
	f("and may be", "", d(source, "", "", []string{"^total$"}, zone))
	f("values are joined by ;", `[["zone"]]`, d([]string{"job", "zone"}, "^web;b$", "", any, zone))
	f("or by what is said", `[["zone"]]`, d([]string{"job", "zone"}, "^web/b$", "/", any, zone))
	f("a label that is not there is empty", `[["zone"]]`, d([]string{"nowhere", "job"}, "^;web$", "", any, zone))
	f("a set with a label that is not there is left out", `[["zone"]]`, d(source, "", "", any, []string{"nowhere", "job"}, zone))
	f("no dimensions are a set too", `[[]]`, d(source, "", "", any, []string{}))
	f("dimensions are sorted, and each is one", `[["instance","job","zone"]]`, d(source, "", "", any, []string{"zone", "job", "job", "instance"}))
	f("a set that is there twice is one", `[["job","zone"]]`, d(source, "", "", any, []string{"zone", "job"}, []string{"job", "zone"}))
	f("sets of several declarations come together, each once", `[["zone"],["job"]]`, d(source, "", "", any, zone), d(source, "no", "", any, []string{"instance"}), d(source, "", "", any, job, zone))
	f("values that CloudWatch does not take are left out", `[["job"]]`, d(source, "", "", any, []string{"void"}, []string{"job", "long"}, job))
	f("the name of a metric is no dimension", "", d(source, "", "", any, []string{"__name__"}))
}

func TestSetsOfMoreDimensionsThanCloudWatchTakes(t *testing.T) {
	t.Parallel()
	m, err := newMatcher(config.Prometheus{Declarations: []config.PrometheusDeclaration{{
		SourceLabels: []string{"job"}, MetricSelectors: []string{"."}, Dimensions: [][]string{strings.Split("abcdefghijklmnopqrstuvwxyzABCDE", "")},
	}}})
	if err != nil || len(m.warnings) != 1 || !strings.Contains(m.warnings[0], "a set of 31 is left out: CloudWatch takes 30") {
		t.Error(err, m)
	}
}

func TestMistakesInDeclarationsAreNamed(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]config.PrometheusDeclaration{
		"read metric_declaration[0].label_matcher: ":    {SourceLabels: []string{"a"}, MetricSelectors: []string{"."}, LabelMatcher: "("},
		"read metric_declaration[0].metric_selectors: ": {SourceLabels: []string{"a"}, MetricSelectors: []string{"a", "["}},
	} {
		_, err := New(config.Prometheus{Declarations: []config.PrometheusDeclaration{d}}, nil, nil)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
