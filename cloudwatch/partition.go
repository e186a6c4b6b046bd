package cloudwatch

import "strings"

// Partition is the part of AWS that a region belongs to, as resource names have it (the SDKs' partitions.json). An unknown
// region is one of the commercial ones, which are always being added to.
func Partition(region string) string {
	for _, p := range []struct{ begins, partition string }{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"},
		{"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"},
	} {
		if strings.HasPrefix(region, p.begins) {
			return p.partition
		}
	}
	return "aws"
}
