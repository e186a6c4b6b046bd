//go:build unix

package explain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhoMayRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "closed", "a.log")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	fill(t, path, 8)
	stranger := func() *runner {
		return &runner{name: "stranger", uid: "54321", groups: []string{"54321"}, entered: map[string]string{filepath.Dir(dir): ""}}
	}
	f := func(name string, file, folder os.FileMode, want string) {
		t.Helper()
		for _, err := range []error{os.Chmod(path, file), os.Chmod(filepath.Dir(path), folder), os.Chmod(dir, 0o755)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := stranger().mayNot(path, info); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	f("everybody may", 0o644, 0o755, "")
	f("the owner alone may", 0o600, 0o755, "run_as_user stranger may not read it: mode 0600, for ")
	f("the group may", 0o640, 0o755, "and the group ")
	f("the folder is closed", 0o644, 0o700, "run_as_user stranger may not enter "+filepath.Dir(path))
	info, _ := os.Stat(path)
	if got := runnerNamed("").mayNot(path, info); got != "" {
		t.Errorf("of no user: %q", got)
	}
	if got := runnerNamed("root").mayNot(path, info); got != "" {
		t.Errorf("of root: %q", got)
	}
	if got := runnerNamed("nobody-of-that-name").mayNot(path, info); got != "" {
		t.Errorf("of somebody unknown: %q", got)
	}
}
