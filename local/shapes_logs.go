package local

// The shapes of CloudWatch Logs, member by member as in the service's model. What may be absent is
// a pointer. Times are milliseconds since 1970.

type createLogGroupInput struct {
	LogGroupName  *string `json:"logGroupName"`
	LogGroupClass *string `json:"logGroupClass"`
	KmsKeyID      *string `json:"kmsKeyId"`
	Protected     *bool   `json:"deletionProtectionEnabled"`
}

type logGroupInput struct {
	LogGroupName *string `json:"logGroupName"`
}

type putRetentionPolicyInput struct {
	LogGroupName    *string `json:"logGroupName"`
	RetentionInDays *int    `json:"retentionInDays"`
}

type describeLogGroupsInput struct {
	Prefix    *string `json:"logGroupNamePrefix"`
	Pattern   *string `json:"logGroupNamePattern"`
	Class     *string `json:"logGroupClass"`
	NextToken *string `json:"nextToken"`
	Limit     *int    `json:"limit"`
}

type logGroupShape struct {
	LogGroupName      string `json:"logGroupName"`
	CreationTime      int64  `json:"creationTime"`
	RetentionInDays   int    `json:"retentionInDays,omitempty"`
	MetricFilterCount int    `json:"metricFilterCount"`
	Arn               string `json:"arn"`
	StoredBytes       int64  `json:"storedBytes"`
	LogGroupClass     string `json:"logGroupClass"`
	LogGroupArn       string `json:"logGroupArn"`
	Protected         bool   `json:"deletionProtectionEnabled"`
}

type describeLogGroupsOutput struct {
	LogGroups []logGroupShape `json:"logGroups"`
	NextToken string          `json:"nextToken,omitempty"`
}

type logStreamInput struct {
	LogGroupName  *string `json:"logGroupName"`
	LogStreamName *string `json:"logStreamName"`
}

type describeLogStreamsInput struct {
	LogGroupName *string `json:"logGroupName"`
	Identifier   *string `json:"logGroupIdentifier"`
	Prefix       *string `json:"logStreamNamePrefix"`
	OrderBy      *string `json:"orderBy"`
	Descending   bool    `json:"descending"`
	NextToken    *string `json:"nextToken"`
	Limit        *int    `json:"limit"`
}

type logStreamShape struct {
	LogStreamName       string `json:"logStreamName"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp *int64 `json:"firstEventTimestamp,omitempty"`
	LastEventTimestamp  *int64 `json:"lastEventTimestamp,omitempty"`
	LastIngestionTime   *int64 `json:"lastIngestionTime,omitempty"`
	UploadSequenceToken string `json:"uploadSequenceToken"`
	Arn                 string `json:"arn"`
	StoredBytes         int64  `json:"storedBytes"` // "0 since 2019" says the model; so it is here
}

type describeLogStreamsOutput struct {
	LogStreams []logStreamShape `json:"logStreams"`
	NextToken  string           `json:"nextToken,omitempty"`
}

type inputLogEvent struct {
	Timestamp *int64  `json:"timestamp"`
	Message   *string `json:"message"`
}

type putLogEventsInput struct {
	LogGroupName  *string         `json:"logGroupName"`
	LogStreamName *string         `json:"logStreamName"`
	LogEvents     []inputLogEvent `json:"logEvents"`
}

type rejectedLogEventsInfo struct {
	TooNewStart *int `json:"tooNewLogEventStartIndex,omitempty"`
	TooOldEnd   *int `json:"tooOldLogEventEndIndex,omitempty"`
	ExpiredEnd  *int `json:"expiredLogEventEndIndex,omitempty"`
}

type putLogEventsOutput struct {
	NextSequenceToken string                 `json:"nextSequenceToken"`
	Rejected          *rejectedLogEventsInfo `json:"rejectedLogEventsInfo,omitempty"`
}

type getLogEventsInput struct {
	LogGroupName  *string `json:"logGroupName"`
	Identifier    *string `json:"logGroupIdentifier"`
	LogStreamName *string `json:"logStreamName"`
	StartTime     *int64  `json:"startTime"`
	EndTime       *int64  `json:"endTime"`
	NextToken     *string `json:"nextToken"`
	Limit         *int    `json:"limit"`
	StartFromHead bool    `json:"startFromHead"`
}

type outputLogEvent struct {
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
}

type getLogEventsOutput struct {
	Events   []outputLogEvent `json:"events"`
	Forward  string           `json:"nextForwardToken"`
	Backward string           `json:"nextBackwardToken"`
}

type filterLogEventsInput struct {
	LogGroupName  *string  `json:"logGroupName"`
	Identifier    *string  `json:"logGroupIdentifier"`
	StreamNames   []string `json:"logStreamNames"`
	StreamPrefix  *string  `json:"logStreamNamePrefix"`
	StartTime     *int64   `json:"startTime"`
	EndTime       *int64   `json:"endTime"`
	FilterPattern *string  `json:"filterPattern"`
	NextToken     *string  `json:"nextToken"`
	Limit         *int     `json:"limit"`
	StartFromHead *bool    `json:"startFromHead"`
}

type filteredLogEvent struct {
	LogStreamName string `json:"logStreamName"`
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
	EventID       string `json:"eventId"`
}

type searchedLogStream struct {
	LogStreamName string `json:"logStreamName"`
	Completely    bool   `json:"searchedCompletely"`
}

type filterLogEventsOutput struct {
	Events    []filteredLogEvent  `json:"events"`
	Searched  []searchedLogStream `json:"searchedLogStreams"`
	NextToken string              `json:"nextToken,omitempty"`
}
