package awsapi

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// compressAbove is the size of a batch in bytes from which on compressing it is worth the header and the work.
const compressAbove = 512

// Logs is CloudWatch Logs.
type Logs struct {
	client *cloudwatchlogs.Client
	gzip   compression
}

// Logs makes a client of CloudWatch Logs.
func (a Account) Logs() *Logs {
	return &Logs{client: cloudwatchlogs.NewFromConfig(a.cfg, func(o *cloudwatchlogs.Options) {
		o.Retryer = aws.NopRetryer{} // publish retries
		givenEndpoint(o.BaseEndpoint, &o.EndpointOptions.UseDualStackEndpoint)
	})}
}

// fill makes the request for a batch.
func fill(body *bytes.Buffer, stream cloudwatch.LogStream, b *cloudwatch.LogBatch, compress bool) (err error) {
	c := compressors.Get().(*compressor)
	defer compressors.Put(c)
	body.Reset()
	if !compress {
		c.scratch, err = encodeLogEvents(body, stream, b, c.scratch)
		return err
	}
	c.zip.Reset(body)
	if c.scratch, err = encodeLogEvents(c.zip, stream, b, c.scratch); err != nil {
		return err
	}
	return c.zip.Close()
}

// PutLogEvents sends a batch, which must be sorted.
func (l *Logs) PutLogEvents(ctx context.Context, stream cloudwatch.LogStream, b *cloudwatch.LogBatch) (refused cloudwatch.Refused, err error) {
	err = l.gzip.attempt(func(mayCompress bool) (compressed bool, err error) {
		compressed = mayCompress && b.Bytes() > compressAbove
		refused, err = l.put(ctx, stream, b, compressed)
		return compressed, err
	})
	return refused, classify(err)
}

func (l *Logs) put(ctx context.Context, stream cloudwatch.LogStream, b *cloudwatch.LogBatch, compress bool) (cloudwatch.Refused, error) {
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	if err := fill(body, stream, b, compress); err != nil {
		return cloudwatch.NothingRefused(), err
	}
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &stream.Group, LogStreamName: &stream.Name, LogEvents: []types.InputLogEvent{}}
	out, err := l.client.PutLogEvents(ctx, in, func(o *cloudwatchlogs.Options) {
		o.APIOptions = append(o.APIOptions, replaceBody(body.Bytes(), compress))
	})
	if err != nil {
		return cloudwatch.NothingRefused(), err
	}
	return refusedOf(out.RejectedLogEventsInfo), nil
}

// replaceBody puts our own bytes in the place of what the SDK would make of one struct per event. Endpoint, signature and
// the reading of the answer stay the SDK's.
func replaceBody(raw []byte, compressed bool) func(*middleware.Stack) error {
	return func(s *middleware.Stack) error {
		return s.Serialize.Add(middleware.SerializeMiddlewareFunc("NephoscopeBody", func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
			req, ok := in.Request.(*smithyhttp.Request)
			if !ok {
				return middleware.SerializeOutput{}, middleware.Metadata{}, errors.New("replace request body: not an HTTP request")
			}
			req, err := req.SetStream(bytes.NewReader(raw))
			if err != nil {
				return middleware.SerializeOutput{}, middleware.Metadata{}, err
			}
			if compressed {
				req.Header.Set("Content-Encoding", "gzip")
			}
			in.Request = req
			return next.HandleSerialize(ctx, in)
		}), middleware.After)
	}
}

func refusedOf(info *types.RejectedLogEventsInfo) cloudwatch.Refused {
	r := cloudwatch.NothingRefused()
	if info == nil {
		return r
	}
	for _, f := range []struct {
		to   *int
		from *int32
	}{{&r.TooNewStart, info.TooNewLogEventStartIndex}, {&r.TooOldEnd, info.TooOldLogEventEndIndex}, {&r.ExpiredEnd, info.ExpiredLogEventEndIndex}} {
		if f.from != nil {
			*f.to = int(*f.from)
		}
	}
	return r
}

// FindEvents reads a stream from the first time of a trace to its last, both included, and tells what is there; when that is
// more than most, it reads no further. It needs logs:GetLogEvents.
func (l *Logs) FindEvents(ctx context.Context, stream cloudwatch.LogStream, between cloudwatch.Trace, most int) (found cloudwatch.Trace, err error) {
	in := &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: &stream.Group, LogStreamName: &stream.Name, StartFromHead: aws.Bool(true), StartTime: &between.First, EndTime: aws.Int64(between.Last + 1), // "not included"
	}
	for {
		out, err := l.client.GetLogEvents(ctx, in)
		if err != nil {
			return found, classify(err)
		}
		for _, e := range out.Events {
			found.Note(aws.ToInt64(e.Timestamp), []byte(aws.ToString(e.Message)))
		}
		// "If you have reached the end of the stream, it returns the same token you passed in." A page may be empty before that.
		if found.Events > most || out.NextForwardToken == nil || aws.ToString(out.NextForwardToken) == aws.ToString(in.NextToken) {
			return found, nil
		}
		in.NextToken = out.NextForwardToken
	}
}

// CreateLogGroup makes the log group of a stream, in the class that it asks for.
func (l *Logs) CreateLogGroup(ctx context.Context, stream cloudwatch.LogStream) error {
	in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &stream.Group}
	if stream.Class != "" {
		in.LogGroupClass = types.LogGroupClass(strings.ToUpper(stream.Class))
	}
	_, err := l.client.CreateLogGroup(ctx, in)
	return classify(err)
}

// CreateLogStream makes the stream in its group.
func (l *Logs) CreateLogStream(ctx context.Context, stream cloudwatch.LogStream) error {
	_, err := l.client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &stream.Group, LogStreamName: &stream.Name})
	return classify(err)
}

// PutRetention makes the group keep its events as long as the stream asks for, if it does not already.
func (l *Logs) PutRetention(ctx context.Context, stream cloudwatch.LogStream) error {
	groups, err := l.client.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &stream.Group})
	if err == nil {
		for _, g := range groups.LogGroups {
			if aws.ToString(g.LogGroupName) == stream.Group && g.RetentionInDays != nil && int(*g.RetentionInDays) == stream.RetentionDays {
				return nil
			}
		}
	}
	_, err = l.client.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &stream.Group, RetentionInDays: aws.Int32(int32(stream.RetentionDays))})
	return classify(err)
}
