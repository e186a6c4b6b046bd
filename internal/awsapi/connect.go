// Package awsapi speaks to AWS: the only importer of the SDK. It turns what it is given into requests and what goes wrong
// into a cloudwatch.Failure with a class; it retries nothing and remembers nothing.
package awsapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Options say how to reach the service and as whom. What is empty is found out by the SDK's default chain.
type Options struct {
	Region          string
	Profile         string // of the shared configuration
	ProfileOptional bool   // if there is no such profile, go on as if none had been named
	CredentialsFile string // instead of ~/.aws/credentials
	KeyID           string // an access key, instead of all other credentials
	Secret          string // of KeyID
	Token           string // of a session, if KeyID is of one
	CABundle        string // a file of certificates to trust besides the system's
	RoleARN         string // to assume with the credentials found
	Endpoint        string // URL; "": AWS_ENDPOINT_URL_*, else the region's
	DualStack       bool   // ask the endpoints that have IPv4 and IPv6 addresses, where none is given by hand
	IMDSRetries     *int   // how often a question to the instance metadata service is repeated; nil: once
	UserAgent       string
	// Proxy says which proxy a request goes by, nil for none. Without it Go's own decides, which reads the environment once in
	// the life of a process.
	Proxy func(*http.Request) (*url.URL, error)
}

// Account is AWS as one section of the configuration sees it: credentials, region and endpoint.
type Account struct {
	cfg       aws.Config
	userAgent string
}

// Open reads credentials and region the way the SDK does, without asking the network for either.
func Open(ctx context.Context, o Options) (Account, error) {
	cfg, err := load(ctx, o)
	return Account{cfg, o.UserAgent}, err
}

// Region is what the options, the environment or the shared configuration say; "" if none does.
func (a Account) Region() string { return a.cfg.Region }

func load(ctx context.Context, o Options) (aws.Config, error) {
	set := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(keepConnections, o.byProxy)),
		config.WithRetryer(metadataRetryer(o.IMDSRetries)), // of who asks for credentials and metadata alone; publish retries the rest
		config.WithAPIOptions([]func(*middleware.Stack) error{agentHeader(o.UserAgent)}),
	}
	if o.Region != "" {
		set = append(set, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		set = append(set, config.WithSharedConfigProfile(o.Profile))
	}
	if o.CredentialsFile != "" {
		set = append(set, config.WithSharedCredentialsFiles([]string{o.CredentialsFile}))
	}
	if o.KeyID != "" || o.Secret != "" {
		set = append(set, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.KeyID, o.Secret, o.Token)))
	}
	if o.DualStack {
		set = append(set, config.WithUseDualStackEndpoint(aws.DualStackEndpointStateEnabled))
	}
	if o.CABundle != "" {
		pem, err := os.ReadFile(o.CABundle)
		if err != nil {
			return aws.Config{}, fmt.Errorf("read CA bundle: %w", err)
		}
		set = append(set, config.WithCustomCABundle(bytes.NewReader(pem)))
	}
	cfg, err := config.LoadDefaultConfig(ctx, set...)
	if _, missing := errors.AsType[config.SharedConfigProfileNotExistError](err); missing && o.ProfileOptional {
		name := o.Profile
		o.Profile, o.ProfileOptional = "", false // AWS_PROFILE may name one that is missing too
		cfg, err := load(ctx, o)
		if err == nil {
			cfg.Credentials = instead{cfg.Credentials, name}
		}
		return cfg, err
	}
	if err != nil {
		return aws.Config{}, fmt.Errorf("read AWS configuration: %w", err)
	}
	if o.RoleARN != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(newSTS(cfg), o.RoleARN))
	}
	if o.Endpoint != "" {
		cfg.BaseEndpoint = aws.String(o.Endpoint)
	}
	return cfg, nil
}

// instead are credentials that stand in for a profile that does not exist: if there are none either, the profile is what
// whoever reads the error has to make.
type instead struct {
	aws.CredentialsProvider
	profile string
}

func (i instead) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := i.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		err = fmt.Errorf("there is no profile %s, and no other credentials are found: %w", i.profile, err)
	}
	return c, err
}

// metadataRetryer repeats a question that was not answered. The instance metadata service is next door: it answers soon or
// not at all.
func metadataRetryer(retries *int) func() aws.Retryer {
	attempts := 2
	if retries != nil {
		attempts = 1 + max(0, *retries)
	}
	return func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = attempts, 200*time.Millisecond
		})
	}
}

// newSTS makes a client of the token service, which is asked once: whoever asked decides about asking again.
func newSTS(cfg aws.Config) *sts.Client {
	return sts.NewFromConfig(cfg, func(o *sts.Options) {
		o.Retryer = aws.NopRetryer{}
		givenEndpoint(o.BaseEndpoint, &o.EndpointOptions.UseDualStackEndpoint)
	})
}

// givenEndpoint keeps an endpoint that was given by hand as it is: the SDK would refuse to look for one with both kinds of
// addresses then.
func givenEndpoint(given *string, dualStack *aws.DualStackEndpointState) {
	if given != nil {
		*dualStack = aws.DualStackEndpointStateDisabled
	}
}

// keepConnections keeps every connection for the next request. There is but one host, and the SDK would keep ten: of sixteen
// lanes that send at once, six would shake hands anew each time.
func keepConnections(t *http.Transport) { t.MaxIdleConnsPerHost = t.MaxIdleConns }

// anyRegion is one that everybody knows.
const anyRegion = "us-east-1"

func (o Options) byProxy(t *http.Transport) {
	if o.Proxy != nil {
		t.Proxy = o.Proxy
	}
}

// FallbackRegion is what requests are signed with when the endpoint was given by hand and no region is known anywhere; ""
// if it was not.
func (a Account) FallbackRegion() string {
	if a.cfg.BaseEndpoint != nil {
		return anyRegion
	}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"} {
		if os.Getenv(name) != "" {
			return anyRegion
		}
	}
	return ""
}

// agentHeader puts the agent's name before the SDK's in User-Agent.
func agentHeader(name string) func(*middleware.Stack) error {
	return func(s *middleware.Stack) error {
		if name == "" {
			return nil
		}
		return s.Build.Add(middleware.BuildMiddlewareFunc("NephoscopeUserAgent", func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
			if req, ok := in.Request.(*smithyhttp.Request); ok {
				req.Header.Set("User-Agent", name+" "+req.Header.Get("User-Agent"))
			}
			return next.HandleBuild(ctx, in)
		}), middleware.After)
	}
}
