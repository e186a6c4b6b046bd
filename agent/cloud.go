package agent

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/publish"
)

// Cloud is the way to AWS. Connecting asks the network for nothing.
type Cloud interface {
	// Region is what the environment and the shared configuration say; "" if they say nothing. An endpoint that was named
	// by hand works with any region: that is fallback.
	Region(ctx context.Context, d Destination) (region, fallback string, err error)
	Logs(ctx context.Context, d Destination) (publish.LogsAPI, error)
	Metrics(ctx context.Context, d Destination) (publish.MetricsAPI, error)
	// Instance asks the metadata service who this host is. AutoScalingGroup is "" for an instance that is in none.
	Instance(ctx context.Context) (Instance, error)
	AutoScalingGroup(ctx context.Context, i Instance, d Destination) (string, error)
	// Volumes are the EBS volumes that are attached to an instance: ids by device, as EC2 names it.
	Volumes(ctx context.Context, i Instance, d Destination) (map[string]string, error)
}

// Destination is which service to speak to, and as whom.
type Destination struct {
	Region, Endpoint, RoleARN string
	UserAgent                 string // added to ours
	DualStack                 bool   // ask endpoints that answer over IPv6 too
}

// DestinationOf is where a section of the configuration sends, with an endpoint and role of its own if it has them.
func DestinationOf(a config.Agent, endpoint, role string) Destination {
	return Destination{Region: a.Region, Endpoint: endpoint, RoleARN: role, UserAgent: a.UserAgent, DualStack: a.DualStack}
}

// Instance is the EC2 instance that this host is.
type Instance struct {
	ID, Type, ImageID, Region, AccountID, PrivateIP string
	Hostname                                        string // as EC2 knows it
}

// connection connects when it is first used: until then the region may not be known.
type connection[API any] struct {
	dest    Destination
	region  func(context.Context, Destination) (string, error)
	connect func(context.Context, Destination) (API, error)
	renewed *atomic.Int64 // connections that were opened at another number are out of date

	mu     sync.Mutex
	api    *API
	opened time.Time
	number int64
}

// renewAfter is how old a connection has to be when it is denied something to be made anew.
const renewAfter = 10 * time.Second

func (c *connection[API]) get(ctx context.Context) (api API, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	number := c.renewed.Load()
	if c.api != nil && c.number == number {
		return *c.api, nil
	}
	dest := c.dest
	if dest.Region, err = c.region(ctx, dest); err == nil {
		api, err = c.connect(ctx, dest)
	}
	if err != nil {
		return api, &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: err}
	}
	c.api, c.opened, c.number = &api, time.Now(), number
	return api, nil
}

// learn has the next request connect anew if this one was denied: credentials that stand in a file are read only then, and
// somebody may have renewed them.
func (c *connection[API]) learn(err error) error {
	if err == nil || cloudwatch.ClassOf(err) != cloudwatch.Denied {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.opened) >= renewAfter {
		c.api = nil
	}
	return err
}

var errNoRegion = errors.New("the region is not known: set agent.region in the configuration, or AWS_REGION")

// lateLogs and lateMetrics connect at the first request. A failure to connect is one of the request, and is repeated like
// every other.
type lateLogs struct{ connection[publish.LogsAPI] }

func (l *lateLogs) PutLogEvents(ctx context.Context, s cloudwatch.LogStream, b *cloudwatch.LogBatch) (cloudwatch.Refused, error) {
	api, err := l.get(ctx)
	if err != nil {
		return cloudwatch.NothingRefused(), err
	}
	refused, err := api.PutLogEvents(ctx, s, b)
	return refused, l.learn(err)
}

func (l *lateLogs) CreateLogGroup(ctx context.Context, s cloudwatch.LogStream) error {
	return l.do(ctx, func(api publish.LogsAPI) error { return api.CreateLogGroup(ctx, s) })
}

func (l *lateLogs) CreateLogStream(ctx context.Context, s cloudwatch.LogStream) error {
	return l.do(ctx, func(api publish.LogsAPI) error { return api.CreateLogStream(ctx, s) })
}

func (l *lateLogs) PutRetention(ctx context.Context, s cloudwatch.LogStream) error {
	return l.do(ctx, func(api publish.LogsAPI) error { return api.PutRetention(ctx, s) })
}

func (l *lateLogs) FindEvents(ctx context.Context, s cloudwatch.LogStream, between cloudwatch.Trace, most int) (cloudwatch.Trace, error) {
	api, err := l.get(ctx)
	if err != nil {
		return cloudwatch.Trace{}, err
	}
	found, err := api.FindEvents(ctx, s, between, most)
	return found, l.learn(err)
}

func (c *connection[API]) do(ctx context.Context, request func(API) error) error {
	api, err := c.get(ctx)
	if err != nil {
		return err
	}
	return c.learn(request(api))
}

type lateMetrics struct{ connection[publish.MetricsAPI] }

func (m *lateMetrics) PutMetricData(ctx context.Context, b cloudwatch.MetricBatch) error {
	return m.do(ctx, func(api publish.MetricsAPI) error { return api.PutMetricData(ctx, b) })
}
