package awsapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	metrictypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Probes ask whether an action is permitted, and change nothing: each is a request that the service can only refuse. Who may
// not do a thing is told so; who may is told that what it was to be done to does not exist, or makes no sense.

// Answer is what a probe came to.
type Answer string

const (
	Permitted Answer = "permitted"
	Forbidden Answer = "forbidden" // by a policy
	Unclear   Answer = "unclear"   // Probed.Err says why
)

// Probed is what the service said to a probe.
type Probed struct {
	Answer  Answer
	NoGroup bool  // the log group does not exist
	Err     error // the service's words; nil if it took the request, as it does where nothing is written
}

// errTaken is that a service carried out what CloudWatch refuses.
var errTaken = errors.New("the service took a request that CloudWatch refuses; is this CloudWatch?")

// beside is the name of something that nobody has made: 130 random bits say so.
func beside(name string) string { return name + "-nephoscope-doctor-" + rand.Text() }

// Expiry is until when the credentials are valid; zero: without end, as those of a user are.
func (a Account) Expiry(ctx context.Context) (time.Time, error) {
	c, err := a.cfg.Credentials.Retrieve(ctx)
	if err != nil || !c.CanExpire {
		return time.Time{}, err
	}
	return c.Expires, nil
}

// Endpoint is where the requests of a service (logs, monitoring, sts or ec2) go to, by the rules of the SDK.
func (a Account) Endpoint(ctx context.Context, service string) (url.URL, error) {
	switch service {
	case "logs":
		o := cloudwatchlogs.NewFromConfig(a.cfg).Options()
		p := cloudwatchlogs.EndpointParameters{Region: aws.String(o.Region), UseDualStack: dualStack(o.EndpointOptions.UseDualStackEndpoint), UseFIPS: fips(o.EndpointOptions.UseFIPSEndpoint), Endpoint: o.BaseEndpoint}
		found, err := o.EndpointResolverV2.ResolveEndpoint(ctx, p)
		return found.URI, err
	case "monitoring":
		o := sdk.NewFromConfig(a.cfg).Options()
		p := sdk.EndpointParameters{Region: aws.String(o.Region), UseDualStack: dualStack(o.EndpointOptions.UseDualStackEndpoint), UseFIPS: fips(o.EndpointOptions.UseFIPSEndpoint), Endpoint: o.BaseEndpoint}
		found, err := o.EndpointResolverV2.ResolveEndpoint(ctx, p)
		return found.URI, err
	case "sts":
		o := sts.NewFromConfig(a.cfg).Options()
		p := sts.EndpointParameters{Region: aws.String(o.Region), UseDualStack: dualStack(o.EndpointOptions.UseDualStackEndpoint), UseFIPS: fips(o.EndpointOptions.UseFIPSEndpoint), Endpoint: o.BaseEndpoint, UseGlobalEndpoint: aws.Bool(false)}
		found, err := o.EndpointResolverV2.ResolveEndpoint(ctx, p)
		return found.URI, err
	case "ec2":
		at, err := a.endpoint(ctx, ec2Service, a.cfg.Region)
		if err != nil {
			return url.URL{}, err
		}
		u, err := url.Parse(at)
		if err != nil {
			return url.URL{}, fmt.Errorf("find endpoint: %w", err)
		}
		return *u, nil
	}
	return url.URL{}, fmt.Errorf("find endpoint: there is no service %q here", service)
}

func dualStack(s aws.DualStackEndpointState) *bool {
	return aws.Bool(s == aws.DualStackEndpointStateEnabled)
}

func fips(s aws.FIPSEndpointState) *bool { return aws.Bool(s == aws.FIPSEndpointStateEnabled) }

// ProbePutLogEvents asks for logs:PutLogEvents on a log group that may well exist. Nothing is written: events go into a
// stream that exists (PutLogEvents has not made one in any version of its API), and the stream that is named here does not.
func (a Account) ProbePutLogEvents(ctx context.Context, group string) Probed {
	_, err := a.Logs().client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: &group, LogStreamName: aws.String(beside("none")),
		LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String("nephoscope doctor: may this be written?")}},
	})
	return notFoundMeansPermitted(err)
}

// ProbeGetLogEvents asks for logs:GetLogEvents on a log group. It reads a stream that does not exist.
func (a Account) ProbeGetLogEvents(ctx context.Context, group string) Probed {
	_, err := a.Logs().client.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: aws.String(beside("none")), Limit: aws.Int32(1)})
	return notFoundMeansPermitted(err)
}

// ProbeCreateLogStream asks for logs:CreateLogStream. In the group itself it would make a stream; so it names a group whose
// name only begins like that one, which a policy for group* covers and one for the group alone does not.
func (a Account) ProbeCreateLogStream(ctx context.Context, group string) Probed {
	_, err := a.Logs().client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String(nameBeside(group)), LogStreamName: aws.String("none")})
	return notFoundMeansPermitted(err)
}

// ProbePutRetentionPolicy asks for logs:PutRetentionPolicy, on a name beside the group's for the same reason.
func (a Account) ProbePutRetentionPolicy(ctx context.Context, group string) Probed {
	_, err := a.Logs().client.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String(nameBeside(group)), RetentionInDays: aws.Int32(1)})
	return notFoundMeansPermitted(err)
}

// nameBeside keeps within the 512 characters that the name of a log group may have.
func nameBeside(group string) string { return beside(group[:min(len(group), 400)]) }

// ProbeDescribeLogGroups asks for logs:DescribeLogGroups, which reads.
func (a Account) ProbeDescribeLogGroups(ctx context.Context, group string) Probed {
	_, err := a.Logs().client.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group, Limit: aws.Int32(1)})
	return probed(err)
}

// ProbePutMetricData asks for cloudwatch:PutMetricData in a namespace, which a policy may be about. Its one datum is wrong
// twice over: it has a value as well as statistics ("mutually exclusive"), and a time that is decades past the two weeks for
// which CloudWatch takes data. One such datum has the whole request refused, so that nothing can be stored. Neither is a
// mistake of form, about which the service could complain before it asks who we are.
func (a Account) ProbePutMetricData(ctx context.Context, namespace string) Probed {
	one := aws.Float64(1)
	_, err := a.Metrics().client.PutMetricData(ctx, &sdk.PutMetricDataInput{Namespace: &namespace, MetricData: []metrictypes.MetricDatum{{
		MetricName: aws.String("nephoscope-doctor"), Timestamp: aws.Time(time.Unix(1, 0)), Value: one,
		StatisticValues: &metrictypes.StatisticSet{SampleCount: one, Sum: one, Minimum: one, Maximum: one},
	}}})
	if err == nil {
		return Probed{Unclear, false, errTaken}
	}
	if p := probed(err); p.Answer == Forbidden || cloudwatch.ClassOf(classify(err)) != cloudwatch.Invalid {
		return p
	}
	return Probed{Permitted, false, err}
}

// ProbeDescribeTags asks for ec2:DescribeTags, which reads: the tags of an instance that cannot exist.
func (a Account) ProbeDescribeTags(ctx context.Context, region string) Probed {
	_, err := a.EC2().describeTag(ctx, Instance{ID: "i-00000000000000000", Region: region}, groupTag)
	return probed(err)
}

// ProbeDescribeVolumes asks for ec2:DescribeVolumes, which reads: the volumes of an instance that cannot exist.
func (a Account) ProbeDescribeVolumes(ctx context.Context, region string) Probed {
	_, err := a.EC2().Volumes(ctx, Instance{ID: "i-00000000000000000", Region: region})
	return probed(err)
}

// notFoundMeansPermitted judges the answer to a request about something that does not exist.
func notFoundMeansPermitted(err error) Probed {
	missing, ok := errors.AsType[*types.ResourceNotFoundException](err)
	if !ok {
		p := probed(err)
		if err == nil {
			p = Probed{Unclear, false, errTaken}
		}
		return p
	}
	// "The specified log group does not exist." or "The specified log stream does not exist."
	return Probed{Permitted, missing.ErrorMessage() == noGroup, err}
}

const noGroup = "The specified log group does not exist."

// probed judges an answer. Whoever the service does not know is not forbidden anything: that is a matter of credentials.
func probed(err error) Probed {
	if err == nil {
		return Probed{Answer: Permitted}
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "AccessDenied", "AccessDeniedException", "NotAuthorized", "NotAuthorizedException", "UnauthorizedOperation":
			return Probed{Forbidden, false, err}
		}
	}
	return Probed{Unclear, false, err}
}
