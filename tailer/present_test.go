package tailer

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/nephoscope/nephoscope/config"
)

func TestFilesThatArePresentAreFoundOnce(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/one.log", "a/two.log", "a/two.log.gz", "a/no.log", "b/three.log"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := func(path string, files, folders []string, wait bool) {
		t.Helper()
		under := func(names []string) (paths []string) {
			for _, n := range names {
				paths = append(paths, filepath.Join(dir, n))
			}
			return paths
		}
		got, err := FindPresent(config.File{Path: filepath.Join(dir, path), Blacklist: regexp.MustCompile("^no")})
		if err != nil || !slices.Equal(got.Files, under(files)) || !slices.Equal(got.Folders, under(folders)) || wait != (got.Near == dir) {
			t.Errorf("%s: got %+v, %v", path, got, err)
		}
	}
	f("*/*.log", []string{"a/one.log", "a/two.log", "b/three.log"}, []string{"", "a", "b"}, false)
	f("a/one.log", []string{"a/one.log"}, []string{"a"}, false)
	f("a/none.log", nil, []string{"a"}, false)
	f("c/d/x.log", nil, nil, true)
}
