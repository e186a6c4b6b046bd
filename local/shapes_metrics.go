package local

// The shapes of CloudWatch metrics, member by member as in the service's model. What may be absent
// is a pointer. Their names in every protocol are those of the fields.

// A Dimension is one name and value that tell metrics of one name apart.
type Dimension struct {
	Name  string
	Value string
}

type dimensionInput struct {
	Name  *string
	Value *string
}

type statisticSet struct {
	SampleCount *Double
	Sum         *Double
	Minimum     *Double
	Maximum     *Double
}

type metricDatum struct {
	MetricName        *string
	Dimensions        []dimensionInput
	Timestamp         *Timestamp
	Value             *Double
	StatisticValues   *statisticSet
	Values            []Double
	Counts            []Double
	Unit              *string
	StorageResolution *int
}

type entityMetricData struct {
	MetricData []metricDatum
}

type putMetricDataInput struct {
	Namespace              *string
	MetricData             []metricDatum
	EntityMetricData       []entityMetricData
	StrictEntityValidation *bool
}

type listMetricsInput struct {
	Namespace      *string
	MetricName     *string
	Dimensions     []dimensionInput
	NextToken      *string
	RecentlyActive *string
}

type metricShape struct {
	Namespace  string
	MetricName string
	Dimensions []Dimension
}

type listMetricsOutput struct {
	Metrics   []metricShape
	NextToken string `json:",omitempty"`
}

type getMetricStatisticsInput struct {
	Namespace          *string
	MetricName         *string
	Dimensions         []dimensionInput
	StartTime          *Timestamp
	EndTime            *Timestamp
	Period             *int
	Statistics         []string
	ExtendedStatistics []string
	Unit               *string
}

type datapoint struct {
	Timestamp          Timestamp
	SampleCount        *float64           `json:",omitempty"`
	Average            *float64           `json:",omitempty"`
	Sum                *float64           `json:",omitempty"`
	Minimum            *float64           `json:",omitempty"`
	Maximum            *float64           `json:",omitempty"`
	Unit               string             `json:",omitempty"`
	ExtendedStatistics map[string]float64 `json:",omitempty"`
}

type getMetricStatisticsOutput struct {
	Label      string
	Datapoints []datapoint
}

type metricInput struct {
	Namespace  *string
	MetricName *string
	Dimensions []dimensionInput
}

type metricStat struct {
	Metric *metricInput
	Period *int
	Stat   *string
	Unit   *string
}

type metricDataQuery struct {
	Id         *string //nolint:revive // the member's name
	MetricStat *metricStat
	Expression *string
	Label      *string
	ReturnData *bool
}

type getMetricDataInput struct {
	MetricDataQueries []metricDataQuery
	StartTime         *Timestamp
	EndTime           *Timestamp
	NextToken         *string
	ScanBy            *string
	MaxDatapoints     *int
}

type metricDataResult struct {
	Id         string //nolint:revive // the member's name
	Label      string
	Timestamps []Timestamp
	Values     []float64
	StatusCode string
}

type getMetricDataOutput struct {
	MetricDataResults []metricDataResult
	NextToken         string `json:",omitempty"`
}
