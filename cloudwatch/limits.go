package cloudwatch

import "time"

// Limits of PutLogEvents, from its API reference
// (docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html).
const (
	// "The maximum batch size is 1,048,576 bytes. This size is calculated as the sum of all event messages in UTF-8, plus 26 bytes for each log event."
	maxLogBatchBytes = 1_048_576
	eventOverhead    = 26
	// "The maximum number of log events in a batch is 10,000."
	maxLogBatchEvents = 10_000
	// "A batch of log events in a single request cannot span more than 24 hours."
	maxLogBatchSpan = 24 * time.Hour
	// "Each log event can be no larger than 1 MB" (256 KB until April 2025): here what a batch of one event leaves for it.
	MaxMessageBytes = maxLogBatchBytes - eventOverhead
)

// Limits of PutMetricData, from its API reference
// (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html) and that of MetricDatum.
const (
	// "Each request is limited to no more than 1000 different metrics" and "to 1 MB in size for HTTP POST requests".
	maxMetricBatchData  = 1000
	maxMetricBatchBytes = 1_000_000
	// "You can assign up to 30 dimensions to a metric."
	maxDimensions = 30
	// Dimension: name 1 to 255 characters, value 1 to 1024 characters, ASCII only.
	maxDimensionName  = 255
	maxDimensionValue = 1024
	// MetricDatum.Values: "Array Members: Maximum number of 150 items" (PutMetricData: "a maximum of 150 unique values").
	maxValues = 150
	// "Values must be in the range of -2^360 to 2^360. In addition, special values (for example, NaN, +Infinity, -Infinity) are not supported."
	maxMagnitude = 0x1p360
)

// MaxMetricAge is how old a datum may be when it arrives: "time stamps … can be from two weeks before the current date".
const MaxMetricAge = 14 * 24 * time.Hour

// HighResolution and StandardResolution are the two storage resolutions of a metric.
const (
	HighResolution     = time.Second
	StandardResolution = time.Minute
)

// ResolutionOf is the storage resolution of metrics collected at an interval: sub-minute intervals are high resolution.
func ResolutionOf(interval time.Duration) time.Duration {
	if interval < time.Minute {
		return HighResolution
	}
	return StandardResolution
}
