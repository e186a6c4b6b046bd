package awsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Caller is who the service takes us for.
type Caller struct{ Account, ARN string }

// Caller asks STS (GetCallerIdentity), which needs no permission. Without a region it asks the one that knows the accounts
// of all regions that are open to everybody.
func (a Account) Caller(ctx context.Context) (Caller, error) {
	const operation = "get caller identity"
	if _, err := a.retrieve(ctx); err != nil {
		return Caller{}, within(operation, err)
	}
	cfg := a.cfg.Copy()
	cfg.Region = cmp.Or(cfg.Region, anyRegion)
	out, err := newSTS(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Caller{}, within(operation, refusalOf(err))
	}
	return Caller{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}, nil
}

// Credentials says where the credentials come from, in the SDK's words, and the id of their key; the secret stays where it is.
func (a Account) Credentials(ctx context.Context) (source, keyID string, err error) {
	c, err := a.retrieve(ctx)
	if err != nil {
		return "", "", within("find credentials", err)
	}
	return c.Source, c.AccessKeyID, nil
}

// retrieve finds the credentials, which may be a question to the network. A failure is of class Denied, or of the class that
// an answer has.
func (a Account) retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := a.cfg.Credentials.Retrieve(ctx)
	if _, answered := errors.AsType[smithy.APIError](err); answered { // of STS: a role was to be assumed
		return c, within("get credentials", refusalOf(err))
	}
	if err != nil {
		return c, &cloudwatch.Failure{Class: cloudwatch.Denied, Err: fmt.Errorf("no credentials: %w (give this host a role, or put "+
			"keys into the environment or ~/.aws/credentials of the user that the agent runs as)", err)}
	}
	return c, nil
}
