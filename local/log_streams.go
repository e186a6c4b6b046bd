package local

import (
	"context"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

func (s *Server) createLogStream(ctx context.Context, _ *call, in *logStreamInput) (*nothing, error) {
	if err := checkStreamName(in.LogStreamName); err != nil {
		return nil, err
	}
	group, err := s.group(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	created, err := s.store.createStream(ctx, group.id, *in.LogStreamName, s.now().UnixMilli())
	if err != nil {
		return nil, err
	}
	if !created {
		return nil, alreadyExists("log stream")
	}
	return &nothing{}, nil
}

func (s *Server) deleteLogStream(ctx context.Context, _ *call, in *logStreamInput) (*nothing, error) {
	if err := checkStreamName(in.LogStreamName); err != nil {
		return nil, err
	}
	group, err := s.group(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	stream, err := s.stream(ctx, group, *in.LogStreamName)
	if err != nil {
		return nil, err
	}
	return &nothing{}, s.store.deleteStream(ctx, stream.id)
}

// stream finds a log stream of a group.
func (s *Server) stream(ctx context.Context, group logGroup, name string) (logStream, error) {
	stream, found, err := s.store.stream(ctx, group.id, name)
	if err == nil && !found {
		err = noSuchStream()
	}
	return stream, err
}

func (s *Server) describeLogStreams(ctx context.Context, c *call, in *describeLogStreamsInput) (*describeLogStreamsOutput, error) {
	byTime := false
	if in.OrderBy != nil {
		switch *in.OrderBy {
		case "LogStreamName":
		case "LastEventTime":
			byTime = true
		default:
			return nil, constraint(printable(*in.OrderBy), "orderBy", oneOf([]string{"LogStreamName", "LastEventTime"}))
		}
	}
	if byTime && in.Prefix != nil {
		return nil, invalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	if in.Prefix != nil {
		if err := checkStreamName(in.Prefix); err != nil {
			return nil, err
		}
	}
	most, err := checkLimit(in.Limit, maxDescribeItems)
	if err != nil {
		return nil, err
	}
	skip, err := readToken(in.NextToken)
	if err != nil {
		return nil, invalidParameter("The specified nextToken is invalid.")
	}
	group, err := s.groupByEither(ctx, in.LogGroupName, in.Identifier)
	if err != nil {
		return nil, err
	}
	found, err := s.store.streams(ctx, streamFilter{group: group.id, prefix: text(in.Prefix),
		byTime: byTime, descending: in.Descending, skip: int(skip), limit: most + 1})
	if err != nil {
		return nil, err
	}
	out := &describeLogStreamsOutput{LogStreams: []logStreamShape{}}
	if len(found) > most {
		found = found[:most]
		out.NextToken = strconv.FormatInt(skip+int64(most), 36)
	}
	for _, f := range found {
		out.LogStreams = append(out.LogStreams, logStreamShape{LogStreamName: f.name, CreationTime: f.created,
			FirstEventTimestamp: f.first, LastEventTimestamp: f.last, LastIngestionTime: f.ingested,
			UploadSequenceToken: sequenceToken, Arn: c.arn("log-group:" + group.name + ":log-stream:" + f.name)})
	}
	return out, nil
}

// sequenceToken is answered wherever one is expected: "The sequence token is now ignored".
const sequenceToken = "49590302938429384293842938429384293842938429384293842938"
