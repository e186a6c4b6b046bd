package awsapi

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

func TestDeniedIsWhatTheServiceCallsSo(t *testing.T) {
	f := func(err error, want bool) {
		t.Helper()
		if got := Denied(err); got != want {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
	f(fmt.Errorf("put parameter: %w", &cloudwatch.Failure{Class: cloudwatch.Denied, Err: errors.New("AccessDeniedException")}), true)
	f(&cloudwatch.Failure{Class: cloudwatch.Throttled, Err: errors.New("ThrottlingException")}, false)
	f(errors.New("connection refused"), false)
}
