package awsapi

import (
	"bytes"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
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
	return classify(m.gzip.attempt(func(mayCompress bool) (compressed bool, err error) {
		body := bodies.Get().(*bytes.Buffer)
		defer bodies.Put(body)
		if compressed, err = m.fill(body, b, mayCompress); err != nil {
			return false, err
		}
		_, err = m.client.PutMetricData(ctx, &sdk.PutMetricDataInput{Namespace: &b.Namespace}, func(o *sdk.Options) {
			o.APIOptions = append(o.APIOptions, replaceBody(body.Bytes(), compressed))
		})
		return compressed, err
	}))
}

// fill makes the request for a batch, in memory that is used again, and tells whether it is compressed.
func (m *Metrics) fill(body *bytes.Buffer, b cloudwatch.MetricBatch, mayCompress bool) (compressed bool, err error) {
	c := compressors.Get().(*compressor)
	defer compressors.Put(c)
	body.Reset()
	c.scratch = appendMetricBatch(c.scratch[:0], b)
	if !mayCompress || int64(len(c.scratch)) < m.above {
		_, err = body.Write(c.scratch)
		return false, err
	}
	c.zip.Reset(body)
	if _, err := c.zip.Write(c.scratch); err != nil {
		return false, fmt.Errorf("compress request: %w", err)
	}
	return true, c.zip.Close()
}
