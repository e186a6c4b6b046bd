package awsapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// refusing is an account whose service gives each operation one answer: a code and a message; "": it takes the request.
func refusing(t *testing.T, code, message string, seen *[]string) Account {
	t.Helper()
	return account(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*seen = append(*seen, r.Header.Get("X-Amz-Target")+" "+string(body))
		if code == "" {
			_, _ = io.WriteString(w, "{}")
			return
		}
		w.Header().Set("X-Amzn-Errortype", code)
		w.Header().Set("X-Amzn-Query-Error", code+";Sender")
		if r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" {
			w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, "\xa2%s%s%s%s", cborText("__type"), cborText(code), cborText("message"), cborText(message))
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
	})
}

// cborText is a text of less than 256 bytes in CBOR.
func cborText(s string) string { return string([]byte{0x78, byte(len(s))}) + s }

func TestWhatIsNotThereMayBeWritten(t *testing.T) {
	var seen []string
	a := refusing(t, "ResourceNotFoundException", "The specified log stream does not exist.", &seen)
	for name, p := range map[string]Probed{
		"PutLogEvents": a.ProbePutLogEvents(t.Context(), "g"), "GetLogEvents": a.ProbeGetLogEvents(t.Context(), "g"),
		"CreateLogStream": a.ProbeCreateLogStream(t.Context(), "g"), "PutRetentionPolicy": a.ProbePutRetentionPolicy(t.Context(), "g"),
	} {
		if p.Answer != Permitted || p.NoGroup {
			t.Errorf("%s: got %+v", name, p)
		}
	}
	if p := refusing(t, "ResourceNotFoundException", noGroup, &seen).ProbePutLogEvents(t.Context(), "g"); p.Answer != Permitted || !p.NoGroup {
		t.Errorf("got %+v", p)
	}
}

// What a probe names must not exist: else it would not be refused.
func TestProbesNameNothingThatExists(t *testing.T) {
	var seen []string
	a := refusing(t, "ResourceNotFoundException", noGroup, &seen)
	for range 2 {
		a.ProbePutLogEvents(t.Context(), "g")
		a.ProbeCreateLogStream(t.Context(), "g")
		a.ProbePutRetentionPolicy(t.Context(), strings.Repeat("g", 512))
	}
	names := map[string]bool{}
	for _, s := range seen {
		_, text, _ := strings.Cut(s, " ")
		var in struct{ LogGroupName, LogStreamName string }
		if err := json.Unmarshal([]byte(text), &in); err != nil {
			t.Fatal(err)
		}
		fresh := in.LogGroupName
		if strings.Contains(s, "PutLogEvents") {
			fresh = in.LogStreamName
		}
		if !strings.Contains(fresh, "-nephoscope-doctor-") || len(fresh) > 512 || names[fresh] {
			t.Errorf("%q is not a fresh name", fresh)
		}
		names[fresh] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d requests", len(seen))
	}
}

func TestDatumOfTheProbeIsWrongTwiceOver(t *testing.T) {
	var sent []byte
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		sent, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusBadRequest)
	})
	a.ProbePutMetricData(t.Context(), "ns")
	// CBOR: the names of members are in it as they are.
	for _, want := range []string{"ns", "Value", "StatisticValues", "Timestamp"} {
		if !strings.Contains(string(sent), want) {
			t.Errorf("no %s in %q", want, sent)
		}
	}
}

func TestPolicyThatForbidsIsToldFromCredentialsThatNobodyKnows(t *testing.T) {
	f := func(code string, want Answer) {
		t.Helper()
		var seen []string
		a := refusing(t, code, "no", &seen)
		for name, p := range map[string]Probed{
			"PutLogEvents": a.ProbePutLogEvents(t.Context(), "g"), "CreateLogStream": a.ProbeCreateLogStream(t.Context(), "g"),
			"DescribeLogGroups": a.ProbeDescribeLogGroups(t.Context(), "g"), "PutMetricData": a.ProbePutMetricData(t.Context(), "ns"),
		} {
			if p.Answer != want || p.Err == nil {
				t.Errorf("%s, %s: got %+v, want %s", code, name, p, want)
			}
		}
	}
	f("AccessDeniedException", Forbidden)
	f("AccessDenied", Forbidden)
	f("UnrecognizedClientException", Unclear)
	f("ExpiredTokenException", Unclear)
	f("ThrottlingException", Unclear)
	f("ServiceUnavailableException", Unclear)
}

func TestDatumThatIsCalledInvalidMayBeSent(t *testing.T) {
	var seen []string
	for _, code := range []string{"InvalidParameterCombinationException", "InvalidParameterCombination", "InvalidParameterValue"} {
		if p := refusing(t, code, "mutually exclusive", &seen).ProbePutMetricData(t.Context(), "ns"); p.Answer != Permitted {
			t.Errorf("%s: got %+v", code, p)
		}
	}
}

// A service that takes what CloudWatch refuses has said nothing about permissions.
func TestServiceThatTakesWhatMustBeRefusedIsUnclear(t *testing.T) {
	var seen []string
	a := refusing(t, "", "", &seen)
	for name, p := range map[string]Probed{
		"PutLogEvents": a.ProbePutLogEvents(t.Context(), "g"), "CreateLogStream": a.ProbeCreateLogStream(t.Context(), "g"),
	} {
		if p.Answer != Unclear || p.Err == nil {
			t.Errorf("%s: got %+v", name, p)
		}
	}
	if p := a.ProbeDescribeLogGroups(t.Context(), "g"); p.Answer != Permitted {
		t.Errorf("DescribeLogGroups reads: got %+v", p)
	}
}

func TestProbeOfTagsTellsForbiddenFromUnknown(t *testing.T) {
	f := func(status int, body string, want Answer) {
		t.Helper()
		a := account(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		if p := a.ProbeDescribeTags(t.Context(), "eu-west-1"); p.Answer != want {
			t.Errorf("%d %s: got %+v, want %s", status, body, p, want)
		}
	}
	const no = "<Response><Errors><Error><Code>%s</Code><Message>no</Message></Error></Errors></Response>"
	f(200, "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>", Permitted)
	volumes := func(status int, body string, want Answer) {
		t.Helper()
		a := account(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		if p := a.ProbeDescribeVolumes(t.Context(), "eu-west-1"); p.Answer != want {
			t.Errorf("volumes, %d %s: got %+v, want %s", status, body, p, want)
		}
	}
	volumes(200, "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>", Permitted)
	volumes(403, fmt.Sprintf(no, "UnauthorizedOperation"), Forbidden)
	f(403, fmt.Sprintf(no, "UnauthorizedOperation"), Forbidden)
	f(401, fmt.Sprintf(no, "AuthFailure"), Unclear)
	f(502, "<html>", Unclear)
}

func TestEndpointIsWhereTheSDKSends(t *testing.T) {
	alone(t)
	f := func(o Options, service, want string) {
		t.Helper()
		a, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := a.Endpoint(t.Context(), service); err != nil || u.String() != want {
			t.Errorf("%s of %+v: got %s, %v, want %s", service, o, u.String(), err, want)
		}
	}
	f(Options{Region: "eu-west-1"}, "logs", "https://logs.eu-west-1.amazonaws.com")
	f(Options{Region: "eu-west-1"}, "monitoring", "https://monitoring.eu-west-1.amazonaws.com")
	f(Options{Region: "eu-west-1"}, "sts", "https://sts.eu-west-1.amazonaws.com")
	f(Options{Region: "eu-west-1"}, "ec2", "https://ec2.eu-west-1.amazonaws.com/")
	f(Options{Region: "cn-north-1"}, "logs", "https://logs.cn-north-1.amazonaws.com.cn")
	f(Options{Region: "eu-west-1", Endpoint: "https://vpce.example"}, "logs", "https://vpce.example")
	t.Setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:4580")
	f(Options{Region: "eu-west-1"}, "logs", "http://127.0.0.1:4580")
	f(Options{Region: "eu-west-1"}, "monitoring", "https://monitoring.eu-west-1.amazonaws.com")
	t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
	f(Options{Region: "us-east-1"}, "monitoring", "https://monitoring-fips.us-east-1.amazonaws.com")
	a, err := Open(t.Context(), Options{Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Endpoint(t.Context(), "s3"); err == nil {
		t.Error("a service that is not used here has an endpoint")
	}
}

func TestExpiryOfTheCredentialsOfAUserIsNever(t *testing.T) {
	alone(t)
	a, err := Open(t.Context(), Options{Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if until, err := a.Expiry(t.Context()); err != nil || !until.Equal(time.Time{}) {
		t.Errorf("got %v, %v", until, err)
	}
}
