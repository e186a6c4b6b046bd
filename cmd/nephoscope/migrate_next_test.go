package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A second agent on one state folder is refused: one that is there already has to take the result up.
func TestMigrateBesideOurselves(t *testing.T) {
	t.Parallel()
	root, _ := unpackTree(t, "testdata/migrate/original-wizard.txtar")
	f := func(ours bool, args ...string) {
		t.Helper()
		out, errs, _ := nephoscope(t, "", append([]string{"migrate", "--root", root}, args...)...)
		if taken := strings.Contains(out, " -a fetch-config -c file:") || strings.Contains(out, " -a append-config -c file:"); taken != ours || strings.Contains(out, "nephoscope run") == ours || strings.Contains(out, "disable --now amazon") == ours {
			t.Errorf("ours %v, it says:\n%s%s", ours, out, errs)
		}
	}
	f(false)
	program := filepath.Join(root, "usr/bin/nephoscope")
	link := filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent")
	for _, err := range []error{os.MkdirAll(filepath.Dir(program), 0o755), os.WriteFile(program, nil, 0o755), os.Symlink(program, link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	f(true)
	f(true, "--from", "original", filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/bin/config.json"))
}
