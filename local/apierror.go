package local

import (
	"fmt"
	"net/http"
	"strings"
)

// An apiError is a refusal in the service's own words: it is written in the shape of whatever
// protocol the request came in.
type apiError struct {
	status  int    // of HTTP
	shape   string // the exception's name in the JSON and CBOR protocols
	code    string // its name in the Query protocol; the same as shape unless CloudWatch says otherwise
	message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// fault says whose mistake it was, as the Query protocol spells it.
func (e *apiError) fault() string {
	if e.status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

func refuse(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, shape: code, code: code, message: fmt.Sprintf(format, args...)}
}

// The errors of CloudWatch metrics: their shapes and their older names differ (they carry the
// awsQueryError trait in the service's model).

func invalidValue(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "InvalidParameterValueException", "InvalidParameterValue",
		fmt.Sprintf(format, args...)}
}

func missingParameter(name string) *apiError {
	return &apiError{http.StatusBadRequest, "MissingRequiredParameterException", "MissingParameter",
		"The parameter " + name + " is required."}
}

func invalidCombination(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "InvalidParameterCombinationException",
		"InvalidParameterCombination", fmt.Sprintf(format, args...)}
}

func validationError(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "ValidationException", "ValidationError", fmt.Sprintf(format, args...)}
}

// The errors of CloudWatch Logs.

func invalidParameter(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "InvalidParameterException", format, args...)
}

// constraint is what the service says when a member of a request breaks its declared form.
func constraint(value any, member, rule string) *apiError {
	return invalidParameter("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s",
		value, member, rule)
}

func missingMember(member string) *apiError {
	return invalidParameter("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}

func noSuchGroup() *apiError {
	return refuse(http.StatusBadRequest, "ResourceNotFoundException", "The specified log group does not exist.")
}

func noSuchStream() *apiError {
	return refuse(http.StatusBadRequest, "ResourceNotFoundException", "The specified log stream does not exist.")
}

func alreadyExists(what string) *apiError {
	return refuse(http.StatusBadRequest, "ResourceAlreadyExistsException", "The specified %s already exists", what)
}

// oneOf is the rule that an enumerated member breaks.
func oneOf[T any](allowed []T) string {
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = fmt.Sprint(a)
	}
	return "Member must satisfy enum value set: [" + strings.Join(words, ", ") + "]"
}
