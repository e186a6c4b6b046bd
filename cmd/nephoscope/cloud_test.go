package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

func TestUserAgentOfTheConfigurationIsAddedToOurs(t *testing.T) {
	for _, own := range []string{"", "fleet/7 (blue)"} {
		var said string
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { said = r.Header.Get("User-Agent") }))
		t.Setenv("AWS_ACCESS_KEY_ID", "key")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
		account, err := cloud{config.CommonConfig{}, agent.EC2}.open(t.Context(), agent.Destination{Region: "eu-west-1", Endpoint: server.URL, UserAgent: own})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = account.Caller(t.Context()) // the answer is none
		server.Close()
		if want := strings.TrimSpace("Nephoscope/" + version + " " + own); !strings.HasPrefix(said, want+" ") && said != want {
			t.Errorf("User-Agent %q, want %q first", said, want)
		}
	}
}

func TestDualStackAsksTheAddressesThatHaveBoth(t *testing.T) {
	for dual, want := range map[bool]string{false: "amazonaws.com", true: "api.aws"} {
		account, err := cloud{config.CommonConfig{}, agent.EC2}.open(t.Context(), agent.Destination{Region: "eu-west-1", DualStack: dual})
		if err != nil {
			t.Fatal(err)
		}
		for _, service := range []string{"logs", "monitoring", "ec2"} {
			at, err := account.Endpoint(t.Context(), service)
			if err != nil || !strings.HasSuffix(at.Host, want) {
				t.Errorf("%s, dual stack %v: %s, %v", service, dual, at.Host, err)
			}
		}
	}
}
