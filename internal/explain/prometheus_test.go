package explain

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
)

const scraped = `{"agent": {"region": "eu-west-1"}, "logs": {"metrics_collected": {"prometheus": {"log_group_name": "/web/prometheus", "prometheus_config_path": "/p.yaml", "emf_processor": {
	"metric_namespace": "web", "metric_declaration": [{"source_labels": ["job", "env"], "label_matcher": "^web;prod$", "metric_selectors": ["^http_", "^go_"], "dimensions": [["job", "path"], []]}]}}}}}`

func TestWhatIsScrapedIsTold(t *testing.T) {
	t.Parallel()
	r := explained(t, agent.OnPremise, "f", scraped)
	var b bytes.Buffer
	if err := r.Write(&b, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"scrapes what /p.yaml names", "the package nephoscope-prometheus is not installed", "log group /web/prometheus", "namespace web",
		"^http_, ^go_ where job;env matches ^web;prod$ by job+path, nothing"} {
		if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), want) {
			t.Errorf("does not say %q:\n%s", want, b.String())
		}
	}
}

// The agent itself sends no metric of what is scraped: CloudWatch makes them of the events.
func TestScrapingTakesTheRightToSendEventsToItsGroup(t *testing.T) {
	t.Parallel()
	r := explained(t, agent.OnPremise, "f", scraped)
	var actions, resources []string
	for _, s := range r.Permissions[0].Policy.Statement {
		actions, resources = append(actions, s.Action...), append(resources, s.Resource...)
	}
	for _, arn := range resources {
		if !strings.Contains(arn, "log-group:/web/prometheus:") {
			t.Errorf("it may write to %s", arn)
		}
	}
	if len(r.Permissions) != 1 || !slices.Equal(actions, []string{"logs:PutLogEvents", "logs:CreateLogGroup", "logs:CreateLogStream"}) {
		t.Errorf("got %q", actions)
	}
}

func TestScrapingThatComesAndGoesIsTold(t *testing.T) {
	t.Parallel()
	none := `{"agent": {"region": "eu-west-1"}, "logs": {"metrics_collected": {"emf": {}}}}`
	const what = "scraper of Prometheus exporters"
	comes, goes := told(difference(t, none, scraped)), told(difference(t, scraped, none))
	if !strings.Contains(strings.Join(comes, " "), what) || !strings.Contains(strings.Join(goes, " "), what) {
		t.Errorf("got %q and %q", comes, goes)
	}
}
