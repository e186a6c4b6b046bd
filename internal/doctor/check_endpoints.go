package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/install"
)

const (
	// skewRefused: a signature is refused whose time is more than five minutes off (AWS General Reference, SigV4).
	skewRefused = 5 * time.Minute
	skewOdd     = time.Minute
	endpointTry = 6 * time.Second
)

// service is an endpoint that is needed, and what for.
type service struct {
	name, what string
	to         agent.Destination
}

// services are those that the configuration needs; without one, those that most do.
func (w *World) services(region string) (all []service) {
	logs, hasLogs := w.toLogs(region)
	metrics, hasMetrics := w.toMetrics(region)
	if w.Config == nil {
		logs, metrics, hasLogs, hasMetrics = w.toHost(region), w.toHost(region), true, true
	}
	if hasLogs {
		all = append(all, service{"logs", "log events", logs})
	}
	if hasMetrics {
		all = append(all, service{"monitoring", "metrics", metrics})
	}
	if logs.RoleARN != "" || metrics.RoleARN != "" || w.Env("AWS_WEB_IDENTITY_TOKEN_FILE") != "" {
		all = append(all, service{"sts", "taking on a role", w.toHost(region)})
	}
	if w.Config != nil && agent.WantsAutoScalingGroup(w.Config) {
		all = append(all, service{"ec2", "the Auto Scaling group's name", w.toHost(region)})
	} else if w.asksForVolumes() {
		all = append(all, service{"ec2", "the EBS volumes", w.toHost(region)})
	}
	return all
}

// lookAtEndpoints goes the way of a request to each service, and names the step at which it ends.
func lookAtEndpoints(ctx context.Context, w *World, r *Result) {
	region, err := w.region(ctx)
	if err != nil || region == "" {
		r.fail("set agent.region in the configuration, or AWS_REGION", "no region is known, so that there are no endpoints")
		return
	}
	all := w.services(region)
	each := make([]Result, len(all))
	var wg sync.WaitGroup
	for i, s := range all {
		wg.Go(func() {
			at, err := w.AWS.Endpoint(ctx, s.name, s.to)
			if err != nil {
				each[i].fail("is the region "+region+" spelt correctly?", "no endpoint is known for %s: %v", s.what, err)
				return
			}
			w.endpoint(ctx, s, at, &each[i])
		})
	}
	wg.Wait()
	for _, one := range each {
		for _, f := range one.Findings { // services behind one endpoint or proxy share its troubles
			if !slices.Contains(r.Findings, f) {
				r.Findings = append(r.Findings, f)
			}
		}
	}
	if len(all) == 0 {
		r.skip("the configuration sends nothing")
	}
}

// endpoint makes one request without a signature: whatever is answered, it was answered.
func (w *World) endpoint(ctx context.Context, s service, at url.URL, r *Result) {
	ctx, cancel := context.WithTimeout(ctx, endpointTry)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil || at.Hostname() == "" || at.Scheme != "https" && at.Scheme != "http" {
		r.fail("an endpoint is a URL such as https://logs.eu-west-1.amazonaws.com", "the endpoint of %s is no URL: %s", s.what, at.Redacted())
		return
	}
	proxy, err := w.Net.Proxy(req)
	if err != nil {
		r.fail("write it as http://host:port", "the proxy in HTTPS_PROXY or HTTP_PROXY is no URL")
		return
	}
	route := ""
	first := at
	if proxy != nil {
		route, first = " through the proxy "+proxy.Redacted(), *proxy
	}
	if !w.resolves(ctx, first.Hostname(), s.what, r) {
		return
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: w.Net.Proxy, DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: w.Net.Roots, MinVersion: tls.VersionTLS12}},
	}
	began := w.Now()
	answer, err := client.Do(req)
	ended := w.Now()
	if err != nil {
		w.unreached(at, proxy, err, r)
		return
	}
	defer answer.Body.Close()
	w.answered(at, proxy, answer, r)
	w.skew(answer, began.Add(ended.Sub(began)/2), r)
	r.note("%s: %s%s answers in %s", s.what, at.Host, route, ended.Sub(began).Round(time.Millisecond))
}

func (w *World) resolves(ctx context.Context, host, what string, r *Result) bool {
	if net.ParseIP(host) != nil {
		return true
	}
	_, err := w.Net.Resolve(ctx, host)
	if err == nil {
		return true
	}
	cure := "is the name server of this host reachable? resolvectl query " + install.ShellWord(host)
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		cure = "is the region, or the endpoint_override, spelt correctly? In a private subnet: is there a VPC endpoint with private DNS?"
	}
	r.fail(cure, "%s has no address (needed for %s): %v", host, what, innermost(err))
	return false
}

// unreached names the step at which a request ended.
func (w *World) unreached(at url.URL, proxy *url.URL, err error, r *Result) {
	if what, cure := w.certificateTrouble(at, err); what != "" {
		r.fail(cure, "%s", what)
		return
	}
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	text := innermost(err).Error()
	if e, ok := errors.AsType[*url.Error](err); ok {
		text = e.Err.Error()
	}
	switch {
	case proxy != nil && strings.Contains(text, "Proxy Authentication Required"):
		r.fail("write user and password into https_proxy of common-config.toml", "the proxy %s wants a user and a password", proxy.Redacted())
	case proxy != nil:
		r.fail("is the proxy right (https_proxy in common-config.toml, HTTPS_PROXY), and does it let "+at.Hostname()+" through?", "%s is not reached through the proxy %s: %s", at.Host, proxy.Redacted(), text)
	case noTLS || strings.Contains(text, "server gave HTTP response to HTTPS client"):
		r.fail("write http:// or another port in the endpoint", "%s does not speak TLS", at.Host)
	default:
		r.fail("does a firewall, security group or network ACL keep this host from "+at.Host+"? Is a proxy needed (https_proxy in common-config.toml)?", "%s is not reached: %s", at.Host, text)
	}
}

func (w *World) answered(at url.URL, proxy *url.URL, answer *http.Response, r *Result) {
	aws := strings.Contains(at.Hostname(), ".amazonaws.com")
	id := ""
	for _, name := range []string{"X-Amzn-Requestid", "X-Amz-Request-Id", "X-Amzn-Errortype"} {
		id += answer.Header.Get(name)
	}
	switch {
	case answer.StatusCode == http.StatusProxyAuthRequired:
		r.fail("write user and password into the proxy's URL", "the way to %s wants a user and a password (HTTP 407)", at.Host)
	case answer.StatusCode >= 500:
		r.warn("try again later; health.aws.amazon.com tells of outages", "%s answers HTTP %d", at.Host, answer.StatusCode)
	case aws && id == "" && strings.Contains(answer.Header.Get("Content-Type"), "html") && proxy != nil:
		r.warn("does the proxy let "+at.Hostname()+" through?", "a page of HTML comes instead of %s (HTTP %d)", at.Host, answer.StatusCode)
	}
}

// skew compares clocks. Events that are more than two hours ahead, or two weeks old, are rejected one by one, long before which
// no signature is taken.
func (w *World) skew(answer *http.Response, here time.Time, r *Result) {
	there, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return // it need not have one
	}
	off := here.Sub(there)
	word, events := "ahead of", "more than two hours ahead"
	if off < 0 {
		word, events = "behind", "more than 14 days old"
	}
	const cure = "sudo timedatectl set-ntp true (or start chronyd)"
	switch {
	case off.Abs() > skewRefused:
		r.fail(cure, "this host's clock is %s %s the service's: signatures are refused beyond five minutes, and events %s are rejected", off.Abs().Round(time.Second), word, events)
	case off.Abs() > skewOdd:
		r.warn(cure, "this host's clock is %s %s the service's", off.Abs().Round(time.Second), word)
	}
}
