package awsapi

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// classify gives an error its class. Only what the service itself calls invalid is: a 400 that somebody on the way made up
// must not cost an event.
func classify(err error) error {
	if err == nil {
		return nil
	}
	return &cloudwatch.Failure{Class: classOf(err), Err: err}
}

func classOf(err error) cloudwatch.Class {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if class, known := classOfCode(api.ErrorCode()); known {
			return class
		}
	}
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return classOfStatus(answer.HTTPStatusCode())
	}
	if _, ok := errors.AsType[*smithy.CanceledError](err); !ok && strings.Contains(err.Error(), "credentials") {
		return cloudwatch.Denied // the SDK has no type for "no credentials found"
	}
	return cloudwatch.Unavailable
}

func classOfStatus(status int) cloudwatch.Class {
	switch status {
	case 401, 403:
		return cloudwatch.Denied
	case 429:
		return cloudwatch.Throttled
	}
	return cloudwatch.Unavailable
}

// classOfCode knows the error codes of the operations that are used here, from their API references, and the common errors
// of docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html.
func classOfCode(code string) (cloudwatch.Class, bool) {
	switch strings.TrimSuffix(code, "Exception") {
	case "ResourceNotFound", "ParameterNotFound", "ParameterVersionNotFound":
		return cloudwatch.NotFound, true
	case "ResourceAlreadyExists", "ParameterAlreadyExists":
		return cloudwatch.Exists, true
	case "Throttling", "ThrottledException", "TooManyRequests", "RequestLimitExceeded", "LimitExceeded", "LimitExceededFault",
		"ProvisionedThroughputExceeded", "SlowDown", "BandwidthLimitExceeded", "OperationAborted", "TooManyUpdates":
		return cloudwatch.Throttled, true
	case "AccessDenied", "AuthFailure", "ExpiredToken", "IncompleteSignature", "InvalidClientTokenId", "InvalidSignature",
		"MissingAuthenticationToken", "NotAuthorized", "OptInRequired", "RequestExpired", "SignatureDoesNotMatch",
		"UnauthorizedOperation", "UnrecognizedClient", "InvalidAccessKeyId":
		return cloudwatch.Denied, true
	case "InvalidParameter", "InvalidParameterCombination", "InvalidParameterValue", "InvalidFormat", "MissingParameter",
		"MissingRequiredParameter", "Validation", "ValidationError", "HierarchyLevelLimitExceeded", "HierarchyTypeMismatch",
		"InvalidKeyId", "ParameterLimitExceeded", "ParameterMaxVersionLimitExceeded", "ParameterPatternMismatch":
		return cloudwatch.Invalid, true
	case "InternalFailure", "InternalServerError", "InternalServiceFault", "InternalServiceError", "ServiceUnavailable", "RequestTimeout":
		return cloudwatch.Unavailable, true
	}
	return 0, false
}
