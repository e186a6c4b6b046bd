package local_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"

	"github.com/nephoscope/nephoscope/local"
)

func awsConfig(url string) aws.Config {
	return aws.Config{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func logsClient(url string) *cloudwatchlogs.Client {
	return cloudwatchlogs.NewFromConfig(awsConfig(url))
}

// metricsClients are the AWS SDK's client in each protocol that CloudWatch metrics speak.
func metricsClients(url string) map[string]*cloudwatch.Client {
	config := awsConfig(url)
	return map[string]*cloudwatch.Client{
		"CBOR": cloudwatch.NewFromConfig(config),
		"JSON": cloudwatch.NewFromConfig(config, func(o *cloudwatch.Options) {
			o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801)
		}),
		"Query": cloudwatch.NewFromConfig(config, func(o *cloudwatch.Options) {
			o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
		}),
	}
}

func code(err error) string {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode()
	}
	return fmt.Sprintf("no API error: %v", err)
}

func TestTheSDKReadsBackTheMetricsItPut(t *testing.T) {
	for _, name := range []string{"CBOR", "JSON", "Query"} {
		t.Run(name, func(t *testing.T) {
			s := atNoon()
			metricsRoundTrip(t, metricsClients(serve(t, s))[name])
		})
	}
}

func metricsRoundTrip(t *testing.T, client *cloudwatch.Client) {
	ctx := context.Background()
	dimensions := []cwtypes.Dimension{{Name: aws.String("host"), Value: aws.String("a&b <c>")}, {Name: aws.String("cpu"), Value: aws.String("cpu0")}}
	at := noon().Add(-10 * time.Minute)
	_, err := client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("CWAgent"), MetricData: []cwtypes.MetricDatum{
		{MetricName: aws.String("cpu"), Dimensions: dimensions, Timestamp: &at, Unit: cwtypes.StandardUnitPercent,
			Values: []float64{1, 2, 3, 100}, Counts: []float64{50, 40, 9, 1}},
		{MetricName: aws.String("fast"), Timestamp: aws.Time(at.Add(7 * time.Second)), Value: aws.Float64(5), StorageResolution: aws.Int32(1)},
		{MetricName: aws.String("set"), Timestamp: &at, StatisticValues: &cwtypes.StatisticSet{SampleCount: aws.Float64(4),
			Sum: aws.Float64(20), Minimum: aws.Float64(2), Maximum: aws.Float64(9)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	listed, err := client.ListMetrics(ctx, &cloudwatch.ListMetricsInput{Namespace: aws.String("CWAgent"),
		Dimensions: []cwtypes.DimensionFilter{{Name: aws.String("host"), Value: aws.String("a&b <c>")}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(listed.Metrics) != 1 || *listed.Metrics[0].MetricName != "cpu" || *listed.Metrics[0].Dimensions[1].Value != "a&b <c>" {
		t.Errorf("listed: %+v", listed.Metrics)
	}
	statistics := &cloudwatch.GetMetricStatisticsInput{Namespace: aws.String("CWAgent"), MetricName: aws.String("cpu"),
		Dimensions: dimensions, StartTime: aws.Time(noon().Add(-time.Hour)), EndTime: aws.Time(noon()), Period: aws.Int32(300)}
	statistics.Statistics = []cwtypes.Statistic{"Average", "Minimum", "Maximum", "Sum", "SampleCount"}
	got, err := client.GetMetricStatistics(ctx, statistics)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Datapoints) != 1 {
		t.Fatalf("datapoints: %+v", got.Datapoints)
	}
	p := got.Datapoints[0]
	if *p.Sum != 257 || *p.SampleCount != 100 || *p.Average != 2.57 || *p.Minimum != 1 || *p.Maximum != 100 || p.Unit != "Percent" || !p.Timestamp.Equal(at) {
		t.Errorf("statistics: %v %v %v %v %v %v %v", *p.Sum, *p.SampleCount, *p.Average, *p.Minimum, *p.Maximum, p.Unit, p.Timestamp)
	}
	statistics.Statistics, statistics.ExtendedStatistics = nil, []string{"p50", "p90", "p99", "p100"}
	got, err = client.GetMetricStatistics(ctx, statistics)
	if err != nil {
		t.Fatal(err)
	}
	if e := got.Datapoints[0].ExtendedStatistics; e["p50"] != 1 || e["p90"] != 2 || e["p99"] != 3 || e["p100"] != 100 {
		t.Errorf("percentiles: %v", e)
	}
	metricDataRoundTrip(t, client, dimensions)

	_, err = client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("AWS/EC2"), MetricData: []cwtypes.MetricDatum{
		{MetricName: aws.String("m"), Value: aws.Float64(1)}}})
	var invalid *cwtypes.InvalidParameterValueException
	if code(err) != "InvalidParameterValue" && !errors.As(err, &invalid) {
		t.Errorf("a reserved namespace: %v", err)
	}
}

func metricDataRoundTrip(t *testing.T, client *cloudwatch.Client, dimensions []cwtypes.Dimension) {
	t.Helper()
	ctx := context.Background()
	query := func(id, metric, stat string, dimensions []cwtypes.Dimension) cwtypes.MetricDataQuery {
		return cwtypes.MetricDataQuery{Id: &id, MetricStat: &cwtypes.MetricStat{Stat: &stat, Period: aws.Int32(60),
			Metric: &cwtypes.Metric{Namespace: aws.String("CWAgent"), MetricName: &metric, Dimensions: dimensions}}}
	}
	input := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(noon().Add(-time.Hour)), EndTime: aws.Time(noon()),
		MetricDataQueries: []cwtypes.MetricDataQuery{query("a", "cpu", "p99", dimensions), query("b", "fast", "Sum", nil),
			query("c", "set", "Average", nil), query("d", "set", "p50", nil), query("e", "nothing", "Sum", nil)}}
	got, err := client.GetMetricData(ctx, input)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float64{"a": {3}, "b": {5}, "c": {5}, "d": {}, "e": {}} // a statistic set has no percentiles
	for _, r := range got.MetricDataResults {
		if fmt.Sprint(r.Values) != fmt.Sprint(want[*r.Id]) || len(r.Timestamps) != len(r.Values) || r.StatusCode != "Complete" {
			t.Errorf("%s: %v %v %v", *r.Id, r.Values, r.Timestamps, r.StatusCode)
		}
	}
	input.MetricDataQueries = []cwtypes.MetricDataQuery{{Id: aws.String("x"), Expression: aws.String("SEARCH('{CWAgent}', 'Sum', 60)")}}
	if _, err := client.GetMetricData(ctx, input); !strings.HasPrefix(code(err), "Validation") || !strings.Contains(err.Error(), "not supported") {
		t.Errorf("metric math: %v", err)
	}
}

func TestTheSDKCompressesALargePut(t *testing.T) {
	for _, name := range []string{"CBOR", "JSON", "Query"} {
		t.Run(name, func(t *testing.T) {
			s := atNoon()
			client := metricsClients(serve(t, s))[name]
			input := &cloudwatch.PutMetricDataInput{Namespace: aws.String("N")}
			for i := range 1000 {
				input.MetricData = append(input.MetricData, cwtypes.MetricDatum{MetricName: aws.String("m"), Value: aws.Float64(float64(i)),
					Dimensions: []cwtypes.Dimension{{Name: aws.String("i"), Value: aws.String(fmt.Sprint(i))}}})
			}
			if _, err := client.PutMetricData(context.Background(), input); err != nil {
				t.Fatal(err)
			}
			if clients := s.Clients(); clients[0].Data != 1000 || clients[0].Bytes > 60_000 {
				t.Errorf("data %d in %d bytes, want 1000 in a compressed body", clients[0].Data, clients[0].Bytes)
			}
			listed, pages := 0, 0
			for pager := cloudwatch.NewListMetricsPaginator(client, &cloudwatch.ListMetricsInput{}); pager.HasMorePages(); pages++ {
				page, err := pager.NextPage(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				listed += len(page.Metrics)
			}
			if listed != 1000 || pages != 2 {
				t.Errorf("listed %d metrics in %d pages, want 1000 in 2", listed, pages)
			}
		})
	}
}

func TestTheSDKReadsBackTheEventsItPut(t *testing.T) {
	ctx := context.Background()
	s := atNoon()
	client := logsClient(serve(t, s))
	group, stream := aws.String("/var/log/messages"), aws.String("i-0123")
	put := &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream}
	for i := range 25 {
		put.LogEvents = append(put.LogEvents, logtypes.InputLogEvent{Message: aws.String(fmt.Sprintf("line %d é\t\"quoted\" <b>", i)),
			Timestamp: aws.Int64(noon().Add(time.Duration(i) * time.Second).UnixMilli())})
	}
	_, err := client.PutLogEvents(ctx, put)
	var missing *logtypes.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Fatalf("put into a group that is missing: %v", err)
	}
	if _, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group, LogGroupClass: "INFREQUENT_ACCESS"}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutLogEvents(ctx, put); !errors.As(err, &missing) {
		t.Fatalf("put into a stream that is missing: %v", err)
	}
	if _, err := client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
		t.Fatal(err)
	}
	if out, err := client.PutLogEvents(ctx, put); err != nil || out.RejectedLogEventsInfo != nil {
		t.Fatalf("put: %v %v", out, err)
	}

	// Forward in pages of 10, then what the end answers.
	get := &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, StartFromHead: aws.Bool(true), Limit: aws.Int32(10)}
	var lines []string
	for {
		page, err := client.GetLogEvents(ctx, get)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			lines = append(lines, *e.Message)
		}
		if get.NextToken != nil && *get.NextToken == *page.NextForwardToken {
			break
		}
		get.NextToken = page.NextForwardToken
	}
	if len(lines) != 25 || lines[0] != *put.LogEvents[0].Message || lines[24] != *put.LogEvents[24].Message {
		t.Errorf("forward: %d lines: %q", len(lines), lines)
	}
	// Backward: the newest page first, each page in order.
	get = &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, Limit: aws.Int32(10)}
	page, err := client.GetLogEvents(ctx, get)
	if err != nil || !strings.HasPrefix(*page.Events[0].Message, "line 15 ") {
		t.Fatalf("backward: %v %v", page, err)
	}
	get.NextToken = page.NextBackwardToken
	if page, err = client.GetLogEvents(ctx, get); err != nil || !strings.HasPrefix(*page.Events[9].Message, "line 14 ") {
		t.Fatalf("backward again: %v %v", page, err)
	}

	found := 0
	pager := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group,
		FilterPattern: aws.String(`"line 1" -12`), Limit: aws.Int32(4)})
	for pager.HasMorePages() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		found += len(page.Events)
	}
	if found != 10 { // 1 and 10 to 19 without 12
		t.Errorf("filtered: %d", found)
	}
	described, err := client.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: group, OrderBy: "LastEventTime", Descending: aws.Bool(true)})
	if err != nil || *described.LogStreams[0].LastEventTimestamp != noon().Add(24*time.Second).UnixMilli() {
		t.Errorf("described: %+v %v", described, err)
	}
}

func TestSTSNamesTheLocalAccount(t *testing.T) {
	client := sts.NewFromConfig(awsConfig(serve(t, new(local.Server))))
	out, err := client.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	if err != nil || *out.Account != "000000000000" {
		t.Fatalf("%v %v", out, err)
	}
}
