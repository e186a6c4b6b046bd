package awsapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Metrics is CloudWatch.
type Metrics struct{ client *sdk.Client }

// Metrics makes a client of CloudWatch.
func (a Account) Metrics() *Metrics { return &Metrics{sdk.NewFromConfig(a.cfg)} }

// PutMetricData sends a batch.
func (m *Metrics) PutMetricData(ctx context.Context, b cloudwatch.MetricBatch) error {
	in := &sdk.PutMetricDataInput{Namespace: &b.Namespace, MetricData: make([]types.MetricDatum, len(b.Data))}
	for i := range b.Data {
		in.MetricData[i] = wireDatum(&b.Data[i])
	}
	_, err := m.client.PutMetricData(ctx, in)
	return classify(err)
}

func wireDatum(d *cloudwatch.Datum) types.MetricDatum {
	unit := d.Unit
	if unit == "" {
		unit = cloudwatch.None
	}
	w := types.MetricDatum{
		MetricName:        &d.Name,
		Timestamp:         &d.Time,
		Unit:              types.StandardUnit(unit),
		StorageResolution: aws.Int32(int32(d.Resolution.Seconds())),
		Dimensions:        make([]types.Dimension, len(d.Dimensions)),
	}
	for i := range d.Dimensions {
		w.Dimensions[i] = types.Dimension{Name: &d.Dimensions[i].Name, Value: &d.Dimensions[i].Value}
	}
	if len(d.Values) == 1 && (d.Counts == nil || d.Counts[0] == 1) {
		w.Value = &d.Values[0]
	} else {
		w.Values, w.Counts = d.Values, d.Counts
	}
	return w
}
