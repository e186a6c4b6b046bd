package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
)

const (
	metadataService = "http://169.254.169.254"
	metadataIPv6    = "http://[fd00:ec2::254]"
	// metadataPatience is what the agent waits for an answer as well.
	metadataPatience = 2 * time.Second
	slowMetadata     = 500 * time.Millisecond
)

// lookAtMetadata asks the EC2 metadata service the way the agent does: a token by PUT, and then who this is.
func lookAtMetadata(ctx context.Context, w *World, r *Result) {
	why := w.wantsMetadata()
	base := strings.TrimSuffix(cmp.Or(w.Env("AWS_EC2_METADATA_SERVICE_ENDPOINT"), metadataService), "/")
	if base == metadataService && strings.EqualFold(w.Env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "ipv6") {
		base = metadataIPv6
	}
	switch {
	case why == "":
		r.skip("the configuration needs nothing of it")
		return
	case w.Mode == agent.OnPremise:
		r.skip("not looked at: --mode onPremise")
		return
	case strings.EqualFold(w.Env("AWS_EC2_METADATA_DISABLED"), "true"):
		r.warn("unset AWS_EC2_METADATA_DISABLED", "it is switched off by AWS_EC2_METADATA_DISABLED, and %s", why)
		return
	}
	m := &metadata{base: base, client: &http.Client{Timeout: metadataPatience, Transport: &http.Transport{}}}
	defer m.client.CloseIdleConnections()
	w.metadataProxy(base, r)
	began := time.Now()
	token, status, err := m.token(ctx)
	took := time.Since(began)
	switch {
	case err != nil:
		m.unanswered(ctx, w, why, err, r)
	case status == http.StatusForbidden:
		r.fail("aws ec2 modify-instance-metadata-options --instance-id … --http-endpoint enabled", "the metadata service is disabled for this instance (HTTP 403), and %s", why)
	case status != http.StatusOK:
		m.withoutTokens(ctx, status, why, r)
	default:
		m.identity(ctx, token, took, w, r)
	}
}

// wantsMetadata says what the metadata service is needed for; "": nothing.
func (w *World) wantsMetadata() string {
	if w.Config == nil {
		return ""
	}
	if m := w.Config.Metrics; m != nil {
		if len(m.AppendDimensions) > 0 {
			return "append_dimensions needs it"
		}
		for _, p := range m.Plugins {
			for _, v := range p.AppendDimensions {
				if strings.HasPrefix(v, "${aws:") {
					return "append_dimensions of " + p.Name + " needs it"
				}
			}
		}
	}
	if w.Config.Agent.Region == "" && w.Env("AWS_REGION") == "" && w.Env("AWS_DEFAULT_REGION") == "" {
		return "no region is configured"
	}
	if l := w.Config.Logs; l != nil {
		for _, f := range l.Files {
			if name := f.LogGroupName + cmp.Or(f.LogStreamName, l.LogStreamName); needsIdentity(name) {
				return fmt.Sprintf("the log group or stream of %s is named after it", f.Path)
			}
		}
	}
	return ""
}

// needsIdentity tells whether a name holds what only EC2 knows. A stream that is not named is the instance's id where there
// is one, and the host's name elsewhere: that needs nothing.
func needsIdentity(name string) bool {
	for _, p := range []string{"{instance_id}", "{ip_address}", "{account_id}"} {
		if strings.Contains(name, p) {
			return true
		}
	}
	return false
}

// metadataProxy warns of a proxy that the requests would be sent to: the service answers no proxy.
func (w *World) metadataProxy(base string, r *Result) {
	req, err := http.NewRequest(http.MethodGet, base, nil)
	if err != nil {
		return
	}
	if proxy, err := w.Net.Proxy(req); err == nil && proxy != nil {
		r.warn("add "+req.URL.Hostname()+" to NO_PROXY (no_proxy in common-config.toml)", "requests to the metadata service go to the proxy %s", proxy.Redacted())
	}
}

type metadata struct {
	base   string
	client *http.Client
}

func (m *metadata) ask(ctx context.Context, method, path string, header ...string) (body string, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, m.base+path, nil)
	if err != nil {
		return "", 0, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	answer, err := m.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return string(raw), answer.StatusCode, err
}

func (m *metadata) token(ctx context.Context) (string, int, error) {
	return m.ask(ctx, http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
}

const documentPath = "/latest/dynamic/instance-identity/document"

// unanswered finds out why no token came. The answer to PUT may cross as many hops as the instance's options say, one by
// default; other answers may cross more.
func (m *metadata) unanswered(ctx context.Context, w *World, why string, err error, r *Result) {
	if _, status, err := m.ask(ctx, http.MethodGet, documentPath); err == nil {
		r.fail("aws ec2 modify-instance-metadata-options --instance-id … --http-put-response-hop-limit 2",
			"the metadata service answers (HTTP %d), but no token comes: its hop limit is too small for a container, and %s", status, why)
		return
	}
	says := fmt.Sprintf("no metadata service at %s (%v), and %s", m.base, innermost(err), why)
	switch {
	case w.inContainer():
		r.warn("on EC2: aws ec2 modify-instance-metadata-options --instance-id … --http-put-response-hop-limit 2; elsewhere: --mode onPremise and agent.region", "%s; this is a container, whose answers take one hop more", says)
	case w.Mode == agent.EC2 || agent.LooksLikeEC2(w.Host.ReadFile):
		r.fail("aws ec2 modify-instance-metadata-options --instance-id … --http-endpoint enabled; does a firewall of this host forbid it?", "%s", says)
	default:
		r.warn("elsewhere than on EC2: set agent.region, and run with --mode onPremise", "%s; this does not look like EC2: the host's name stands for the instance", says)
	}
}

// withoutTokens is about a service that answers, but not to IMDSv2.
func (m *metadata) withoutTokens(ctx context.Context, status int, why string, r *Result) {
	if _, old, err := m.ask(ctx, http.MethodGet, documentPath); err == nil && old == http.StatusOK {
		r.fail("use a metadata service that speaks IMDSv2", "the metadata service gives no tokens (HTTP %d) and answers without: that is IMDSv1, which nephoscope does not use; %s", status, why)
		return
	}
	r.fail("is that the metadata service?", "%s answers HTTP %d to a request for a token; %s", m.base, status, why)
}

func (m *metadata) identity(ctx context.Context, token string, took time.Duration, w *World, r *Result) {
	body, status, err := m.ask(ctx, http.MethodGet, documentPath, "X-aws-ec2-metadata-token", token)
	var doc struct {
		InstanceID string `json:"instanceId"`
		Type       string `json:"instanceType"`
		Region     string `json:"region"`
	}
	if err == nil && status == http.StatusOK {
		err = json.Unmarshal([]byte(body), &doc)
	}
	if err == nil && (status != http.StatusOK || doc.InstanceID == "") {
		err = fmt.Errorf("HTTP %d, and no instance id", status)
	}
	if err != nil {
		r.fail("", "the metadata service gives a token, but no identity document: %v", err)
		return
	}
	if took > slowMetadata {
		r.warn("the agent asks again by itself; is this host short of processor or network?", "the metadata service took %s to answer", took.Round(time.Millisecond))
	}
	if region := w.Config.Agent.Region; region != "" && doc.Region != region {
		r.note("this instance is in %s, and the configuration sends to %s", doc.Region, region)
	}
	r.note("IMDSv2 answers: %s, %s, %s", doc.InstanceID, doc.Type, doc.Region)
}

// inContainer goes by what container engines leave behind.
func (w *World) inContainer() bool {
	for _, path := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := w.Host.Node(path); err == nil {
			return true
		}
	}
	return w.Env("KUBERNETES_SERVICE_HOST") != "" || w.Env("ECS_CONTAINER_METADATA_URI_V4") != ""
}

// innermost is the cause without the request that stands around it.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
