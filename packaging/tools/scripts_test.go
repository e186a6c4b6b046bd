package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// history is a repository of its own, with version.sh in it.
type history struct {
	*testing.T
	dir string
}

func (h history) run(name string, args ...string) string {
	h.Helper()
	command := exec.Command(name, args...)
	command.Dir = h.dir
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := command.CombinedOutput()
	if err != nil {
		h.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (h history) version() string { h.Helper(); return h.run("packaging/version.sh") }

func TestVersionsAreInOrder(t *testing.T) {
	h := history{t, t.TempDir()}
	script, err := os.ReadFile("../version.sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(h.dir, "packaging"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "packaging/version.sh"), script, 0o755); err != nil {
		t.Fatal(err)
	}
	h.run("git", "init", "-q")
	h.run("git", "add", ".")
	var versions []string
	commit := func(tag, form string) {
		t.Helper()
		h.run("git", "commit", "-q", "--allow-empty", "-m", "more")
		if tag != "" {
			h.run("git", "tag", tag)
		}
		v := h.version()
		if !regexp.MustCompile(`^` + form + `$`).MatchString(v) {
			t.Errorf("version %s is not of the form %s", v, form)
		}
		versions = append(versions, v)
	}
	commit("", `0\.0\.0\+1\.g[0-9a-f]{7}`)
	commit("nightly", `0\.0\.0\+2\.g[0-9a-f]{7}`)
	commit("v0.1.0-rc.1", `0\.1\.0~rc\.1`)
	commit("", `0\.1\.0~rc\.1\+1\.g[0-9a-f]{7}`)
	commit("v0.1.0", `0\.1\.0`)
	commit("", `0\.1\.0\+1\.g[0-9a-f]{7}`)
	commit("v0.1.1-rc-1", `0\.1\.1~rc\.1`)
	commit("v0.1.1", `0\.1\.1`)
	if err := os.WriteFile(filepath.Join(h.dir, "new.go"), nil, 0o644); err != nil { // which go builds
		t.Fatal(err)
	}
	dirty := regexp.MustCompile(`^0\.1\.1\+0\.g[0-9a-f]{7}\.dirty$`)
	got := h.version()
	if !dirty.MatchString(got) {
		t.Errorf("with a file that git does not know: %s", got)
	}
	versions = append(versions, got)
	h.run("rm", "new.go")
	commit("", `0\.1\.1\+1\.g[0-9a-f]{7}`)
	commit("v0.1.2", `0\.1\.2`)
	h.run("touch", "-d", "2001-01-01", "packaging/version.sh")
	if got := h.version(); got != "0.1.2" {
		t.Errorf("with a file of another time: %s", got)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "packaging/version.sh"), append(script, '\n'), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := h.version(); !strings.HasSuffix(got, ".dirty") {
		t.Errorf("with a change that is not committed: %s", got)
	}
	h.run("cp", "-R", "packaging", "unpacked") // an archive, in a repository of something else
	h.run("mkdir", "archive")
	h.run("mv", "unpacked", "archive/packaging")
	if out, err := exec.Command(filepath.Join(h.dir, "archive/packaging/version.sh")).CombinedOutput(); err == nil || !strings.Contains(string(out), "set VERSION") {
		t.Errorf("in the repository of something else: %v, %s", err, out)
	}
	needs(t, "dpkg")
	for i := 1; i < len(versions); i++ {
		h.run("dpkg", "--compare-versions", versions[i-1], "lt", versions[i])
	}
}

func TestWhatNoPackageCanHoldIsRefusedAtOnce(t *testing.T) {
	for setting, want := range map[string]string{
		"VERSION=1.2-3":    "1.2-3 is no version of a package",
		"MAINTAINER=Jane":  "MAINTAINER is Jane, and not of the form NAME <ADDRESS>",
		"FORMATS=deb snap": "snap is none of deb, rpm and tar.gz",
		"ARCHES=x86_64":    "x86_64 is none of amd64 and arm64",
	} {
		command := exec.Command("../package.sh")
		command.Env = append(os.Environ(), "VERSION=1.2.3", "SOURCE_DATE_EPOCH=1795200000", "SIGN_KEY=", "DIST="+t.TempDir(), setting)
		if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "package: "+want) || strings.Contains(string(out), "building") {
			t.Errorf("%s: %v\n%s\nwant %s", setting, err, out, want)
		}
	}
}

func TestEachScriptIsInAPackage(t *testing.T) {
	scripts, err := filepath.Glob("../scripts/p*[a-z]")
	if err != nil {
		t.Fatal(err)
	}
	yaml, err := os.ReadFile("../nfpm/nephoscope.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		if name := "../common/scripts/" + filepath.Base(script) + "\n"; strings.Count(string(yaml), name) != 1 {
			t.Errorf("nephoscope.yaml names %q %d times", name, strings.Count(string(yaml), name))
		}
	}
	if len(scripts) != 5 {
		t.Errorf("there are %v", scripts)
	}
}

func TestControlCommandIsCompleted(t *testing.T) {
	for _, c := range []struct{ words, want string }{
		{"-a f", "fetch-config"},
		{"-a set", "set-log-level set-env"},
		{"-a fetch-config -m on", "onPremise"},
		{"-l D", "DEBUG"},
		{"-a fetch-config -c s", "ssm:"},
		{"-c file : ../completions/", "../completions/amazon-cloudwatch-agent-ctl.bash"},
		{"--j", "--json"},
	} {
		args := append([]string{"-c", `compopt() { :; }; . ../completions/amazon-cloudwatch-agent-ctl.bash
			COMP_WORDS=(ctl "$@") COMP_CWORD=$#; _amazon_cloudwatch_agent_ctl; echo "${COMPREPLY[*]}"`, "-"}, strings.Fields(c.words)...)
		out, err := exec.Command("bash", args...).CombinedOutput()
		got := strings.TrimSpace(string(out))
		if err != nil || got != c.want {
			t.Errorf("%s: got %q (%v), want %q", c.words, got, err, c.want)
		}
	}
}
