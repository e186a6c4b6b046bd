package awsapi

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// hosts is a way to the services on which nothing arrives, and that remembers where it was to go.
type hosts struct{ asked []string }

func (h *hosts) Do(r *http.Request) (*http.Response, error) {
	h.asked = append(h.asked, r.URL.Scheme+"://"+r.URL.Host)
	return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: http.NoBody}, nil
}

// whereAsked opens an account and asks each service something.
func whereAsked(t *testing.T, o Options) string {
	t.Helper()
	a, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	h := new(hosts)
	a.cfg.HTTPClient = h
	_, _ = a.Parameters().Get(t.Context(), "n")
	_, _ = a.EC2().describeTag(t.Context(), Instance{ID: "i", Region: a.Region()}, "k")
	_, _ = a.Caller(t.Context())
	_, _ = a.Logs().client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	_ = a.Metrics().PutMetricData(t.Context(), cloudwatch.MetricBatch{Namespace: "N"})
	return strings.Join(h.asked, " ")
}

func TestEndpointsFollowTheRegion(t *testing.T) {
	f := func(o Options, suffix string) {
		t.Helper()
		alone(t)
		want := ""
		for _, s := range []string{"ssm", "ec2", "sts", "logs", "monitoring"} {
			want += " https://" + s + suffix
		}
		if got := whereAsked(t, o); got != want[1:] {
			t.Errorf("%s: got %s, want%s", o.Region, got, want)
		}
	}
	f(Options{Region: "eu-west-1"}, ".eu-west-1.amazonaws.com")
	f(Options{Region: "cn-north-1"}, ".cn-north-1.amazonaws.com.cn")
	f(Options{Region: "us-gov-west-1"}, ".us-gov-west-1.amazonaws.com")
	f(Options{Region: "us-isob-east-1"}, ".us-isob-east-1.sc2s.sgov.gov")
	f(Options{Region: "eu-west-1", DualStack: true}, ".eu-west-1.api.aws")
	f(Options{Region: "cn-north-1", DualStack: true}, ".cn-north-1.api.amazonwebservices.com.cn")
	t.Setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
	f(Options{Region: "eu-west-1"}, ".eu-west-1.api.aws")
	t.Setenv("AWS_USE_DUALSTACK_ENDPOINT", "false")
	t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
	f(Options{Region: "us-east-2"}, "-fips.us-east-2.amazonaws.com")
}

func TestEndpointThatIsGivenByHandIsTaken(t *testing.T) {
	f := func(o Options, want string) {
		t.Helper()
		o.Region = "eu-west-1"
		if got := whereAsked(t, o); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	all := strings.TrimSpace(strings.Repeat(" http://all", 5))
	alone(t)
	f(Options{Endpoint: "http://all", DualStack: true}, all)
	t.Setenv("AWS_ENDPOINT_URL", "http://all")
	f(Options{}, all)
	f(Options{DualStack: true}, all)
	t.Setenv("AWS_ENDPOINT_URL_SSM", "http://own")
	f(Options{}, strings.Replace(all, "all", "own", 1))
	t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
	f(Options{}, "https://ssm.eu-west-1.amazonaws.com https://ec2.eu-west-1.amazonaws.com https://sts.eu-west-1.amazonaws.com https://logs.eu-west-1.amazonaws.com https://monitoring.eu-west-1.amazonaws.com")
}

func TestEndpointOfOneServiceInTheSharedConfiguration(t *testing.T) {
	alone(t)
	os.Unsetenv("AWS_ENDPOINT_URL") // alone puts it back
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("[default]\nservices = s\n[services s]\nssm =\n  endpoint_url = http://own\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	if got := whereAsked(t, Options{Region: "eu-west-1"}); !strings.HasPrefix(got, "http://own https://ec2.eu-west-1.amazonaws.com ") {
		t.Errorf("got %s", got)
	}
}
