package awsapi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// A service is one that is asked without a client of the SDK's: see docs/decisions/0003 and 0007.
type service struct {
	name string // in host names and signatures
	id   string // in the SDK's model, as it stands in configuration: AWS_ENDPOINT_URL_EC2
}

var (
	ec2Service = service{"ec2", "EC2"}
	ssmService = service{"ssm", "SSM"}
)

var errNoRegion = errors.New("no region is known: set AWS_REGION, agent.region, or region in ~/.aws/config")

// endpoint is where a service of a region is, by the rules of the SDK.
func (a Account) endpoint(ctx context.Context, s service, region string) (string, error) {
	if own := a.configuredEndpoint(ctx, s); own != "" {
		return own, nil
	}
	if region == "" {
		return "", errNoRegion
	}
	// The names of these services differ from the token service's in their first word alone, and its resolver knows the
	// partitions, both kinds of addresses and FIPS.
	dualStack, fips := a.addressing(ctx)
	found, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{
		Region: &region, UseDualStack: &dualStack, UseFIPS: &fips, UseGlobalEndpoint: aws.Bool(false),
	})
	if err != nil {
		return "", fmt.Errorf("find the endpoint of %s in region %q: %w", s.id, region, err)
	}
	return "https://" + s.name + strings.TrimPrefix(found.URI.Host, "sts") + "/", nil
}

// configuredEndpoint is the one that was given by hand; "" if none was. What was said of this service counts before what was
// said of all, within the environment as within the shared configuration.
func (a Account) configuredEndpoint(ctx context.Context, s service) string {
	_, all := os.LookupEnv("AWS_ENDPOINT_URL")
	_, own := os.LookupEnv("AWS_ENDPOINT_URL_" + s.id)
	if !all || own {
		if e, found := configured(a.cfg, func(c interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}) (string, bool, error) {
			return c.GetServiceBaseEndpoint(ctx, s.id)
		}); found && !a.ignoresEndpoints(ctx) {
			return e
		}
	}
	return aws.ToString(a.cfg.BaseEndpoint)
}

// ignoresEndpoints tells whether AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, or its like in the shared configuration, is set.
func (a Account) ignoresEndpoints(ctx context.Context) bool {
	ignores, _ := configured(a.cfg, func(c interface {
		GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
	}) (bool, bool, error) {
		return c.GetIgnoreConfiguredEndpoints(ctx)
	})
	return ignores
}

// addressing tells which kind of endpoint was asked for.
func (a Account) addressing(ctx context.Context) (dualStack, fips bool) {
	d, _ := configured(a.cfg, func(c interface {
		GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
	}) (aws.DualStackEndpointState, bool, error) {
		return c.GetUseDualStackEndpoint(ctx)
	})
	f, _ := configured(a.cfg, func(c interface {
		GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
	}) (aws.FIPSEndpointState, bool, error) {
		return c.GetUseFIPSEndpoint(ctx)
	})
	return d == aws.DualStackEndpointStateEnabled, f == aws.FIPSEndpointStateEnabled
}

// configured finds the first answer among what was read: options, environment, shared configuration. Source is what a source
// has to be to know one.
func configured[Source, Answer any](cfg aws.Config, question func(Source) (Answer, bool, error)) (answer Answer, found bool) {
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(Source); ok {
			if answer, found, err := question(s); err == nil && found {
				return answer, true
			}
		}
	}
	return answer, false
}
