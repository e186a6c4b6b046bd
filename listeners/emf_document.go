package listeners

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of the embedded metric format, from its specification
// (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
const (
	// "This array MUST NOT contain more than 100 MetricDefinition objects."
	maxDefinitions = 100
	// "A DimensionSet MUST NOT contain more than 30 dimension keys." Its schema: a key has 1 to 250 characters.
	maxDimensionKeys  = 30
	maxDimensionRunes = 250
	// The schema: Namespace and the Name of a metric have 1 to 1024 characters.
	maxNameRunes = 1024
	// "Numeric array metric targets MUST NOT have more than 100 members."
	maxTargetValues = 100
	// "limited to a maximum size of" 256 KB, of 1 MB since April 2025. An event may have 1,048,576 bytes, its overhead included.
	maxDocument = 1_000_000
	// PutLogEvents: "None of the log events in the batch can be more than 2 hours in the future", and none older than 14 days.
	maxAhead  = 2 * time.Hour
	maxBehind = 14 * 24 * time.Hour
	// CreateLogGroup and CreateLogStream: 1 to 512 characters.
	maxLogName = 512
)

// Why a document is refused. They are labels of a metric, and keys of a status.
const (
	refusedJSON       = "not_json"         // or no object, or not UTF-8
	refusedForm       = "not_emf"          // neither metrics nor a log group: nothing says that it is for CloudWatch
	refusedTime       = "no_timestamp"     // _aws.Timestamp is missing or no number
	refusedDirective  = "metric_directive" // without namespace, dimensions or metrics, or one of them is not what it has to be
	refusedMetrics    = "too_many_metrics"
	refusedDimensions = "too_many_dimensions"
	refusedValues     = "too_many_values"
	refusedGroup      = "log_group" // names that CloudWatch Logs does not accept
	refusedStream     = "log_stream"
	refusedSize       = "too_large"
	refusedSlow       = "too_slow"     // a document that never ended
	refusedMemory     = "memory"       // too many large ones at once
	refusedFull       = "spool_full"   // nephoscope.events_mib
	refusedStreams    = "many_streams" // more log streams at once than there may be
	refusedDisk       = "disk"
)

// document is what a document in the embedded metric format says of where it belongs.
type document struct {
	group, stream string    // "": it does not say
	at            time.Time // zero: it does not say, or nothing that CloudWatch would take
	stale         bool      // it says a time that CloudWatch takes no metrics of
}

// directive is one MetricDirective.
type directive struct {
	Namespace  *string
	Dimensions *[][]string
	Metrics    *[]struct{ Name *string }
}

// parseEMF judges a document; refused says why it is none, "" for one that is. An object that has no metrics but names its log
// group is sent as an event, as the original does: its clients make such when they are told to extract nothing.
func parseEMF(raw []byte, now time.Time) (d document, refused string) {
	var root map[string]json.RawMessage
	if !utf8.Valid(raw) || json.Unmarshal(raw, &root) != nil || root == nil {
		return d, refusedJSON
	}
	meta, first := map[string]json.RawMessage{}, root["_aws"] != nil
	if first && json.Unmarshal(root["_aws"], &meta) != nil {
		return d, refusedDirective
	}
	d.group = firstText(meta["LogGroupName"], meta["logGroupName"], root["log_group_name"])
	d.stream = firstText(meta["LogStreamName"], meta["logStreamName"], root["log_stream_name"])
	directives, stamp := meta["CloudWatchMetrics"], meta["Timestamp"]
	if !first { // version 0: the same, one level up
		directives, stamp = root["CloudWatchMetrics"], root["Timestamp"]
	}
	switch {
	case d.group != "" && !isGroup(d.group):
		return d, refusedGroup
	case d.stream != "" && !isStream(d.stream):
		return d, refusedStream
	case directives == nil && d.group == "":
		return d, refusedForm
	}
	said, ok := millis(stamp)
	switch {
	case !ok && (stamp != nil || first && directives != nil):
		return d, refusedTime
	case ok && (said.Before(now.Add(-maxBehind)) || said.After(now.Add(maxAhead))):
		d.stale = true
	case ok:
		d.at = said
	}
	if directives == nil {
		return d, ""
	}
	return d, judge(directives, root)
}

// judge holds metric directives against the specification. That a metric is named whose value is not there leaves out that one.
// It takes the values out of root: however often one is named, it is looked at once.
func judge(raw json.RawMessage, root map[string]json.RawMessage) (refused string) {
	var all []directive
	if json.Unmarshal(raw, &all) != nil || all == nil {
		return refusedDirective
	}
	for _, d := range all {
		if d.Namespace == nil || !isName(*d.Namespace, maxNameRunes) || d.Dimensions == nil || d.Metrics == nil {
			return refusedDirective
		}
		for _, set := range *d.Dimensions {
			if len(set) > maxDimensionKeys {
				return refusedDimensions
			}
			for _, name := range set {
				if !isName(name, maxDimensionRunes) {
					return refusedDirective
				}
			}
		}
		if len(*d.Metrics) > maxDefinitions {
			return refusedMetrics
		}
		for _, m := range *d.Metrics {
			if m.Name == nil || !isName(*m.Name, maxNameRunes) {
				return refusedDirective
			}
			if many(root[*m.Name]) {
				return refusedValues
			}
			delete(root, *m.Name)
		}
	}
	return ""
}

// many tells whether a value is an array of more members than a metric may have.
func many(raw json.RawMessage) bool {
	if len(raw) < 2*maxTargetValues || raw[0] != '[' {
		return false
	}
	var values []json.RawMessage
	return json.Unmarshal(raw, &values) == nil && len(values) > maxTargetValues
}

func isName(name string, most int) bool {
	return strings.TrimSpace(name) != "" && utf8.RuneCountInString(name) <= most
}

// isGroup: a-z, A-Z, 0-9 and _ - / . # are allowed, and "aws/" is not the beginning of one (CreateLogGroup).
func isGroup(name string) bool {
	strange := func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_-/.#", c))
	}
	return len(name) <= maxLogName && strings.IndexFunc(name, strange) < 0 && !strings.HasPrefix(name, "aws/")
}

// isStream: neither : nor * (CreateLogStream).
func isStream(name string) bool {
	return utf8.RuneCountInString(name) <= maxLogName && !strings.ContainsAny(name, ":*")
}

// firstText is the first of the values that is a string and not empty.
func firstText(all ...json.RawMessage) (text string) {
	for _, raw := range all {
		if raw != nil && json.Unmarshal(raw, &text) == nil && text != "" {
			return text
		}
	}
	return ""
}

// millis is a time in milliseconds since the epoch; version 0 writes it as a string.
func millis(raw json.RawMessage) (at time.Time, ok bool) {
	text := strings.Trim(string(raw), `"`)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(n), true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != f || f < -1<<53 || f > 1<<53 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(f)), true
}

// oneLine is a document without the line ends that may stand between its parts.
func oneLine(raw []byte) ([]byte, error) {
	if !bytes.ContainsAny(raw, "\n\r") {
		return raw, nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
