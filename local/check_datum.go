package local

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A datumChecker holds data against the limits, and remembers what it refuses: the service names
// every datum in the wrong, a line each.
type datumChecker struct {
	now      time.Time
	refusals []*apiError
}

const maxRefusals = 10

// err is the first kind of refusal, with the messages of all of that kind.
func (k *datumChecker) err() error {
	if len(k.refusals) == 0 {
		return nil
	}
	first := *k.refusals[0]
	for _, next := range k.refusals[1:] {
		if next.code == first.code {
			first.message += "\n" + next.message
		}
	}
	return &first
}

func (k *datumChecker) refuse(e *apiError) {
	if e != nil && len(k.refusals) < maxRefusals {
		k.refusals = append(k.refusals, e)
	}
}

// check turns a datum into what is stored. The row means nothing once there is a refusal.
func (k *datumChecker) check(d *metricDatum, path string) datumRow {
	row := datumRow{unit: "None", resolution: 60}
	if d.MetricName == nil || *d.MetricName == "" {
		k.refuse(missingParameter(path + ".MetricName"))
	} else {
		row.metric.MetricName = *d.MetricName
		k.refuse(checkName(*d.MetricName, path+".MetricName", maxMetricNameRunes))
	}
	dimensions, err := checkDimensions(d.Dimensions, path+".Dimensions")
	k.refuse(err)
	row.metric.Dimensions = dimensions

	if d.Unit != nil {
		row.unit = *d.Unit
		k.refuse(checkUnit(d.Unit, path+".Unit"))
	}
	if d.StorageResolution != nil {
		row.resolution = *d.StorageResolution
		// MetricDatum, StorageResolution: "Valid values are 1 and 60."
		if row.resolution != 1 && row.resolution != 60 {
			k.refuse(invalidValue("The value %d for parameter %s.StorageResolution is invalid. Valid values are 1 and 60.", row.resolution, path))
		}
	}
	row.at = k.time(d.Timestamp, path)
	k.values(d, path, &row)
	return row
}

// time is the datum's second, or minute at standard resolution; now when it says none.
func (k *datumChecker) time(t *Timestamp, path string) int64 {
	if t == nil {
		return k.now.Unix()
	}
	if t.Before(k.now.Add(-maxDatumAge)) {
		k.refuse(invalidValue("The parameter %s.Timestamp must specify a time within the past two weeks.", path))
	}
	if t.After(k.now.Add(maxDatumAhead)) {
		k.refuse(invalidValue("The parameter %s.Timestamp must specify a time no more than two hours in the future.", path))
	}
	return t.Unix()
}

// values reads whichever of Value, StatisticValues and Values is given; it must be exactly one.
func (k *datumChecker) values(d *metricDatum, path string, row *datumRow) {
	given := 0
	for _, is := range []bool{d.Value != nil, d.StatisticValues != nil, d.Values != nil || d.Counts != nil} {
		if is {
			given++
		}
	}
	switch {
	case given == 0:
		k.refuse(&apiError{400, "MissingRequiredParameterException", "MissingParameter",
			fmt.Sprintf("At least one of the parameters %s.Value, %s.StatisticValues or %s.Values must be specified.", path, path, path)})
	case given > 1:
		k.refuse(invalidCombination("The parameters %s.Value, %s.StatisticValues and %s.Values are mutually exclusive and you have specified more than one.", path, path, path))
	case d.Value != nil:
		k.refuse(checkValue(*d.Value, path+".Value"))
		row.set(float64(*d.Value))
	case d.StatisticValues != nil:
		k.statisticSet(d.StatisticValues, path+".StatisticValues", row)
	default:
		k.distribution(d, path, row)
	}
}

// statisticSet: all four members, of which the service keeps no distribution.
func (k *datumChecker) statisticSet(set *statisticSet, path string, row *datumRow) {
	for _, member := range []struct {
		name  string
		value *Double
		to    *float64
	}{
		{"SampleCount", set.SampleCount, &row.count}, {"Sum", set.Sum, &row.sum},
		{"Minimum", set.Minimum, &row.min}, {"Maximum", set.Maximum, &row.max},
	} {
		if member.value == nil {
			k.refuse(missingParameter(path + "." + member.name))
			continue
		}
		k.refuse(checkValue(*member.value, path+"."+member.name))
		*member.to = float64(*member.value)
	}
	if row.count < 0 {
		k.refuse(invalidValue("The value %v for parameter %s.SampleCount is invalid.", row.count, path))
	}
	if row.min > row.max {
		k.refuse(invalidValue("The parameter %s.Maximum must be greater than %s.Minimum.", path, path))
	}
}

// distribution: values, and how often each occurred. "If you omit the Counts array, the default of
// 1 is used as the value for each count. If you include a Counts array, it must include the same
// amount of values as the Values array."
func (k *datumChecker) distribution(d *metricDatum, path string, row *datumRow) {
	switch {
	case len(d.Values) == 0:
		k.refuse(missingParameter(path + ".Values"))
		return
	case len(d.Values) > maxValues:
		k.refuse(tooMany(path+".Values", maxValues))
		return
	case d.Counts != nil && len(d.Counts) != len(d.Values):
		k.refuse(invalidCombination("The parameters %s.Values and %s.Counts must have the same size.", path, path))
		return
	}
	values, counts := make([]float64, len(d.Values)), make([]float64, len(d.Values))
	for i, v := range d.Values {
		k.refuse(checkValue(v, fmt.Sprintf("%s.Values.member.%d", path, i+1)))
		values[i], counts[i] = float64(v), 1
		if d.Counts != nil {
			k.refuse(checkValue(d.Counts[i], fmt.Sprintf("%s.Counts.member.%d", path, i+1)))
			counts[i] = float64(d.Counts[i])
		}
		if counts[i] < 0 {
			k.refuse(invalidValue("The value %v for parameter %s.Counts.member.%d is invalid.", counts[i], path, i+1))
		}
	}
	row.setDistribution(values, counts)
}

func checkValue(v Double, path string) *apiError {
	size := math.Abs(float64(v))
	switch {
	case math.IsNaN(size), size > maxMagnitude:
		return invalidValue("The value %v for parameter %s is invalid.", float64(v), path)
	case size != 0 && size < minMagnitude:
		return invalidValue("The value %v for parameter %s is too small.", float64(v), path)
	}
	return nil
}

func checkUnit(unit *string, path string) *apiError {
	if unit != nil && !slices.Contains(units(), *unit) {
		return invalidValue("The value %s for parameter %s is invalid.", printable(*unit), path)
	}
	return nil
}

// checkNamespace: Namespace, "You can use ASCII characters for the namespace, except for control
// characters which are not supported." Pattern: [^:].*
func checkNamespace(namespace *string) error {
	if namespace == nil || *namespace == "" {
		return missingParameter("Namespace")
	}
	name := *namespace
	switch {
	case strings.HasPrefix(name, reservedNamespaceStart):
		return invalidValue("The value %s for parameter Namespace is invalid.", reservedNamespaceStart)
	case strings.HasPrefix(name, ":"), !plainASCII(name), strings.TrimSpace(name) == "":
		return invalidValue("The value %s for parameter Namespace contains invalid characters.", printable(name))
	case utf8.RuneCountInString(name) > maxNamespaceRunes:
		return tooLong("Namespace", maxNamespaceRunes)
	}
	return nil
}

func checkName(name, path string, most int) *apiError {
	if utf8.RuneCountInString(name) > most {
		return tooLong(path, most)
	}
	if strings.TrimSpace(name) == "" {
		return invalidValue("The parameter %s must not be blank.", path)
	}
	return nil
}

func tooLong(path string, most int) *apiError {
	return invalidValue("The parameter %s must not be longer than %d characters.", path, most)
}

// checkDimensions: Dimension, Name: "Dimension names must contain only ASCII characters, must
// include at least one non-whitespace character, and cannot start with a colon (:). ASCII control
// characters are not supported as part of dimension names." Value: the same but for the colon.
func checkDimensions(given []dimensionInput, path string) ([]Dimension, *apiError) {
	if len(given) > maxDimensions {
		return nil, tooMany(path, maxDimensions)
	}
	dimensions := make([]Dimension, 0, len(given))
	for i, d := range given {
		at := fmt.Sprintf("%s.member.%d", path, i+1)
		switch {
		case d.Name == nil || *d.Name == "":
			return nil, missingParameter(at + ".Name")
		case d.Value == nil || *d.Value == "":
			return nil, missingParameter(at + ".Value")
		case strings.HasPrefix(*d.Name, ":"), !plainASCII(*d.Name):
			return nil, invalidValue("The value %s for parameter %s.Name contains invalid characters.", printable(*d.Name), at)
		case !plainASCII(*d.Value):
			return nil, invalidValue("The value %s for parameter %s.Value contains invalid characters.", printable(*d.Value), at)
		}
		if err := checkName(*d.Name, at+".Name", maxDimensionNameRunes); err != nil {
			return nil, err
		}
		if err := checkName(*d.Value, at+".Value", maxDimensionValueRunes); err != nil {
			return nil, err
		}
		dimensions = append(dimensions, Dimension{*d.Name, *d.Value})
	}
	// The order of dimensions does not tell metrics apart.
	slices.SortFunc(dimensions, func(a, b Dimension) int {
		return strings.Compare(a.Name+"\x00"+a.Value, b.Name+"\x00"+b.Value)
	})
	for i := 1; i < len(dimensions); i++ {
		if dimensions[i].Name == dimensions[i-1].Name {
			return nil, invalidValue("The dimension name %s occurs more than once in %s.", dimensions[i].Name, path)
		}
	}
	return dimensions, nil
}

// plainASCII: no control characters, nothing beyond ASCII.
func plainASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
