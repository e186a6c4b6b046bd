package local

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// putParameter stores a parameter as it is given: there is no KMS here, and nothing is encrypted.
func (s *Server) putParameter(ctx context.Context, c *call, in *putParameterInput) (*putParameterOutput, error) {
	p, err := s.checkPutParameter(c, in)
	if err != nil {
		return nil, err
	}
	err = s.store.putParameter(ctx, &p, in.merge)
	if err != nil {
		return nil, err
	}
	return &putParameterOutput{Version: p.version, Tier: p.tier}, nil
}

// checkPutParameter holds a request against what does not depend on the parameter that is there.
func (s *Server) checkPutParameter(c *call, in *putParameterInput) (parameter, error) {
	n, err := c.readParameterName(in.Name, "name")
	if err != nil {
		return parameter{}, err
	}
	if strings.Contains(*in.Name, ":") {
		return parameter{}, badParameterName("ssm") // "You can't enter the Amazon Resource Name (ARN) for a parameter"
	}
	if err := checkReserved(n.name); err != nil {
		return parameter{}, err
	}
	if in.Value == nil {
		return parameter{}, broken("null", "value", "Member must not be null")
	}
	if *in.Value == "" { // how long it may be depends on the tier
		return parameter{}, broken("", "value", "Member must have length greater than or equal to 1")
	}
	for _, e := range []error{
		checkLength(text(in.Description), "description", maxParameterDescription),
		checkLength(text(in.AllowedPattern), "allowedPattern", maxParameterPattern),
		checkWord(in.Type, "type", parameterTypes()),
		checkWord(in.Tier, "tier", []string{tierStandard, tierAdvanced, tierIntelligent}),
		in.check(),
	} {
		if e != nil {
			return parameter{}, e
		}
	}
	return parameter{name: n.name, kind: text(in.Type), value: *in.Value, description: text(in.Description), tier: text(in.Tier),
		dataType: cmp.Or(text(in.DataType), "text"), pattern: text(in.AllowedPattern), keyID: text(in.KeyID), modified: s.now().UnixMilli()}, nil
}

func checkWord(word *string, member string, allowed []string) error {
	if word == nil || slices.Contains(allowed, *word) {
		return nil
	}
	return broken(printable(*word), member, oneOf(allowed))
}

// check holds members against each other.
func (in *putParameterInput) check() error {
	if _, nested, found := strings.Cut(*in.Value, "{{"); found && strings.Contains(nested, "}}") {
		return invalidRequest(`Parameter value can't nest another parameter. Do not use "{{}}" in the value.`)
	}
	if in.Overwrite && len(in.Tags) > 0 {
		return invalidRequest("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. " +
			"To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	}
	if text(in.Policies) != "" {
		return invalidRequest("Parameter policies are not kept here.")
	}
	if d := text(in.DataType); d != "" && !slices.Contains(parameterDataTypes(), d) {
		return invalidRequest("The following data type is not supported: %s (Data type names are all lowercase.)", printable(d))
	}
	if in.KeyID != nil && in.Type != nil && *in.Type != typeSecureString {
		return invalidRequest("KeyId is required for SecureString type parameter only.")
	}
	if in.KeyID != nil && *in.KeyID != defaultParameterKey {
		return refuse(http.StatusBadRequest, "InvalidKeyId", "The KMS key %s does not exist here.", printable(*in.KeyID))
	}
	if pattern := text(in.AllowedPattern); pattern != "" {
		form, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return refuse(http.StatusBadRequest, "InvalidAllowedPatternException", "The pattern %s is not a regular expression.", printable(pattern))
		}
		if !form.MatchString(*in.Value) {
			return refuse(http.StatusBadRequest, "ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", printable(pattern))
		}
	}
	return nil
}

// merge makes of a request the next version of what is there; before is nil if that is nothing.
func (in *putParameterInput) merge(p, before *parameter, standard int) error {
	switch {
	case before == nil && in.Type == nil:
		return invalidRequest("A parameter type is required when you create a parameter.")
	case before == nil:
		p.version = 1
	case !in.Overwrite:
		return refuse(http.StatusBadRequest, "ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case in.Type != nil && before.kind != *in.Type:
		return refuse(http.StatusBadRequest, "HierarchyTypeMismatchException", "Parameter Store doesn't support changing a parameter type in a hierarchy. "+
			"For example, you can't change a parameter from a String type to a SecureString type. You must create a new, unique parameter.")
	default:
		p.version, p.kind = before.version+1, before.kind
		if in.Description == nil {
			p.description = before.description
		}
	}
	if p.kind == typeSecureString {
		p.keyID = defaultParameterKey
	}
	return in.chooseTier(p, before, standard)
}

// chooseTier follows PutParameter, Tier. What it says of no tier at all is the account's default, which is standard.
func (in *putParameterInput) chooseTier(p, before *parameter, standard int) error {
	large := len(p.value) > maxStandardParameter
	was := ""
	if before != nil {
		was = before.tier
	}
	switch {
	case was == tierAdvanced && p.tier == tierStandard:
		return invalidRequest("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.")
	case was == tierAdvanced:
		p.tier = tierAdvanced
	case p.tier == tierIntelligent && (large || standard >= maxStandardParameters):
		p.tier = tierAdvanced
	case p.tier != tierAdvanced:
		p.tier = tierStandard
	}
	if p.tier == tierAdvanced && len(p.value) > maxAdvancedParameter {
		return invalidRequest("Advanced tier parameters support a maximum parameter value of 8192 characters.")
	}
	if p.tier == tierStandard && large {
		return invalidRequest("Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter " +
			"to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html")
	}
	if p.tier == tierStandard && standard >= maxStandardParameters {
		return refuse(http.StatusBadRequest, "ParameterLimitExceeded", "You have reached the maximum number of standard parameters for this AWS account and Region (10000). "+
			"To add more parameters, either delete existing parameters or upgrade to the advanced-parameter tier (charges apply).")
	}
	return nil
}
