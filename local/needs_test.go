package local_test

import (
	"os"
	"os/exec"
	"testing"
)

// needs finds a program that a test drives. Where everything is to be tested, a missing one is a
// failure; elsewhere it is said and skipped.
func needs(t *testing.T, debianPackage string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" || os.Getenv("NEPHOSCOPE_FULL") == "1" {
		t.Fatalf("%s is not installed: make test installs %s", names[0], debianPackage)
	}
	t.Skipf("NOT RUN: %s is not installed; make test installs %s", names[0], debianPackage)
	return ""
}
