package explain

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
)

func TestListenerForEMFIsTold(t *testing.T) {
	t.Parallel()
	r := explained(t, agent.OnPremise, "f", `{"agent": {"region": "eu-west-1", "hostname": "web-1"}, "logs": {"metrics_collected": {"emf": {"service_address": "udp://127.0.0.1:25888"}}}}`)
	var b bytes.Buffer
	if err := r.Write(&b, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"listens on udp://127.0.0.1:25888", "else emf/logs/default : web-1", "logs:PutLogEvents"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("does not say %q:\n%s", want, b.String())
		}
	}
}
