package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// dist is where the packages of these tests are, once they are built.
var dist string

func TestMain(m *testing.M) {
	var err error
	if dist, err = os.MkdirTemp("", "nephoscope-packages-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dist)
	os.Exit(status)
}

// build makes the .deb packages and archives for amd64 as the working tree has them, under a version of their own; where there is what that
// takes, also a repository of them, signed with a key of the tests' own.
var build = sync.OnceValue(func() error {
	env := append(os.Environ(), "DIST="+dist, "VERSION=1.2.3", "SOURCE_DATE_EPOCH=1795200000", "ARCHES=amd64", "FORMATS=deb tar.gz", "SIGN_KEY=")
	script := "../package.sh"
	if missing("gpg", "apt-ftparchive") == "" {
		script = "../apt-repo.sh"
		key, err := newKey()
		if err != nil {
			return err
		}
		env = append(env, "SIGN_KEY="+key)
	}
	command := exec.Command(script)
	command.Env = env
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
})

// missing is the first of the programs that is not here.
func missing(programs ...string) string {
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return p
		}
	}
	return ""
}

// needs ends a test that cannot run for want of a program, and says so; where everything has to run, it is a failure.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	if p := missing(programs...); p != "" && os.Getenv("NEPHOSCOPE_FULL") != "" {
		t.Fatalf("%s is not installed", p)
	} else if p != "" {
		t.Skipf("NOT RUN: %s is not installed", p)
	}
}

func packages(t *testing.T) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return dist
}

// members are the parts of a .deb by name, with what was compressed read.
func members(t *testing.T, name string) map[string][]byte {
	t.Helper()
	deb, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for rest := deb[len(arMagic):]; len(rest) >= arHeader; {
		var size int
		if _, err := fmt.Sscan(string(rest[48:58]), &size); err != nil {
			t.Fatal(err)
		}
		body := rest[arHeader : arHeader+size]
		switch name := strings.TrimSpace(string(rest[:16])); name {
		case "control.tar.gz":
			r, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if all["control"], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		case "data.tar.xz":
			unpack := exec.Command("xz", "-dc")
			unpack.Stdin = bytes.NewReader(body)
			if all["data"], err = unpack.Output(); err != nil {
				t.Fatal(err)
			}
		}
		rest = rest[min(arHeader+size+size%2, len(rest)):]
	}
	return all
}

// listing is what an installation amounts to: every path with mode, owner and target, the conffiles, scripts and relations.
func listing(t *testing.T, name string) string {
	t.Helper()
	var b strings.Builder
	parts := members(t, name)
	for r := tar.NewReader(bytes.NewReader(parts["control"])); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		switch name := strings.TrimPrefix(h.Name, "./"); name {
		case "control":
			for line := range strings.Lines(string(body)) {
				if !strings.HasPrefix(line, "Installed-Size:") {
					b.WriteString(line)
				}
			}
		case "conffiles":
			fmt.Fprintf(&b, "conffiles:\n%s", body)
		case "md5sums":
		default:
			fmt.Fprintf(&b, "script %s %04o\n", name, h.Mode)
		}
	}
	var paths []string
	for r := tar.NewReader(bytes.NewReader(parts["data"])); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s %04o %s:%s", strings.TrimPrefix(h.Name, "."), h.Mode, cmp.Or(h.Uname, "?"), cmp.Or(h.Gname, "?"))
		if h.Linkname != "" {
			line += " -> " + h.Linkname
		}
		paths = append(paths, line)
	}
	slices.Sort(paths)
	return b.String() + "\n" + strings.Join(paths, "\n") + "\n"
}

func TestPackagesHoldWhatIsListed(t *testing.T) {
	for _, name := range []string{"nephoscope", "nephoscope-prometheus", "nephoscope-local"} {
		got := listing(t, filepath.Join(packages(t), name+"_1.2.3_amd64.deb"))
		file := filepath.Join("testdata", name+".listing")
		if os.Getenv("UPDATE_WANT") != "" {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: if that is meant, UPDATE_WANT=1 go test renews the listing\n%s", file, difference(string(want), got))
		}
	}
}

func difference(want, got string) string {
	var b strings.Builder
	old, now := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, line := range old {
		if !slices.Contains(now, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	for _, line := range now {
		if !slices.Contains(old, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	return b.String()
}

func TestChecksumsAreOfWhatIsThere(t *testing.T) {
	check := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = packages(t)
	out, err := check.CombinedOutput()
	if err != nil || strings.Count(string(out), ": OK") != 9 {
		t.Errorf("%v\n%s", err, out)
	}
}

// Unpacked as INSTALL.md says, the archive leaves the folders of /usr/local as they are: on Debian they are those of a group.
func TestArchiveIsUnpackedBesideWhatIsThere(t *testing.T) {
	local := t.TempDir()
	bin := filepath.Join(local, "bin")
	if err := errors.Join(os.Mkdir(bin, 0o700), os.Chmod(bin, 0o770)); err != nil {
		t.Fatal(err)
	}
	unpack := exec.Command("tar", "-xpzf", filepath.Join(packages(t), "nephoscope_1.2.3_amd64.tar.gz"), "-C", local, "--strip-components=1")
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if about, err := os.Stat(bin); err != nil || about.Mode().Perm() != 0o770 {
		t.Errorf("its folder of programs is %v, %v", about.Mode(), err)
	}
	for name, want := range map[string]os.FileMode{"bin/nephoscope": 0o755, "bin/amazon-cloudwatch-agent-ctl": 0o755, "share/man/man1/nephoscope.1.gz": 0o644, "share/doc/nephoscope/INSTALL.md": 0o644} {
		if about, err := os.Stat(filepath.Join(local, name)); err != nil || about.Mode() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
