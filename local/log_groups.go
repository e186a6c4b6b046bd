package local

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"
)

func (s *Server) createLogGroup(ctx context.Context, _ *call, in *createLogGroupInput) (*nothing, error) {
	if err := checkGroupName(in.LogGroupName); err != nil {
		return nil, err
	}
	if strings.HasPrefix(*in.LogGroupName, reservedLogGroupStart) {
		return nil, invalidParameter("Log groups starting with aws/ are reserved for AWS.")
	}
	class := "STANDARD"
	if in.LogGroupClass != nil {
		class = *in.LogGroupClass
		if !slices.Contains(logGroupClasses(), class) {
			return nil, constraint(printable(class), "logGroupClass", oneOf(logGroupClasses()))
		}
	}
	if in.KmsKeyID != nil {
		// "If you attempt to associate a KMS key with the log group but the KMS key does not exist
		// or the KMS key is disabled, you receive an InvalidParameterException error."
		return nil, invalidParameter("The specified KMS key does not exist.")
	}
	protected := in.Protected != nil && *in.Protected
	created, err := s.store.createGroup(ctx, *in.LogGroupName, class, protected, s.now().UnixMilli())
	if err != nil {
		return nil, err
	}
	if !created {
		return nil, alreadyExists("log group")
	}
	return &nothing{}, nil
}

func (s *Server) deleteLogGroup(ctx context.Context, _ *call, in *logGroupInput) (*nothing, error) {
	group, err := s.group(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if group.protected {
		return nil, refuse(400, "ValidationException", "The log group is protected from deletion.")
	}
	return &nothing{}, s.store.deleteGroup(ctx, group.id)
}

func (s *Server) putRetentionPolicy(ctx context.Context, _ *call, in *putRetentionPolicyInput) (*nothing, error) {
	if err := checkGroupName(in.LogGroupName); err != nil {
		return nil, err
	}
	if in.RetentionInDays == nil {
		return nil, missingMember("retentionInDays")
	}
	if !slices.Contains(retentionDays(), *in.RetentionInDays) {
		return nil, constraint(*in.RetentionInDays, "retentionInDays", oneOf(retentionDays()))
	}
	group, err := s.group(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &nothing{}, s.store.setRetention(ctx, group.id, *in.RetentionInDays)
}

func (s *Server) deleteRetentionPolicy(ctx context.Context, _ *call, in *logGroupInput) (*nothing, error) {
	group, err := s.group(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &nothing{}, s.store.setRetention(ctx, group.id, 0)
}

func (s *Server) describeLogGroups(ctx context.Context, c *call, in *describeLogGroupsInput) (*describeLogGroupsOutput, error) {
	if in.Prefix != nil && in.Pattern != nil {
		return nil, invalidParameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	if in.Prefix != nil {
		if err := checkGroupName(in.Prefix); err != nil {
			return nil, err
		}
	}
	if in.Class != nil && !slices.Contains(logGroupClasses(), *in.Class) {
		return nil, constraint(printable(*in.Class), "logGroupClass", oneOf(logGroupClasses()))
	}
	most, err := checkLimit(in.Limit, maxDescribeItems)
	if err != nil {
		return nil, err
	}
	found, err := s.store.groups(ctx, groupFilter{prefix: text(in.Prefix), part: text(in.Pattern),
		class: text(in.Class), after: text(in.NextToken), limit: most + 1})
	if err != nil {
		return nil, err
	}
	out := &describeLogGroupsOutput{LogGroups: []logGroupShape{}}
	if len(found) > most {
		found = found[:most]
		out.NextToken = found[most-1].name
	}
	for _, g := range found {
		arn := c.arn("log-group:" + g.name)
		out.LogGroups = append(out.LogGroups, logGroupShape{LogGroupName: g.name, CreationTime: g.created,
			RetentionInDays: g.retention, Arn: arn + ":*", StoredBytes: g.bytes, LogGroupClass: g.class,
			LogGroupArn: arn, Protected: g.protected})
	}
	return out, nil
}

// group finds the log group that a request names.
func (s *Server) group(ctx context.Context, name *string) (logGroup, error) {
	if err := checkGroupName(name); err != nil {
		return logGroup{}, err
	}
	group, found, err := s.store.group(ctx, *name)
	if err == nil && !found {
		err = noSuchGroup()
	}
	return group, err
}

// groupByEither finds the log group of an operation that takes its name or its identifier: "You must
// include one of these two parameters, but you can't include both."
func (s *Server) groupByEither(ctx context.Context, name, identifier *string) (logGroup, error) {
	if (name == nil) == (identifier == nil) {
		return logGroup{}, invalidParameter("Exactly one of the parameters logGroupName and logGroupIdentifier must be specified.")
	}
	if identifier != nil {
		bare := *identifier
		if _, after, isARN := strings.Cut(bare, ":log-group:"); isARN {
			bare = strings.TrimSuffix(after, ":*")
		}
		name = &bare
	}
	return s.group(ctx, name)
}

func checkGroupName(name *string) error {
	if name == nil {
		return missingMember("logGroupName")
	}
	if err := checkNameLength(*name, "logGroupName"); err != nil {
		return err
	}
	for _, r := range *name {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !plain && !strings.ContainsRune(".-_/#", r) {
			return constraint(printable(*name), "logGroupName", "Member must satisfy regular expression pattern: "+logGroupNamePattern)
		}
	}
	return nil
}

func checkStreamName(name *string) error {
	if name == nil {
		return missingMember("logStreamName")
	}
	if err := checkNameLength(*name, "logStreamName"); err != nil {
		return err
	}
	if strings.ContainsAny(*name, ":*") {
		return constraint(printable(*name), "logStreamName", "Member must satisfy regular expression pattern: "+logStreamNamePattern)
	}
	return nil
}

func checkNameLength(name, member string) error {
	switch n := utf8.RuneCountInString(name); {
	case n < 1:
		return constraint(name, member, "Member must have length greater than or equal to 1")
	case n > maxLogNameRunes:
		return constraint(printable(name), member, "Member must have length less than or equal to 512")
	}
	return nil
}

// checkLimit reads how many items a page may have; the most is the default, too.
func checkLimit(limit *int, most int) (int, error) {
	switch {
	case limit == nil:
		return most, nil
	case *limit < 1:
		return 0, constraint(*limit, "limit", "Member must have value greater than or equal to 1")
	case *limit > most:
		return 0, constraint(*limit, "limit", "Member must have value less than or equal to "+itoa(most))
	}
	return *limit, nil
}
