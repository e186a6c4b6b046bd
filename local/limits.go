package local

import "time"

// The limits of CloudWatch Logs. The sentences are those of the API reference of each operation,
// as of October 2026.
const (
	// PutLogEvents: "The maximum batch size is 1,048,576 bytes. This size is calculated as the sum
	// of all event messages in UTF-8, plus 26 bytes for each log event."
	maxLogBatchBytes      = 1_048_576
	logEventOverheadBytes = 26

	// PutLogEvents: "Each log event can be no larger than 1 MB." The service counts the 26 bytes
	// of overhead in: its message says "Log event too large: N bytes exceeds limit".
	maxLogEventBytes = 1_048_576

	// PutLogEvents: "The maximum number of log events in a batch is 10,000."
	maxLogBatchEvents = 10_000

	// PutLogEvents: "For valid events (within 14 days in the past to 2 hours in future), the time
	// span in a single batch cannot exceed 24 hours. Otherwise, the operation fails."
	maxLogBatchSpan = 24 * time.Hour

	// PutLogEvents: "Events more than 2 hours in the future are rejected while processing
	// remaining valid events."
	maxLogEventAhead = 2 * time.Hour

	// PutLogEvents: "Events older than 14 days or preceding the log group's retention period are
	// rejected while processing remaining valid events."
	maxLogEventAge = 14 * 24 * time.Hour

	// CreateLogGroup: "Log group names can be between 1 and 512 characters long", "consist of the
	// following characters: a-z, A-Z, 0-9, '_' (underscore), '-' (hyphen), '/' (forward slash),
	// '.' (period), and '#' (number sign)", "can't start with the string aws/".
	maxLogNameRunes       = 512
	logGroupNamePattern   = `[\.\-_/#A-Za-z0-9]+`
	reservedLogGroupStart = "aws/"

	// CreateLogStream: "Log stream names can be between 1 and 512 characters long. Don't use ':'
	// (colon) or '*' (asterisk) characters."
	logStreamNamePattern = `[^:*]*`

	// DescribeLogGroups and DescribeLogStreams, limit: "If you don't specify a value, the default
	// is up to 50 items." Valid range: minimum 1, maximum 50.
	maxDescribeItems = 50

	// GetLogEvents and FilterLogEvents: "Each page returned can contain up to 1 MB of log events
	// or up to 10,000 log events." limit: minimum 1, maximum 10,000.
	maxLogPageBytes  = 1_048_576
	maxLogPageEvents = 10_000

	// FilterLogEvents, filterPattern: maximum length of 1024; logStreamNames: 1 to 100 items.
	maxFilterPatternRunes = 1024
	maxFilterStreams      = 100
)

// retentionDays are the values of PutRetentionPolicy, retentionInDays: "Possible values are: 1, 3,
// 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, and
// 3653."
func retentionDays() []int {
	return []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192,
		2557, 2922, 3288, 3653}
}

// logGroupClasses are the values of CreateLogGroup, logGroupClass. "If you omit this parameter,
// the default of STANDARD is used."
func logGroupClasses() []string { return []string{"STANDARD", "INFREQUENT_ACCESS", "DELIVERY"} }

// The limits of CloudWatch metrics. The sentences are those of the API reference, as of October
// 2026.
const (
	// PutMetricData: "Each PutMetricData request is limited to 1 MB in size for HTTP POST
	// requests. You can send a payload compressed by gzip." What is posted is what is counted, so
	// that compression helps, as its users find.
	maxMetricRequestBytes = 1_048_576

	// PutMetricData: "Each request is also limited to no more than 1000 different metrics (across
	// both the MetricData and EntityMetricData properties)."
	maxMetricData = 1000

	// PutMetricData, EntityMetricData: "You can include up to two EntityMetricData objects".
	maxEntityMetricData = 2

	// PutMetricData: "You can use up to 30 dimensions per metric".
	maxDimensions = 30

	// MetricDatum, Values: "You can include up to 150 unique values in each PutMetricData action
	// that specifies a Values array."
	maxValues = 150

	// Namespace, MetricName, Dimension.Name: length 1 to 255. Dimension.Value: length 1 to 1024.
	maxNamespaceRunes      = 255
	maxMetricNameRunes     = 255
	maxDimensionNameRunes  = 255
	maxDimensionValueRunes = 1024

	// PutMetricData, Namespace: "To avoid conflicts with Amazon Web Services service namespaces,
	// you should not specify a namespace that begins with AWS/". The service refuses it.
	reservedNamespaceStart = "AWS/"

	// PutMetricData: "CloudWatch rejects values that are either too small or too large. Values
	// must be in the range of -2^360 to 2^360." Earlier editions give the small end too: 2^-360.
	maxMagnitude = 0x1p360
	minMagnitude = 0x1p-360

	// PutMetricData: "You can specify time stamps that are as much as two weeks before the current
	// date, and as much as 2 hours after the current day and time."
	maxDatumAge   = 14 * 24 * time.Hour
	maxDatumAhead = 2 * time.Hour

	// ListMetrics: "Up to 500 results are returned for any one call." Dimensions: at most 10.
	// "ListMetrics doesn't return information about metrics if those metrics haven't reported data
	// in the past two weeks." RecentlyActive: "a value of PT3H. This is the only valid value".
	maxListedMetrics      = 500
	maxDimensionFilters   = 10
	listedMetricAge       = 14 * 24 * time.Hour
	recentlyActive        = "PT3H"
	recentlyActivePeriod  = 3 * time.Hour
	highResolutionPeriods = 3 * time.Hour // "Data points with a period of less than 60 seconds are available for 3 hours."

	// GetMetricStatistics: "The maximum number of data points returned from a single call is
	// 1,440. If you request more than 1,440 data points, CloudWatch returns an error."
	// ExtendedStatistics: 1 to 10 items.
	maxStatisticsPoints   = 1440
	maxExtendedStatistics = 10

	// GetMetricData: "A single GetMetricData call can include as many as 500 MetricDataQuery
	// structures", "a total of as many as 100,800 data points".
	maxMetricDataQueries = 500
	maxMetricDataPoints  = 100_800
)

// units are the values of MetricDatum, Unit.
func units() []string {
	return []string{"Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes",
		"Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent",
		"Count", "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second",
		"Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second",
		"Terabits/Second", "Count/Second", "None"}
}

// The limits of SSM Parameter Store. The sentences are those of the API reference of each operation,
// as of October 2026.
const (
	// PutParameter, Value: "Standard parameters have a value limit of 4 KB. Advanced parameters have
	// a value limit of 8 KB." The service's errors call them 4096 and 8192 characters; here they are
	// bytes, which is never more.
	maxStandardParameter = 4096
	maxAdvancedParameter = 8192

	// PutParameter, Name: "Parameter hierarchies are limited to a maximum depth of fifteen levels."
	// Length 1 to 2048. "The maximum length for a parameter name that you specify is 1011
	// characters. This count of 1011 characters includes the characters in the ARN that precede the
	// name you specify."
	maxParameterLevels    = 15
	maxParameterNameRunes = 2048
	maxParameterARN       = 1011

	// PutParameter, Description and AllowedPattern: length 0 to 1024.
	maxParameterDescription = 1024
	maxParameterPattern     = 1024

	// ParameterMaxVersionLimitExceeded: "Parameter Store retains the 100 most recently created
	// versions of a parameter. After this number of versions has been created, Parameter Store
	// deletes the oldest version when a new one is created."
	maxParameterVersions = 100

	// PutParameter, Tier: "You can create a maximum of 10,000 standard parameters for each Region in
	// an Amazon Web Services account."
	maxStandardParameters = 10_000

	// GetParameters, Names: 1 to 10 items. GetParametersByPath, MaxResults: 1 to 10.
	// DescribeParameters, MaxResults: 1 to 50.
	maxParameterNames      = 10
	maxParametersByPath    = 10
	maxDescribedParameters = 50
)

// The words of PutParameter, Tier and Type.
const (
	tierStandard     = "Standard"
	tierAdvanced     = "Advanced"
	tierIntelligent  = "Intelligent-Tiering"
	typeSecureString = "SecureString"

	// PutParameter, KeyId: "If you don't specify a key ID, the system uses the default key
	// associated with your Amazon Web Services account".
	defaultParameterKey = "alias/aws/ssm"
)

// parameterTypes are the values of PutParameter, Type.
func parameterTypes() []string { return []string{"String", "StringList", typeSecureString} }

// parameterDataTypes are the values of PutParameter, DataType.
func parameterDataTypes() []string { return []string{"text", "aws:ec2:image", "aws:ssm:integration"} }

// The limits of the Security Token Service: AssumeRole, RoleArn: length 20 to 2048; RoleSessionName:
// length 2 to 64, pattern [\w+=,.@-]*; DurationSeconds: 900 to 43200, "the default is 3600 seconds".
const (
	minRoleARN, maxRoleARN             = 20, 2048
	minSessionName, maxSessionName     = 2, 64
	minSessionSeconds, maxSessionHours = 900, 12
	sessionSeconds                     = 3600
)

// Bounds of our own, which protect this process; the service has others.
const (
	// A batch of 1 MiB whose every byte is escaped as \u00XX, or 1000 data of 150 values in the
	// Query protocol, fit in this; a zip bomb does not.
	maxPostedBytes   = 16 << 20
	maxInflatedBytes = 32 << 20

	// Half of the service's hour-long metric retention tiers would need rollups; here a datum
	// lives as long as the service keeps one-minute data: "Data points with a period of 60 seconds
	// (1-minute) are available for 15 days."
	datumRetention = 15 * 24 * time.Hour

	// What the store may hold of log events before the oldest batches leave. On disk, in memory.
	maxDiskLogBytes   = 16 << 30
	maxMemoryLogBytes = 1 << 30

	// How many events one FilterLogEvents call looks at before it answers with a nextToken.
	maxFilterScan = 200_000
)
