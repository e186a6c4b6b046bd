package awsapi

import "github.com/nephoscope/nephoscope/cloudwatch"

// Denied is whether an error is the service's word that these credentials may not do that, or that there are none.
func Denied(err error) bool { return cloudwatch.ClassOf(err) == cloudwatch.Denied }
