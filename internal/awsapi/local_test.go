package awsapi

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/local"
)

// onLocal is an account of the local CloudWatch, which is as strict as the service.
func onLocal(t *testing.T, o Options) (*local.Server, Account) {
	t.Helper()
	alone(t)
	service := new(local.Server)
	server := httptest.NewServer(service)
	t.Cleanup(func() {
		server.Close()
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	o.Region = "eu-west-1"
	a, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return service, a
}

func TestParametersOfTheLocalService(t *testing.T) {
	service, a := onLocal(t, Options{DualStack: true})
	p := a.Parameters()
	const name = "AmazonCloudWatch-linux"
	values := []string{"{\n\t\"agent\": {}\n}\n", strings.Repeat("x", MaxParameter), "small again"}
	for i, value := range values {
		if err := p.Put(t.Context(), name, value, fmt.Sprintf("the %d. of a test", i)); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Get(t.Context(), name); err != nil || got != value {
			t.Errorf("got %.40q %v, want %.40q", got, err, value)
		}
	}
	if got, err := p.Get(t.Context(), name+":1"); err != nil || got != values[0] {
		t.Errorf("the first version: got %.40q %v", got, err)
	}
	f := func(err error, class cloudwatch.Class, says string) {
		t.Helper()
		if cloudwatch.ClassOf(err) != class || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("got %v, want %v and %q", err, class, says)
		}
	}
	_, err := p.Get(t.Context(), "missing")
	f(err, cloudwatch.NotFound, `get parameter "missing" in eu-west-1: ParameterNotFound (names are case-sensitive`)
	_, err = p.Get(t.Context(), name+":9")
	f(err, cloudwatch.NotFound, "leave the version away")
	f(p.Put(t.Context(), "a/b", "v", ""), cloudwatch.Invalid, "fully qualified name")
	f(p.Put(t.Context(), "/aws/x", "v", ""), cloudwatch.Denied, "allow ssm:PutParameter")
	f(p.Put(t.Context(), "n", strings.Repeat("é", MaxParameter), ""), cloudwatch.Invalid, "8192 characters")
	if err := service.SetFaults(local.Fault{Operation: "GetParameter", Do: local.FaultThrottle, PerSecond: 1e-9}); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Get(t.Context(), name)
	_, err = p.Get(t.Context(), name)
	f(err, cloudwatch.Throttled, "Rate exceeded")
}

func TestRoleOfTheLocalService(t *testing.T) {
	_, a := onLocal(t, Options{RoleARN: "arn:aws:iam::123456789012:role/agents/reader"})
	who, err := a.Caller(t.Context())
	if err != nil || who.Account != "123456789012" || !strings.HasPrefix(who.ARN, "arn:aws:sts::123456789012:assumed-role/reader/") {
		t.Errorf("got %+v %v", who, err)
	}
	source, key, err := a.Credentials(t.Context())
	if err != nil || source != "AssumeRoleProvider" || !strings.HasPrefix(key, "ASIA") {
		t.Errorf("got %q %q %v", source, key, err)
	}
	_, a = onLocal(t, Options{})
	if who, err := a.Caller(t.Context()); err != nil || who != (Caller{Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/local"}) {
		t.Errorf("without a role: got %+v %v", who, err)
	}
}
