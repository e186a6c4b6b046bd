package main

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/awsapi"
	"github.com/nephoscope/nephoscope/publish"
	"golang.org/x/net/http/httpproxy"
)

// onPremiseProfile is the profile that the original uses where there is no instance role.
const onPremiseProfile = "AmazonCloudWatchAgent"

// cloud is the agent's way to AWS.
type cloud struct {
	common config.CommonConfig
	mode   agent.Mode
}

func (c cloud) open(ctx context.Context, d agent.Destination) (awsapi.Account, error) {
	o := awsapi.Options{
		Region: d.Region, Endpoint: d.Endpoint, RoleARN: d.RoleARN,
		Profile: c.common.SharedCredentialProfile, CredentialsFile: c.common.SharedCredentialFile, CABundle: c.common.CABundlePath,
		IMDSRetries: &c.common.IMDSRetries, UserAgent: strings.TrimSpace("Nephoscope/" + version + " " + d.UserAgent), Proxy: proxyNow(),
		DualStack: d.DualStack,
	}
	if o.Profile == "" && c.mode == agent.OnPremise {
		o.Profile, o.ProfileOptional = onPremiseProfile, true
	}
	return awsapi.Open(ctx, o)
}

// proxyNow goes by the proxies that the environment names at this moment, in capitals or not. What is on this link alone, as
// the metadata service is, is never asked through one.
func proxyNow() func(*http.Request) (*url.URL, error) {
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	return func(r *http.Request) (*url.URL, error) {
		if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil && (ip.IsLinkLocalUnicast() || ip == metadataIPv6) {
			return nil, nil
		}
		return proxy(r.URL)
	}
}

// metadataIPv6 is where the metadata service answers by IPv6 (docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html).
var metadataIPv6 = netip.MustParseAddr("fd00:ec2::254")

func (c cloud) Region(ctx context.Context, d agent.Destination) (region, fallback string, err error) {
	account, err := c.open(ctx, d)
	if err != nil {
		return "", "", err
	}
	return account.Region(), account.FallbackRegion(), nil
}

func (c cloud) Logs(ctx context.Context, d agent.Destination) (publish.LogsAPI, error) {
	account, err := c.open(ctx, d)
	if err != nil {
		return nil, err
	}
	return account.Logs(), nil
}

func (c cloud) Metrics(ctx context.Context, d agent.Destination) (publish.MetricsAPI, error) {
	account, err := c.open(ctx, d)
	if err != nil {
		return nil, err
	}
	return account.Metrics(), nil
}

func (c cloud) Instance(ctx context.Context) (agent.Instance, error) {
	account, err := c.open(ctx, agent.Destination{})
	if err != nil {
		return agent.Instance{}, err
	}
	i, err := account.EC2().Instance(ctx)
	return agent.Instance(i), err
}

func (c cloud) AutoScalingGroup(ctx context.Context, i agent.Instance, d agent.Destination) (string, error) {
	account, err := c.open(ctx, d)
	if err != nil {
		return "", err
	}
	return account.EC2().AutoScalingGroup(ctx, awsapi.Instance(i))
}

func (c cloud) Volumes(ctx context.Context, i agent.Instance, d agent.Destination) (map[string]string, error) {
	account, err := c.open(ctx, d)
	if err != nil {
		return nil, err
	}
	return account.EC2().Volumes(ctx, awsapi.Instance(i))
}

// liveCloud is the cloud of the moment: common-config.toml may change while the agent runs.
type liveCloud struct{ atomic.Pointer[cloud] }

func newLiveCloud(c cloud) *liveCloud {
	l := &liveCloud{}
	l.Store(&c)
	return l
}

func (l *liveCloud) Region(ctx context.Context, d agent.Destination) (region, fallback string, err error) {
	return l.Load().Region(ctx, d)
}

func (l *liveCloud) Logs(ctx context.Context, d agent.Destination) (publish.LogsAPI, error) {
	return l.Load().Logs(ctx, d)
}

func (l *liveCloud) Metrics(ctx context.Context, d agent.Destination) (publish.MetricsAPI, error) {
	return l.Load().Metrics(ctx, d)
}

func (l *liveCloud) Instance(ctx context.Context) (agent.Instance, error) {
	return l.Load().Instance(ctx)
}

func (l *liveCloud) AutoScalingGroup(ctx context.Context, i agent.Instance, d agent.Destination) (string, error) {
	return l.Load().AutoScalingGroup(ctx, i, d)
}

func (l *liveCloud) Volumes(ctx context.Context, i agent.Instance, d agent.Destination) (map[string]string, error) {
	return l.Load().Volumes(ctx, i, d)
}
