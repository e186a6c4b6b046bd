//go:build packages

package packagetest

import (
	"fmt"
	"testing"
	"time"
)

// What it takes is measured, and for the README. A test fails only for what is beyond any slow machine.
func TestHowLongItTakes(t *testing.T) {
	h := boot(t) // beside nothing else
	began := time.Now()
	h.installs(now)
	installed := time.Since(began)
	h.configure(fmt.Sprintf(shipsOneLog, ""))
	h.untilData(began.Add(-time.Second), nil, "mem")
	first := time.Since(began)
	figure(t, "dpkg -i: %.1f s; from dpkg -i to the first datum in CloudWatch, at an interval of 1 s: %.1f s", installed.Seconds(), first.Seconds())
	if installed > 30*time.Second || first > time.Minute {
		t.Errorf("installing took %v, the first datum %v", installed, first)
	}
	began = time.Now()
	h.installs(newer)
	figure(t, "upgrade of a running agent: %.1f s", time.Since(began).Seconds())
}
