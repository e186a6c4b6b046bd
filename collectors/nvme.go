package collectors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Amazon's NVMe controllers count in a log page of their own. Its number, its length, the two marks and the order of the
// counters are facts of pkg/metrics/nvme.go in github.com/kubernetes-sigs/aws-ebs-csi-driver (EBS) and of
// receiver/awsnvmereceiver in github.com/aws/amazon-cloudwatch-agent (both); that times are microseconds is said in "Collect
// Amazon EBS NVMe driver metrics" and in its sister on instance store volumes in the guide to CloudWatch.
const (
	amazonLogPage  = 0xD0
	amazonLogBytes = 4096
	ebsMark        = 0x3C23B510 // the first eight bytes, little endian
	storeMark      = 0xEC2C0D7E // the first four; the next four are reserved
)

// The counters of the log page: eight bytes each, behind the mark. All but the queue's length count since the volume was
// attached.
const (
	nvmeReadOps = iota
	nvmeWriteOps
	nvmeReadBytes
	nvmeWriteBytes
	nvmeReadTime // microseconds, as all times are
	nvmeWriteTime
	nvmeVolumeIOPS       // time beyond what the volume allows
	nvmeVolumeThroughput // of an instance store it is not used
	nvmeInstanceIOPS     // time beyond what the instance allows
	nvmeInstanceThroughput
	nvmeQueue // requests that wait, now
	nvmeCounted
)

type nvmeCounters [nvmeCounted]uint64

// What Amazon's controllers call themselves.
const (
	ebsModel   = "Amazon Elastic Block Store"
	storeModel = "Amazon EC2 NVMe Instance Storage"
)

var errNoCounters = errors.New("it has no log page of Amazon's counters")

// parseLogPage reads the log page of a controller of that model.
func parseLogPage(page []byte, model string) (c nvmeCounters, err error) {
	if len(page) < 8*(1+nvmeCounted) {
		return c, fmt.Errorf("the log page has %d bytes", len(page))
	}
	mark := binary.LittleEndian.Uint64(page)
	if model == storeModel {
		mark &= math.MaxUint32
	}
	if model == ebsModel && mark != ebsMark || model == storeModel && mark != storeMark {
		return c, errNoCounters
	}
	for i := range c {
		c[i] = binary.LittleEndian.Uint64(page[8*(1+i):])
	}
	return c, nil
}

// nvmeReading is a controller now, and what its counters grew by since the last Collect.
type nvmeReading struct {
	now, grown nvmeCounters
	known      bool
}

// nvmeGrowth is a row's value: what a counter grew by.
func nvmeGrowth(counter int) func(*nvmeReading) float64 {
	return func(r *nvmeReading) float64 { return difference(r.known, r.grown[counter]) }
}

func nvmeQueueLength(r *nvmeReading) float64 { return float64(r.now[nvmeQueue]) }

// ebsTable and storeTable have the units of the original: bytes, and nothing for all else.
var ebsTable = []row[nvmeReading]{
	{"ebs_ec2_instance_performance_exceeded_iops", cloudwatch.None, nvmeGrowth(nvmeInstanceIOPS)},
	{"ebs_ec2_instance_performance_exceeded_tp", cloudwatch.None, nvmeGrowth(nvmeInstanceThroughput)},
	{"ebs_total_read_bytes", cloudwatch.Bytes, nvmeGrowth(nvmeReadBytes)},
	{"ebs_total_read_ops", cloudwatch.None, nvmeGrowth(nvmeReadOps)},
	{"ebs_total_read_time", cloudwatch.None, nvmeGrowth(nvmeReadTime)},
	{"ebs_total_write_bytes", cloudwatch.Bytes, nvmeGrowth(nvmeWriteBytes)},
	{"ebs_total_write_ops", cloudwatch.None, nvmeGrowth(nvmeWriteOps)},
	{"ebs_total_write_time", cloudwatch.None, nvmeGrowth(nvmeWriteTime)},
	{"ebs_volume_performance_exceeded_iops", cloudwatch.None, nvmeGrowth(nvmeVolumeIOPS)},
	{"ebs_volume_performance_exceeded_tp", cloudwatch.None, nvmeGrowth(nvmeVolumeThroughput)},
	{"ebs_volume_queue_length", cloudwatch.None, nvmeQueueLength},
}

var storeTable = []row[nvmeReading]{
	{"instance_store_performance_exceeded_iops", cloudwatch.None, nvmeGrowth(nvmeInstanceIOPS)},
	{"instance_store_performance_exceeded_tp", cloudwatch.None, nvmeGrowth(nvmeInstanceThroughput)},
	{"instance_store_total_read_bytes", cloudwatch.Bytes, nvmeGrowth(nvmeReadBytes)},
	{"instance_store_total_read_ops", cloudwatch.None, nvmeGrowth(nvmeReadOps)},
	{"instance_store_total_read_time", cloudwatch.None, nvmeGrowth(nvmeReadTime)},
	{"instance_store_total_write_bytes", cloudwatch.Bytes, nvmeGrowth(nvmeWriteBytes)},
	{"instance_store_total_write_ops", cloudwatch.None, nvmeGrowth(nvmeWriteOps)},
	{"instance_store_total_write_time", cloudwatch.None, nvmeGrowth(nvmeWriteTime)},
	{"instance_store_volume_queue_length", cloudwatch.None, nvmeQueueLength},
}

// volumeOf is the volume that a serial number names, as EC2 writes it: EBS has vol0123… for vol-0123….
func volumeOf(serial string) string {
	number, ebs := strings.CutPrefix(serial, "vol")
	if !ebs || number == "" || number[0] == '-' {
		return serial
	}
	return "vol-" + number
}
