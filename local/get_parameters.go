package local

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (s *Server) getParameter(ctx context.Context, c *call, in *getParameterInput) (*getParameterOutput, error) {
	n, err := c.readParameterName(in.Name, "name")
	if err != nil {
		return nil, err
	}
	p, err := s.findParameter(ctx, n)
	if err != nil {
		return nil, err
	}
	return &getParameterOutput{c.showParameter(p, n.selector, in.WithDecryption)}, nil
}

// findParameter finds what a request names.
func (s *Server) findParameter(ctx context.Context, n parameterName) (parameter, error) {
	version, isVersion := n.version()
	p, found, known, err := s.store.parameter(ctx, n.name, version)
	switch {
	case err != nil:
		return p, err
	case isVersion && found:
		return p, nil
	case found || known:
		return p, refuse(http.StatusBadRequest, "ParameterVersionNotFound", "Systems Manager could not find version %s of %s. "+
			"Verify the version and try again.", printable(n.selector[1:]), n.name)
	}
	return p, noSuchParameter()
}

// noSuchParameter comes without a word, as from the service.
func noSuchParameter() *apiError { return refuse(http.StatusBadRequest, "ParameterNotFound", "") }

func (c *call) showParameter(p parameter, selector string, decrypt bool) parameterShape {
	value := p.value
	if p.kind == typeSecureString && !decrypt {
		sum := sha256.Sum256([]byte(p.value)) // what cannot be read, as without KMS
		value = "AQICAH" + base64.StdEncoding.EncodeToString(sum[:])
	}
	return parameterShape{Name: p.name, Type: p.kind, Value: value, Version: p.version, Selector: selector,
		LastModifiedDate: Timestamp{time.UnixMilli(p.modified)}, ARN: c.parameterARN(p.name), DataType: p.dataType}
}

func (s *Server) getParameters(ctx context.Context, c *call, in *getParametersInput) (*getParametersOutput, error) {
	if n := len(in.Names); n < 1 || n > maxParameterNames {
		return nil, broken("["+printable(strings.Join(in.Names, ", "))+"]", "names", "Member must have length between 1 and "+itoa(maxParameterNames))
	}
	out := &getParametersOutput{Parameters: []parameterShape{}, InvalidParameters: []string{}}
	names := slices.Sorted(slices.Values(in.Names)) // "listed in alphabetical order in query responses"
	for i, name := range names {
		if i > 0 && name == names[i-1] {
			return nil, invalidRequest("The request contains duplicate parameter names: %s", printable(name))
		}
		n, err := c.readParameterName(&name, "names")
		if err != nil {
			return nil, err
		}
		p, err := s.findParameter(ctx, n)
		switch _, refused := errors.AsType[*apiError](err); {
		case refused:
			out.InvalidParameters = append(out.InvalidParameters, name)
		case err != nil:
			return nil, err
		default:
			out.Parameters = append(out.Parameters, c.showParameter(p, n.selector, in.WithDecryption))
		}
	}
	return out, nil
}

func (s *Server) getParametersByPath(ctx context.Context, c *call, in *getParametersByPathInput) (*getParametersByPathOutput, error) {
	if in.Path == nil {
		return nil, broken("null", "path", "Member must not be null")
	}
	if !strings.HasPrefix(*in.Path, "/") {
		return nil, invalidRequest("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".")
	}
	if under := strings.Trim(*in.Path, "/"); under != "" {
		if err := c.checkParameterName("/" + under); err != nil {
			return nil, err
		}
	}
	if len(in.ParameterFilters) > 0 {
		return nil, unknownFilter(in.ParameterFilters[0])
	}
	most, err := checkMaxResults(in.MaxResults, maxParametersByPath)
	if err != nil {
		return nil, err
	}
	found, next, err := s.listParameters(ctx, most, text(in.NextToken), parameterFilter{under: strings.TrimRight(*in.Path, "/") + "/", oneLevel: !in.Recursive})
	if err != nil {
		return nil, err
	}
	out := &getParametersByPathOutput{Parameters: []parameterShape{}, NextToken: next}
	for _, p := range found {
		out.Parameters = append(out.Parameters, c.showParameter(p, "", in.WithDecryption))
	}
	return out, nil
}

// listParameters finds a page, and the token of the next one.
func (s *Server) listParameters(ctx context.Context, most int, token string, f parameterFilter) (found []parameter, next string, err error) {
	after, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, "", refuse(http.StatusBadRequest, "InvalidNextToken", "The specified token isn't valid.")
	}
	f.after, f.limit = string(after), most+1
	found, err = s.store.parameters(ctx, f)
	if len(found) > most {
		found = found[:most]
		next = base64.RawURLEncoding.EncodeToString([]byte(found[most-1].name))
	}
	return found, next, err
}

func (s *Server) describeParameters(ctx context.Context, c *call, in *describeParametersInput) (*describeParametersOutput, error) {
	if len(in.Filters) > 0 && len(in.ParameterFilters) > 0 {
		return nil, invalidRequest("You can use either Filters or ParameterFilters in a single request.")
	}
	keep, err := readParameterFilters(append(in.Filters, in.ParameterFilters...))
	if err != nil {
		return nil, err
	}
	most, err := checkMaxResults(in.MaxResults, maxDescribedParameters)
	if err != nil {
		return nil, err
	}
	out := &describeParametersOutput{Parameters: []parameterMetadata{}}
	if in.Shared { // by other accounts, of which there are none
		return out, nil
	}
	found, next, err := s.listParameters(ctx, most, text(in.NextToken), parameterFilter{keep: keep})
	if err != nil {
		return nil, err
	}
	out.NextToken = next
	for _, p := range found {
		out.Parameters = append(out.Parameters, parameterMetadata{Name: p.name, ARN: c.parameterARN(p.name), Type: p.kind, KeyID: p.keyID,
			LastModifiedDate: Timestamp{time.UnixMilli(p.modified)}, LastModifiedUser: localUser, Description: p.description,
			AllowedPattern: p.pattern, Version: p.version, Tier: p.tier, Policies: []string{}, DataType: p.dataType})
	}
	return out, nil
}

func checkMaxResults(given *int, most int) (int, error) {
	switch {
	case given == nil:
		return most, nil
	case *given < 1:
		return 0, broken(*given, "maxResults", "Member must have value greater than or equal to 1")
	case *given > most:
		return 0, broken(*given, "maxResults", "Member must have value less than or equal to "+itoa(most))
	}
	return *given, nil
}

// readParameterFilters understands the filters by Name, Type and Tier. A parameter has to pass each of them.
func readParameterFilters(filters []parameterFilterInput) (func(parameter) bool, error) {
	member := map[string]func(parameter) string{
		"Name": func(p parameter) string { return p.name }, "Type": func(p parameter) string { return p.kind }, "Tier": func(p parameter) string { return p.tier },
	}
	matches := map[string]func(text, value string) bool{
		"": func(text, value string) bool { return text == value }, "Equals": func(text, value string) bool { return text == value },
		"BeginsWith": strings.HasPrefix, "Contains": strings.Contains,
	}
	for _, f := range filters {
		if member[text(f.Key)] == nil {
			return nil, unknownFilter(f)
		}
		if matches[text(f.Option)] == nil {
			return nil, refuse(http.StatusBadRequest, "InvalidFilterOption", "The option %s is not one of Equals, BeginsWith and Contains.", printable(text(f.Option)))
		}
		if len(f.Values) == 0 {
			return nil, refuse(http.StatusBadRequest, "InvalidFilterValue", "The filter %s has no values.", text(f.Key))
		}
	}
	return func(p parameter) bool {
		return !slices.ContainsFunc(filters, func(f parameterFilterInput) bool {
			return !slices.ContainsFunc(f.Values, func(v string) bool { return matches[text(f.Option)](member[*f.Key](p), v) })
		})
	}, nil
}

func unknownFilter(f parameterFilterInput) *apiError {
	return refuse(http.StatusBadRequest, "InvalidFilterKey", "The filter key %s is not known here.", printable(text(f.Key)))
}

func (s *Server) deleteParameter(ctx context.Context, c *call, in *deleteParameterInput) (*nothing, error) {
	n, err := c.readParameterName(in.Name, "name")
	if err != nil {
		return nil, err
	}
	deleted, err := s.store.deleteParameter(ctx, n.name)
	if err == nil && (!deleted || n.selector != "") {
		err = noSuchParameter()
	}
	return &nothing{}, err
}
