package local

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// invalidRequest is what Systems Manager says of a request that breaks a rule.
func invalidRequest(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "ValidationException", format, args...)
}

func broken(value any, member, rule string) *apiError {
	return invalidRequest("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s", value, member, rule)
}

// checkLength is the constraint on a member's length that the service's model declares.
func checkLength(value, member string, most int) error {
	if utf8.RuneCountInString(value) > most {
		return broken(printable(value), member, "Member must have length less than or equal to "+itoa(most))
	}
	return nil
}

// A parameterName is what a request names: "name", "/a/path", either with ":3", or an ARN.
type parameterName struct {
	name     string
	selector string // ":3" as it was given
}

// readParameterName checks a name by the rules of PutParameter, Name.
func (c *call) readParameterName(given *string, member string) (parameterName, error) {
	if given == nil {
		return parameterName{}, broken("null", member, "Member must not be null")
	}
	if *given == "" {
		return parameterName{}, broken("", member, "Member must have length greater than or equal to 1")
	}
	if err := checkLength(*given, member, maxParameterNameRunes); err != nil {
		return parameterName{}, err
	}
	n := parameterName{name: strings.Trim(*given, " ")} // "The service removes any spaces specified for the beginning or end"
	if rest, isARN := strings.CutPrefix(n.name, "arn:"); isARN {
		_, path, found := strings.Cut(rest, ":parameter/")
		if !found {
			return n, invalidRequest("Invalid parameter ARN: %s", printable(n.name))
		}
		if n.name = path; strings.Contains(path, "/") {
			n.name = "/" + path
		}
	}
	if name, selector, found := strings.Cut(n.name, ":"); found {
		n.name, n.selector = name, ":"+selector
	}
	return n, c.checkParameterName(n.name)
}

func (c *call) checkParameterName(name string) error {
	for _, r := range name {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !plain && !strings.ContainsRune("._-/", r) {
			return badParameterName("ssm")
		}
	}
	if strings.Contains(name, "/") && !strings.HasPrefix(name, "/") {
		return invalidRequest("Parameter name must be a fully qualified name.")
	}
	if name == "" || strings.Contains(name, "//") || strings.HasSuffix(name, "/") {
		return badParameterName("ssm")
	}
	if levels := strings.Count(name, "/"); levels > maxParameterLevels {
		return refuse(http.StatusBadRequest, "HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of 15 levels; %s has %d.", printable(name), levels)
	}
	if n := len(c.parameterARN(name)); n > maxParameterARN {
		return invalidRequest("Parameter name: with its ARN it has %d characters, and may have %d.", n, maxParameterARN)
	}
	return nil
}

// checkReserved refuses names that nobody can give: "A parameter name can't be prefixed with "aws" or "ssm"
// (case-insensitive)."
func checkReserved(name string) error {
	bare, path := strings.CutPrefix(name, "/")
	for _, reserved := range []string{"aws", "ssm"} {
		if len(bare) < len(reserved) || !strings.EqualFold(bare[:len(reserved)], reserved) {
			continue
		}
		if path && reserved == "aws" {
			return refuse(http.StatusBadRequest, "AccessDeniedException", "No access to reserved parameter name: %s.", printable(name))
		}
		return badParameterName(reserved)
	}
	return nil
}

func badParameterName(prefix string) *apiError {
	return invalidRequest(`Parameter name: can't be prefixed with "%s" (case-insensitive). If formed as a path, it can consist of `+
		"sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_", prefix)
}

// version is the one that the selector asks for, 0 for the newest. Labels are not known here.
func (n parameterName) version() (int64, bool) {
	if n.selector == "" {
		return 0, true
	}
	version, err := strconv.ParseInt(n.selector[1:], 10, 64)
	return version, err == nil && version > 0
}

func (c *call) parameterARN(name string) string {
	return "arn:aws:ssm:" + c.region + ":" + account + ":parameter/" + strings.TrimPrefix(name, "/")
}
