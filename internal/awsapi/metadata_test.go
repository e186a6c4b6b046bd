package awsapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// aMetadataService answers on PUT as put says, and to GET with or without a token.
type aMetadataService struct {
	put     int  // the status that a token is asked for with; 0: no answer
	v1      bool // answers without a token
	refuses bool // knows no instance
}

func (m aMetadataService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		if m.put == 0 {
			<-r.Context().Done()
			return
		}
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
		w.WriteHeader(m.put)
		fmt.Fprint(w, "token")
		return
	}
	known := map[string]string{"/latest/meta-data/instance-id": "i-1", "/latest/meta-data/placement/region": "eu-west-1\n"}
	switch answer := known[r.URL.Path]; {
	case !m.v1 && r.Header.Get("X-Aws-Ec2-Metadata-Token") != "token":
		w.WriteHeader(http.StatusUnauthorized)
	case m.refuses || answer == "":
		w.WriteHeader(http.StatusNotFound)
	default:
		fmt.Fprint(w, answer)
	}
}

func TestMetadataReportTellsHowFarItWent(t *testing.T) {
	const hop, none = "hop-limit", "all is well"
	f := func(m aMetadataService, want MetadataReport, hint string) {
		t.Helper()
		server := httptest.NewServer(m)
		defer server.Close()
		t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.URL+"/")
		a := account(t, func(http.ResponseWriter, *http.Request) {})
		wait := metadataWait
		if m.put == 0 {
			wait = 20 * time.Millisecond
		}
		got, err := a.EC2().probe(t.Context(), wait)
		if got.TokenTook <= 0 {
			t.Errorf("%+v: it took no time", m)
		}
		want.Endpoint = server.URL + "/"
		if hinted := got.Hint; hint == none && hinted != "" || hint != none && !strings.Contains(hinted, hint) {
			t.Errorf("%+v: hint %q", m, hinted)
		}
		healthy := want.Token && want.InstanceID != ""
		got.TokenTook, got.Hint = 0, ""
		if got != want || (err == nil) != healthy || err != nil && cloudwatch.ClassOf(err) != cloudwatch.Unavailable {
			t.Errorf("%+v: got %+v %v, want %+v", m, got, err, want)
		}
	}
	f(aMetadataService{put: 200}, MetadataReport{Answered: true, Token: true, InstanceID: "i-1", Region: "eu-west-1"}, none)
	f(aMetadataService{put: 200, v1: true}, MetadataReport{Answered: true, Token: true, V1: true, InstanceID: "i-1", Region: "eu-west-1"}, none)
	f(aMetadataService{put: 0}, MetadataReport{Answered: true}, hop)
	f(aMetadataService{put: 0, v1: true}, MetadataReport{Answered: true, V1: true, InstanceID: "i-1", Region: "eu-west-1"}, hop)
	f(aMetadataService{put: 403}, MetadataReport{Answered: true}, "HTTP 403")
	f(aMetadataService{put: 404, v1: true}, MetadataReport{Answered: true, V1: true, InstanceID: "i-1", Region: "eu-west-1"}, "HTTP 404")
	f(aMetadataService{put: 200, refuses: true}, MetadataReport{Answered: true, Token: true}, "")
}

func TestMetadataServiceThatIsNotThere(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", gone.URL)
	a := account(t, func(http.ResponseWriter, *http.Request) {})
	r, err := a.EC2().Metadata(t.Context())
	if cloudwatch.ClassOf(err) != cloudwatch.Unavailable || err == nil || r.Answered || !strings.Contains(r.Hint, "NO_PROXY") {
		t.Errorf("got %+v %v", r, err)
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "TRUE")
	if r, err := a.EC2().Metadata(t.Context()); err == nil || !r.Disabled || r.TokenTook != 0 || !strings.Contains(r.Hint, "unset it") {
		t.Errorf("switched off: got %+v %v", r, err)
	}
}

func TestAddressOfTheMetadataService(t *testing.T) {
	f := func(name, value, want string) {
		t.Helper()
		alone(t)
		t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "")
		t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "")
		t.Setenv(name, value)
		a, err := Open(t.Context(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.EC2().metadataEndpoint(); got != want {
			t.Errorf("%s=%s: got %s, want %s", name, value, got, want)
		}
	}
	f("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "", "http://169.254.169.254")
	f("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", "http://[fd00:ec2::254]")
	f("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338", "http://127.0.0.1:1338")
}

func TestQuestionsToTheMetadataServiceAreRepeatedAsOftenAsWasSaid(t *testing.T) {
	f := func(retries *int, bad int64, want bool) {
		t.Helper()
		var asked atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPut:
				w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
				fmt.Fprint(w, "token")
			case r.URL.Path != identityPath:
				w.WriteHeader(http.StatusNotFound)
			case asked.Add(1) <= bad:
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				fmt.Fprint(w, instance[identityPath])
			}
		}))
		defer server.Close()
		alone(t)
		t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.URL)
		a, err := Open(t.Context(), Options{Region: "eu-west-1", IMDSRetries: retries})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.EC2().Instance(t.Context()); (err == nil) != want {
			t.Errorf("%v retries, %d bad answers, asked %d times: %v", retries, bad, asked.Load(), err)
		}
	}
	none, two := 0, 2
	f(nil, 0, true)
	f(nil, 1, true)
	f(nil, 2, false)
	f(&none, 1, false)
	f(&two, 2, true)
	f(&two, 3, false)
}

func TestServicesAreAskedOnce(t *testing.T) {
	var asked atomic.Int64
	a := account(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	ten := 10
	a, err := Open(t.Context(), Options{Region: "eu-west-1", Endpoint: *a.cfg.BaseEndpoint, IMDSRetries: &ten})
	if err != nil {
		t.Fatal(err)
	}
	_, gone := a.Logs().PutLogEvents(t.Context(), stream, batch("a"))
	_, unknown := a.Caller(t.Context())
	err = errors.Join(a.Metrics().PutMetricData(t.Context(), cloudwatch.MetricBatch{Namespace: "N"}), gone, unknown, a.Parameters().Put(t.Context(), "n", "v", ""))
	if asked.Load() != 4 {
		t.Errorf("four questions were asked %d times: %v", asked.Load(), err)
	}
}
