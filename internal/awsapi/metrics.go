package awsapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Metrics is CloudWatch.
type Metrics struct {
	client *sdk.Client
	gzip   compression
	above  int64 // the size of a body in bytes from which on it is compressed
}

// Metrics makes a client of CloudWatch. Whether and from which size on requests are compressed is said where the SDK looks
// for it; the work is done here, with a compressor that is made once: the SDK makes one for each request.
func (a Account) Metrics() *Metrics {
	m := new(Metrics)
	m.client = sdk.NewFromConfig(a.cfg, func(o *sdk.Options) {
		m.above = o.RequestMinCompressSizeBytes
		m.gzip.refused.Store(o.DisableRequestCompression)
		o.DisableRequestCompression = true
		o.Retryer = aws.NopRetryer{} // publish retries
		givenEndpoint(o.BaseEndpoint, &o.EndpointOptions.UseDualStackEndpoint)
	})
	return m
}

// PutMetricData sends a batch.
func (m *Metrics) PutMetricData(ctx context.Context, b cloudwatch.MetricBatch) error {
	in := &sdk.PutMetricDataInput{Namespace: &b.Namespace, MetricData: wireData(b.Data)}
	return classify(m.gzip.attempt(func(mayCompress bool) (compressed bool, err error) {
		body := bodies.Get().(*bytes.Buffer)
		defer bodies.Put(body)
		_, err = m.client.PutMetricData(ctx, in, func(o *sdk.Options) {
			if mayCompress {
				o.APIOptions = append(o.APIOptions, compressBody(body, m.above, &compressed))
			}
		})
		return compressed, err
	}))
}

// compressBody compresses what the SDK has made of a request into memory that is used again, and tells whether it did.
func compressBody(body *bytes.Buffer, above int64, compressed *bool) func(*middleware.Stack) error {
	return func(s *middleware.Stack) error {
		return s.Serialize.Add(middleware.SerializeMiddlewareFunc("NephoscopeCompress", func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
			req, ok := in.Request.(*smithyhttp.Request)
			if !ok {
				return middleware.SerializeOutput{}, middleware.Metadata{}, errors.New("compress request: not an HTTP request")
			}
			if size, known, err := req.StreamLength(); err != nil || !known || size < above {
				return next.HandleSerialize(ctx, in)
			}
			if err := zipInto(body, req.GetStream()); err != nil {
				return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("compress request: %w", err)
			}
			req, err := req.SetStream(bytes.NewReader(body.Bytes()))
			if err != nil {
				return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("compress request: %w", err)
			}
			req.Header.Set("Content-Encoding", "gzip")
			in.Request, *compressed = req, true
			return next.HandleSerialize(ctx, in)
		}), middleware.After)
	}
}

func zipInto(body *bytes.Buffer, from io.Reader) error {
	c := compressors.Get().(*compressor)
	defer compressors.Put(c)
	body.Reset()
	c.zip.Reset(body)
	if _, err := io.Copy(c.zip, from); err != nil {
		return err
	}
	return c.zip.Close()
}

// wireData is data as the SDK wants them. One after the other mostly have the same dimensions: they share the list.
func wireData(data []cloudwatch.Datum) []types.MetricDatum {
	var (
		wire       = make([]types.MetricDatum, len(data))
		high       = aws.Int32(int32(cloudwatch.HighResolution / time.Second))
		standard   = aws.Int32(int32(cloudwatch.StandardResolution / time.Second))
		dimensions []types.Dimension
	)
	for i := range data {
		d := &data[i]
		if i == 0 || !slices.Equal(d.Dimensions, data[i-1].Dimensions) {
			dimensions = wireDimensions(d.Dimensions)
		}
		wire[i] = wireDatum(d)
		wire[i].Dimensions = dimensions
		if wire[i].StorageResolution = standard; d.Resolution == cloudwatch.HighResolution {
			wire[i].StorageResolution = high
		}
	}
	return wire
}

func wireDimensions(dimensions []cloudwatch.Dimension) []types.Dimension {
	wire := make([]types.Dimension, len(dimensions))
	for i := range dimensions {
		wire[i] = types.Dimension{Name: &dimensions[i].Name, Value: &dimensions[i].Value}
	}
	return wire
}

func wireDatum(d *cloudwatch.Datum) types.MetricDatum {
	unit := d.Unit
	if unit == "" {
		unit = cloudwatch.None
	}
	w := types.MetricDatum{MetricName: &d.Name, Timestamp: &d.Time, Unit: types.StandardUnit(unit)}
	if len(d.Values) == 1 && (d.Counts == nil || d.Counts[0] == 1) {
		w.Value = &d.Values[0]
	} else {
		w.Values, w.Counts = d.Values, d.Counts
	}
	return w
}
