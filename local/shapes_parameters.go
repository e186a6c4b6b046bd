package local

// The shapes of SSM Parameter Store, member by member as in the service's model. What may be absent
// is a pointer.

type putParameterInput struct {
	Name           *string
	Value          *string
	Type           *string
	Description    *string
	KeyID          *string `json:"KeyId"`
	Overwrite      bool
	AllowedPattern *string
	Tags           []parameterTag
	Tier           *string
	Policies       *string
	DataType       *string
}

type parameterTag struct {
	Key   *string
	Value *string
}

type putParameterOutput struct {
	Version int64
	Tier    string
}

type getParameterInput struct {
	Name           *string
	WithDecryption bool
}

type getParameterOutput struct {
	Parameter parameterShape
}

type parameterShape struct {
	Name             string
	Type             string
	Value            string
	Version          int64
	Selector         string `json:",omitempty"`
	LastModifiedDate Timestamp
	ARN              string
	DataType         string
}

type getParametersInput struct {
	Names          []string
	WithDecryption bool
}

type getParametersOutput struct {
	Parameters        []parameterShape
	InvalidParameters []string
}

type getParametersByPathInput struct {
	Path             *string
	Recursive        bool
	ParameterFilters []parameterFilterInput
	WithDecryption   bool
	MaxResults       *int
	NextToken        *string
}

type getParametersByPathOutput struct {
	Parameters []parameterShape
	NextToken  string `json:",omitempty"`
}

type parameterFilterInput struct {
	Key    *string
	Option *string
	Values []string
}

type describeParametersInput struct {
	Filters          []parameterFilterInput
	ParameterFilters []parameterFilterInput
	MaxResults       *int
	NextToken        *string
	Shared           bool
}

type parameterMetadata struct {
	Name             string
	ARN              string
	Type             string
	KeyID            string `json:"KeyId,omitempty"`
	LastModifiedDate Timestamp
	LastModifiedUser string
	Description      string `json:",omitempty"`
	AllowedPattern   string `json:",omitempty"`
	Version          int64
	Tier             string
	Policies         []string // none: they are refused
	DataType         string
}

type describeParametersOutput struct {
	Parameters []parameterMetadata
	NextToken  string `json:",omitempty"`
}

type deleteParameterInput struct {
	Name *string
}
