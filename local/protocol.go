package local

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// A protocol is one way of writing a call and its answer. CloudWatch speaks three of them and
// means the same by each.
type protocol interface {
	// decode reads a request's body into an input shape.
	decode(c *call, into any) error
	// succeed writes an output shape.
	succeed(w http.ResponseWriter, c *call, out any) error
	// fail writes an error, with its status.
	fail(w http.ResponseWriter, c *call, e *apiError)
}

// A call is one request of an API and what came of it.
type call struct {
	service   string // "cloudwatch", "logs", "ssm", "ec2" or "sts"
	operation string // such as "PutMetricData"
	protocol  protocol
	region    string // that the client signed for
	session   string // token of the credentials that the client signed with
	requestID string
	version   string // of JSON ("1.0", "1.1"), so that the answer is in the same

	body   []byte // inflated
	form   *form  // the body's tree, in the Query protocol
	posted int    // bytes of body on the wire

	// What the operation found, for the agents' view.
	events   int            // accepted log events
	data     int            // accepted metric data
	rejected map[string]int // events that were left out of an accepted batch, by reason
}

// reject counts n events that are left out for a reason.
func (c *call) reject(reason string, n int) {
	if n <= 0 {
		return
	}
	if c.rejected == nil {
		c.rejected = make(map[string]int)
	}
	c.rejected[reason] += n
}

// A handler answers one operation: it decodes, checks, acts, and returns the output shape.
type handler func(ctx context.Context, c *call) (any, error)

// handle makes a handler of a function over an operation's own shapes.
func handle[In, Out any](serve func(context.Context, *call, *In) (*Out, error)) handler {
	return func(ctx context.Context, c *call) (any, error) {
		in := new(In)
		if err := c.protocol.decode(c, in); err != nil {
			var refused *apiError
			if errors.As(err, &refused) {
				return nil, refused
			}
			return nil, malformed(c, err)
		}
		out, err := serve(ctx, c, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

// malformed is the answer to a body that is not what its protocol says.
func malformed(c *call, err error) *apiError {
	if _, query := c.protocol.(queryProtocol); query {
		return refuse(http.StatusBadRequest, "MalformedInput", "%v", err)
	}
	return refuse(http.StatusBadRequest, "SerializationException", "%v", err)
}

// nothing is the output of an operation that answers with its status alone.
type nothing struct{}

// operations names everything that is answered, by service and operation.
func (s *Server) operations() map[string]handler {
	return map[string]handler{
		"cloudwatch.PutMetricData":       handle(s.putMetricData),
		"cloudwatch.ListMetrics":         handle(s.listMetrics),
		"cloudwatch.GetMetricStatistics": handle(s.getMetricStatistics),
		"cloudwatch.GetMetricData":       handle(s.getMetricData),

		"logs.CreateLogGroup":        handle(s.createLogGroup),
		"logs.DeleteLogGroup":        handle(s.deleteLogGroup),
		"logs.DescribeLogGroups":     handle(s.describeLogGroups),
		"logs.PutRetentionPolicy":    handle(s.putRetentionPolicy),
		"logs.DeleteRetentionPolicy": handle(s.deleteRetentionPolicy),
		"logs.CreateLogStream":       handle(s.createLogStream),
		"logs.DeleteLogStream":       handle(s.deleteLogStream),
		"logs.DescribeLogStreams":    handle(s.describeLogStreams),
		"logs.PutLogEvents":          handle(s.putLogEvents),
		"logs.GetLogEvents":          handle(s.getLogEvents),
		"logs.FilterLogEvents":       handle(s.filterLogEvents),

		"ec2.DescribeTags":      handle(s.describeTags),
		"ec2.DescribeVolumes":   handle(s.describeVolumes),
		"sts.GetCallerIdentity": handle(s.getCallerIdentity),
		"sts.AssumeRole":        handle(s.assumeRole),

		"ssm.PutParameter":        handle(s.putParameter),
		"ssm.GetParameter":        handle(s.getParameter),
		"ssm.GetParameters":       handle(s.getParameters),
		"ssm.GetParametersByPath": handle(s.getParametersByPath),
		"ssm.DescribeParameters":  handle(s.describeParameters),
		"ssm.DeleteParameter":     handle(s.deleteParameter),
	}
}

// identify tells which call a request is, or nil when it is none of an API's: then it is the
// console's.
func identify(r *http.Request) *call {
	if r.Method != http.MethodPost {
		return nil
	}
	if service, operation, ok := cborOperation(r.URL.Path); ok {
		return &call{service: service, operation: operation, protocol: cborProtocol{}}
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		service, operation := jsonOperation(target)
		version := "1.1"
		if strings.Contains(r.Header.Get("Content-Type"), "json-1.0") {
			version = "1.0"
		}
		return &call{service: service, operation: operation, protocol: jsonProtocol{}, version: version}
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && r.URL.Path == "/" {
		return &call{protocol: queryProtocol{}} // the operation is in the body
	}
	return nil
}

// signedFor reads the region out of a signature, "" when the request has none.
// Form: AWS4-HMAC-SHA256 Credential=KEY/20261120/us-east-1/monitoring/aws4_request, SignedHeaders=…
func signedFor(authorization string) string {
	if !strings.HasPrefix(authorization, "AWS4-") {
		return ""
	}
	_, credential, _ := strings.Cut(authorization, "Credential=")
	credential, _, _ = strings.Cut(credential, ",")
	parts := strings.Split(credential, "/")
	if len(parts) < 5 {
		return ""
	}
	return parts[len(parts)-3]
}
