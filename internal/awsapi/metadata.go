package awsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// A MetadataReport is how the instance metadata service answers on this host. What is not known is empty.
type MetadataReport struct {
	Endpoint   string        // that was asked
	Disabled   bool          // AWS_EC2_METADATA_DISABLED: nobody asks
	Answered   bool          // there is one, whatever it said
	Token      bool          // it gave a token (IMDSv2)
	TokenTook  time.Duration // until the token came, or until that was given up
	V1         bool          // it answers without a token too (IMDSv1)
	InstanceID string
	Region     string
	Hint       string // what to do; "" if all is well
}

// metadataWait is how long one answer of the metadata service may take.
const metadataWait = 2 * time.Second

const hopLimitHint = "the token does not come back over more network hops than the instance's hop limit, which is 1 unless it was " +
	"changed, and a container is one further: aws ec2 modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2"

// Metadata asks the metadata service step by step, where Instance is content with an answer. The report tells how far that
// went also if there is an error.
func (e *EC2) Metadata(ctx context.Context) (MetadataReport, error) {
	return e.probe(ctx, metadataWait)
}

func (e *EC2) probe(ctx context.Context, wait time.Duration) (MetadataReport, error) {
	r := MetadataReport{Endpoint: e.metadataEndpoint(), Disabled: e.metadataDisabled()}
	if r.Disabled {
		r.Hint = "AWS_EC2_METADATA_DISABLED is true: unset it where this is an EC2 instance"
		return r, metadataFailure(errors.New("it is switched off"))
	}
	ask := func(method, path, token string) (string, int, error) {
		return e.ask(ctx, wait, method, strings.TrimSuffix(r.Endpoint, "/")+path, token)
	}
	began := time.Now()
	token, status, lost := ask(http.MethodPut, "/latest/api/token", "")
	r.TokenTook = time.Since(began)
	r.Token = lost == nil && status == http.StatusOK && token != ""

	id, plain, silent := ask(http.MethodGet, "/latest/meta-data/instance-id", "")
	r.Answered, r.V1 = lost == nil || silent == nil, silent == nil && plain == http.StatusOK
	switch {
	case !r.Answered:
		r.Hint = "on EC2: the instance metadata service may be switched off for this instance, or a firewall or proxy stands before it " +
			"(NO_PROXY=169.254.169.254); elsewhere there is none, and none is needed"
		return r, metadataFailure(lost)
	case lost != nil:
		r.Hint = hopLimitHint
	case !r.Token:
		r.Hint = fmt.Sprintf("it answered HTTP %d when asked for a token: the instance metadata service is switched off for this instance, "+
			"or what answers is another", status)
	}
	if r.Token {
		id, plain, silent = ask(http.MethodGet, "/latest/meta-data/instance-id", token)
	}
	if silent != nil || plain != http.StatusOK {
		return r, metadataFailure(cmp.Or(silent, lost, fmt.Errorf("it answered HTTP %d when asked for the instance", plain)))
	}
	r.InstanceID = id
	if region, status, err := ask(http.MethodGet, "/latest/meta-data/placement/region", token); err == nil && status == http.StatusOK {
		r.Region = region
	}
	if !r.Token {
		return r, metadataFailure(cmp.Or(lost, errors.New("it gives no token, and is not asked without one")))
	}
	return r, nil
}

func metadataFailure(err error) error {
	return &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: fmt.Errorf("ask the instance metadata service: %w", err)}
}

// ask asks one question, with a client that repeats and remembers nothing. The metadata service is next door: an answer that
// takes longer than wait does not come.
func (e *EC2) ask(ctx context.Context, wait time.Duration, method, url, token string) (text string, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return "", 0, err
	}
	if method == http.MethodPut {
		req.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
	}
	if token != "" {
		req.Header.Set("X-Aws-Ec2-Metadata-Token", token)
	}
	res, err := e.account.cfg.HTTPClient.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return strings.TrimSpace(string(raw)), res.StatusCode, err
}

// metadataEndpoint is where the SDK asks: what the environment or the shared configuration say, else the link-local address.
func (e *EC2) metadataEndpoint() string {
	type source interface {
		GetEC2IMDSEndpoint() (string, bool, error)
	}
	if own, _ := configured(e.account.cfg, func(s source) (string, bool, error) { return s.GetEC2IMDSEndpoint() }); own != "" {
		return own
	}
	type modes interface {
		GetEC2IMDSEndpointMode() (imds.EndpointModeState, bool, error)
	}
	mode, _ := configured(e.account.cfg, func(s modes) (imds.EndpointModeState, bool, error) { return s.GetEC2IMDSEndpointMode() })
	if mode == imds.EndpointModeStateIPv6 {
		return "http://[fd00:ec2::254]"
	}
	return "http://169.254.169.254"
}

func (e *EC2) metadataDisabled() bool {
	return strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true")
}
