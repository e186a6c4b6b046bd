package main

import (
	"context"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/awsapi"
	"github.com/nephoscope/nephoscope/publish"
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
		IMDSRetries: &c.common.IMDSRetries, UserAgent: "Nephoscope/" + version,
	}
	if o.Profile == "" && c.mode == agent.OnPremise {
		o.Profile, o.ProfileOptional = onPremiseProfile, true
	}
	return awsapi.Open(ctx, o)
}

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
