package awsapi

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// within puts what was being done before an error, and keeps its class.
func within(operation string, err error) error {
	if err == nil {
		return nil
	}
	reason := err
	if f, ok := errors.AsType[*cloudwatch.Failure](err); ok {
		reason = f.Err
	}
	return &cloudwatch.Failure{Class: cloudwatch.ClassOf(err), Err: fmt.Errorf("%s: %w", operation, reason)}
}

// refusal is a service's error in a sentence: its code, its own words, and what to do about it. permission is the IAM action
// that the operation needs, "" if none.
func refusal(status int, code, message, permission string) *cloudwatch.Failure {
	class, known := classOfCode(code)
	if !known {
		class = classOfStatus(status)
	}
	text := fmt.Sprintf("HTTP %d", status)
	if code != "" {
		text = code
	}
	if message != "" {
		text += ": " + strings.TrimSuffix(message, ".")
	}
	if advice := advice(code, message, permission); advice != "" {
		text += " (" + advice + ")"
	}
	return &cloudwatch.Failure{Class: class, Err: errors.New(text)}
}

// refusalOf is the refusal that an error of the SDK's stands for, or the error with its class if it is none.
func refusalOf(err error) error {
	if lost, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: lost.Err}
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return classify(err)
	}
	f := refusal(0, api.ErrorCode(), api.ErrorMessage(), "")
	f.Class = classOf(err)
	return f
}

// advice is what whoever runs the agent can do about an error; "" if the error says it.
func advice(code, message, permission string) string {
	switch strings.TrimSuffix(code, "Exception") {
	case "ExpiredToken", "RequestExpired":
		return "the credentials have expired: renew them, or use the instance's role"
	case "UnrecognizedClient", "InvalidClientTokenId", "InvalidAccessKeyId":
		return "nobody knows this access key: check it, its session token, and that the region is of the same partition"
	case "SignatureDoesNotMatch", "InvalidSignature":
		return "the secret is not that of the access key, or the clock of this host is wrong"
	case "AccessDenied", "UnauthorizedOperation", "NotAuthorized":
		if aboutKMS(message) {
			return "the value is encrypted: allow kms:Decrypt on its key to these credentials"
		}
		if permission != "" {
			return "allow " + permission + " to these credentials"
		}
	case "InvalidKeyId":
		return "the KMS key of the parameter is missing, disabled, or about to be deleted"
	case "Validation":
		if strings.Contains(message, "fully qualified") {
			return "a name with a / in it begins with one"
		}
	case "ParameterNotFound":
		return "names are case-sensitive, and belong to one account and region"
	case "ParameterVersionNotFound":
		return "leave the version away for the newest"
	case "HierarchyTypeMismatch":
		return "a parameter keeps its type: take another name, or delete it first"
	case "ParameterLimitExceeded":
		return "delete parameters that nobody needs"
	case "Throttling", "TooManyRequests", "TooManyUpdates", "RequestLimitExceeded":
		return "too many requests of this account at once: try again in a moment"
	}
	return ""
}

// aboutKMS tells whether a denial is not of the parameter but of the key that it is encrypted with.
func aboutKMS(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "kms") || strings.Contains(message, "ciphertext")
}

// codeOf is the error code out of any of the forms that JSON services write it in: "com.amazonaws.ssm#Code:http://…".
func codeOf(header, body string) string {
	code := cmp.Or(body, header)
	code, _, _ = strings.Cut(code, ":")
	if _, after, ok := strings.Cut(code, "#"); ok {
		code = after
	}
	return strings.TrimSpace(code)
}
