package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A faultText is a Fault as it stands in JSON: what is absent is nil.
type faultText struct {
	Operation *string  `json:"operation,omitempty"`
	Group     *string  `json:"group,omitempty"`
	Do        *string  `json:"do,omitempty"`
	Rate      *float64 `json:"rate,omitempty"`
	Seed      *uint64  `json:"seed,omitempty"`
	Times     *int     `json:"times,omitempty"`
	For       *string  `json:"for,omitempty"`
	Latency   *string  `json:"latency,omitempty"` // "200ms", or a range: "100ms-2s"
	PerSecond *float64 `json:"per_second,omitempty"`
	Code      *string  `json:"code,omitempty"`
	Message   *string  `json:"message,omitempty"`
	Status    *int     `json:"status,omitempty"`
}

// maxFaultsBytes bounds the body of PUT /faults.
const maxFaultsBytes = 1 << 20

// putFaults serves PUT /faults: a list of rules takes the place of all that there were.
func (s *Server) putFaults(r *http.Request) ([]FaultCount, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxFaultsBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: read faults: %w", errBadRequest, err)
	}
	if len(body) > maxFaultsBytes {
		return nil, fmt.Errorf("%w: read faults: the body has more than %d bytes", errBadRequest, maxFaultsBytes)
	}
	rules, err := readFaults(body)
	if err == nil {
		err = s.SetFaults(rules...)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadRequest, err)
	}
	return s.Faults(), nil
}

// getFaults serves GET /faults, deleteFaults DELETE /faults.
func (s *Server) getFaults(*http.Request) ([]FaultCount, error) { return s.Faults(), nil }

func (s *Server) deleteFaults(*http.Request) ([]FaultCount, error) {
	s.ClearFaults()
	return s.Faults(), nil
}

func readFaults(body []byte) ([]Fault, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("read faults: the body is not UTF-8")
	}
	var each []json.RawMessage
	if err := json.Unmarshal(body, &each); err != nil || each == nil {
		return nil, fmt.Errorf(`read faults: the body is not a JSON list of rules, such as [{"operation": "PutLogEvents", "do": "reset"}]%s`, because(err))
	}
	rules := make([]Fault, len(each))
	for i, text := range each {
		if err := rules[i].UnmarshalJSON(text); err != nil {
			return nil, fmt.Errorf("read faults: rule %d: %w", i+1, err)
		}
	}
	return rules, nil
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

// UnmarshalJSON reads the form that PUT /faults takes. Whatever is not in it is refused, and so is a
// field that is there and asks for nothing: it was meant to ask for something.
func (f *Fault) UnmarshalJSON(text []byte) error {
	var t faultText
	if !json.Valid(text) {
		return errors.New("it is no JSON")
	}
	if err := decodeStrictly(text, &t); err != nil {
		return err
	}
	for _, field := range []struct {
		name    string
		nothing bool
	}{
		{"operation", empty(t.Operation)}, {"group", empty(t.Group)}, {"do", empty(t.Do)}, {"rate", empty(t.Rate)},
		{"seed", empty(t.Seed)}, {"times", empty(t.Times)}, {"for", empty(t.For)}, {"latency", empty(t.Latency)},
		{"per_second", empty(t.PerSecond)}, {"code", empty(t.Code)}, {"message", empty(t.Message)}, {"status", empty(t.Status)},
	} {
		if field.nothing {
			return fmt.Errorf("%s: it says nothing; leave the field out, or the whole rule", field.name)
		}
	}
	read := Fault{Operation: given(t.Operation), Group: given(t.Group), Do: FaultKind(given(t.Do)), Rate: given(t.Rate), Seed: given(t.Seed),
		Times: given(t.Times), PerSecond: given(t.PerSecond), Code: given(t.Code), Message: given(t.Message), Status: given(t.Status)}
	var err error
	if t.For != nil {
		if read.For, err = readLength("for", *t.For); err != nil {
			return err
		}
	}
	if t.Latency != nil {
		if read.Latency, read.LatencyUpTo, err = readRange("latency", *t.Latency); err != nil {
			return err
		}
	}
	*f = read
	return nil
}

// MarshalJSON writes the form that PUT /faults takes.
func (f Fault) MarshalJSON() ([]byte, error) {
	latency := ""
	if f.Latency > 0 || f.LatencyUpTo > 0 {
		latency = f.Latency.String()
		if f.LatencyUpTo > 0 {
			latency += "-" + f.LatencyUpTo.String()
		}
	}
	length := ""
	if f.For > 0 {
		length = f.For.String()
	}
	return json.Marshal(faultText{some(f.Operation), some(f.Group), some(string(f.Do)), some(f.Rate), some(f.Seed), some(f.Times),
		some(length), some(latency), some(f.PerSecond), some(f.Code), some(f.Message), some(f.Status)})
}

func empty[T comparable](p *T) bool {
	var zero T
	return p != nil && *p == zero
}

func given[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// decodeStrictly reads one rule, and names a field that does not exist or is of another kind.
func decodeStrictly(text []byte, into *faultText) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return fmt.Errorf("it is no object but a JSON %s", wrong.Value)
		}
		return fmt.Errorf("%s: a JSON %s is not of its type, %s", wrong.Field, wrong.Value, wrong.Type)
	}
	if err != nil {
		if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
			return fmt.Errorf("there is no field %s; there are %s", name, strings.Join(fieldNames(), ", "))
		}
		return err
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || trimmed[0] != '{' {
		return errors.New("it is no object")
	}
	return checkCase(text, reflect.TypeFor[faultText]())
}

func fieldNames() (names []string) {
	shape := reflect.TypeFor[faultText]()
	for i := range shape.NumField() {
		names = append(names, memberName(shape.Field(i)))
	}
	return names
}

func readLength(field, text string) (time.Duration, error) {
	length, err := time.ParseDuration(text)
	if err != nil || length <= 0 {
		return 0, fmt.Errorf("%s: %q is no length of time such as 500ms, 30s or 5m%s", field, text, rangeHint(field))
	}
	return length, nil
}

// readRange reads one length of time, or two of which the first may be none: "0s-2s".
func readRange(field, text string) (from, to time.Duration, err error) {
	low, high, ranged := strings.Cut(text, "-")
	if !ranged {
		from, err = readLength(field, text)
		return from, 0, err
	}
	if from, err = time.ParseDuration(low); err != nil || from != 0 {
		from, err = readLength(field, low)
	}
	if err == nil {
		to, err = readLength(field, high)
	}
	if err == nil && to <= from {
		err = fmt.Errorf("%s: %q does not go up", field, text)
	}
	return from, to, err
}

func rangeHint(field string) string {
	if field == "latency" {
		return ", or a range such as 100ms-2s"
	}
	return ""
}

// asks says which fields belong to one kind of fault alone, and which of them it cannot do without.
var asks = map[FaultKind]struct{ takes, needs []string }{
	FaultError:      {takes: []string{"code", "message", "status"}, needs: []string{"code"}},
	FaultThrottle:   {takes: []string{"per_second"}, needs: []string{"per_second"}},
	FaultStatus:     {takes: []string{"status"}, needs: []string{"status"}},
	FaultGarbage:    {takes: []string{"status"}},
	FaultReset:      {},
	FaultHang:       {},
	FaultLoseAnswer: {},
	FaultDelay:      {needs: []string{"latency"}},
}

// check says what is wrong with a rule, nil when nothing is.
func (f Fault) check(calls map[string]handler) error {
	if f.Operation == "" {
		return errors.New(`operation: it is required; "*" is every operation`)
	}
	if names := operationNames(calls); f.Operation != "*" && !slices.Contains(names, f.Operation) {
		return fmt.Errorf(`operation: %q is none that is answered here; there are "*", %s`, printable(f.Operation), strings.Join(names, ", "))
	}
	if _, logs := calls["logs."+f.Operation]; f.Group != "" && f.Operation != "*" && !logs {
		return fmt.Errorf("group: %s names no log group, so that the rule would never strike", f.Operation)
	}
	kind, known := asks[f.Do]
	if !known {
		return fmt.Errorf("do: %q is nothing that a fault does; there are error, throttle, status, garbage, reset, hang, lose_answer, delay", printable(string(f.Do)))
	}
	if err := f.checkNumbers(); err != nil {
		return err
	}
	for _, field := range []struct {
		name  string
		there bool
	}{{"code", f.Code != ""}, {"message", f.Message != ""}, {"status", f.Status != 0}, {"per_second", f.PerSecond != 0}, {"latency", f.Latency > 0 || f.LatencyUpTo > 0}} {
		if !field.there && slices.Contains(kind.needs, field.name) {
			return fmt.Errorf("%s: %s needs it", field.name, f.Do)
		}
		if field.there && field.name != "latency" && !slices.Contains(kind.takes, field.name) {
			return fmt.Errorf("%s: it means nothing to %s", field.name, f.Do)
		}
	}
	return nil
}

func (f Fault) checkNumbers() error {
	switch {
	case !(f.Rate >= 0 && f.Rate <= 1):
		return fmt.Errorf("rate: %v is not above 0 and at most 1", f.Rate)
	case f.Times < 0:
		return fmt.Errorf("times: %d is below 1", f.Times)
	case f.For < 0 || f.Latency < 0 || f.LatencyUpTo < 0:
		return errors.New("for, latency: a length of time is below 0")
	case f.LatencyUpTo > 0 && f.LatencyUpTo <= f.Latency:
		return fmt.Errorf("latency: from %s to %s does not go up", f.Latency, f.LatencyUpTo)
	case !(f.PerSecond >= 0 && f.PerSecond <= 1e6):
		return fmt.Errorf("per_second: %v is not above 0 and at most 1000000", f.PerSecond)
	case f.Do == FaultError && f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status: %d is not from 400 to 599, as those of errors are", f.Status)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status: %d is not from 200 to 599", f.Status)
	case f.Code != knownCode(f.Code) || f.Message != printable(f.Message):
		return errors.New("code, message: a code is up to 64 letters, a message up to 200 printable characters")
	}
	return nil
}

// knownCode is a code that an error can have: it stands in a header and in XML.
func knownCode(code string) string {
	if code == "" || knownName(code) == code {
		return code
	}
	return ""
}
