package awsapi

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// What CBOR (RFC 8949) begins with: the upper three bits say what it is, the lower five how long it is, or how long that is told.
const (
	cborInt      = 0 << 5
	cborString   = 3 << 5
	cborTime     = 6<<5 | 1 // seconds since 1970
	cborFloat    = 7<<5 | 27
	cborList     = 4<<5 | 31 // until cborEnd
	cborMap      = 5<<5 | 31 // the same
	cborEnd      = 0xff
	cborIn8Bits  = 24
	cborIn16Bits = 25
	cborIn32Bits = 26
)

// appendMetricBatch writes the body of a PutMetricData request, byte for byte as the SDK would: that makes some ten objects of
// each datum first, and with a thousand of them a request and a dozen requests a minute they were most of the agent's garbage.
func appendMetricBatch(to []byte, b cloudwatch.MetricBatch) []byte {
	to = append(appendText(append(to, cborMap), "MetricData"), cborList)
	for i := range b.Data {
		to = appendMetricDatum(to, &b.Data[i])
	}
	to = append(to, cborEnd)
	to = appendText(appendText(to, "Namespace"), b.Namespace)
	return append(to, cborEnd)
}

// appendMetricDatum writes members in the order of their names, in which the SDK has them.
func appendMetricDatum(to []byte, d *cloudwatch.Datum) []byte {
	single := len(d.Values) == 1 && (d.Counts == nil || d.Counts[0] == 1)
	to = append(to, cborMap)
	if !single && d.Counts != nil {
		to = appendFloats(appendText(to, "Counts"), d.Counts)
	}
	to = append(appendText(to, "Dimensions"), cborList)
	for i := range d.Dimensions {
		to = appendText(append(to, cborMap), "Name")
		to = appendText(to, d.Dimensions[i].Name)
		to = appendText(to, "Value")
		to = append(appendText(to, d.Dimensions[i].Value), cborEnd)
	}
	to = appendText(append(to, cborEnd), "MetricName")
	to = appendText(to, d.Name)
	resolution := cloudwatch.StandardResolution
	if d.Resolution == cloudwatch.HighResolution {
		resolution = cloudwatch.HighResolution
	}
	to = appendHead(appendText(to, "StorageResolution"), cborInt, uint64(resolution/time.Second))
	to = append(appendText(to, "Timestamp"), cborTime)
	to = appendFloat(to, float64(d.Time.UnixMilli())/1000)
	unit := d.Unit
	if unit == "" {
		unit = cloudwatch.None
	}
	to = appendText(appendText(to, "Unit"), string(unit))
	switch {
	case single:
		to = appendFloat(appendText(to, "Value"), d.Values[0])
	case d.Values != nil:
		to = appendFloats(appendText(to, "Values"), d.Values)
	}
	return append(to, cborEnd)
}

func appendFloats(to []byte, all []float64) []byte {
	to = append(to, cborList)
	for _, v := range all {
		to = appendFloat(to, v)
	}
	return append(to, cborEnd)
}

func appendFloat(to []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(to, cborFloat), math.Float64bits(v))
}

func appendText(to []byte, s string) []byte {
	return append(appendHead(to, cborString, uint64(len(s))), s...)
}

// appendHead writes what something is, and its length or value in as few bytes as it takes; lengths are of at most 1 MB.
func appendHead(to []byte, what byte, n uint64) []byte {
	switch {
	case n < cborIn8Bits:
		return append(to, what|byte(n))
	case n <= math.MaxUint8:
		return append(to, what|cborIn8Bits, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(to, what|cborIn16Bits), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(to, what|cborIn32Bits), uint32(n))
}
