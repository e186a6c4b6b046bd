package doctor

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/agent"
)

// unpack reads an archive.
func unpack(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for archive := tar.NewReader(zip); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if h.Mode != 0o600 {
			t.Errorf("%s: mode %o", h.Name, h.Mode)
		}
		all[h.Name] = string(text)
	}
}

// Secrets stand everywhere that an operator or a service may have put them; none gets into the archive.
func TestPlantedSecretsAreNotInTheArchive(t *testing.T) {
	secrets := []string{exampleSecret, exampleToken, "AKIAIOSFODNN7EXAMPLE", "proxy-pass-word", "env-value-of-theirs", "open-sesame", "custom-header-value"}
	w := world(t, strings.Replace(oneLog, `"region"`, `"logfile": "/own/agent.log", "region"`, 1))
	w.CommonFile, w.EnvironmentFile = "/common.toml", "/env.json"
	w.Common.HTTPSProxy = "http://user:proxy-pass-word@proxy:3128"
	w.Sources = []string{"/conf", "/one.json"}
	w.Host.ReadFile = files(map[string]string{
		"/conf/a.json":                        `{"agent": {"x_api_key": "open-sesame"}, "logs": {"endpoint_override": "https://u:open-sesame@e"}}`,
		"/conf/password=open-sesame\x1b.json": "{}",
		"/one.json":                           `{"broken": "` + exampleSecret,
		"/common.toml":                        "[proxy]\nhttps_proxy = \"http://user:proxy-pass-word@proxy:3128\"\n[credentials]\nshared_credential_profile = \"p\"\n",
		"/env.json":                           `{"MY_HEADER": "custom-header-value", "THEIR_VAR": "env-value-of-theirs", "AWS_REGION": "eu-west-1"}`,
		"/proc/self/mountinfo":                "36 35 0:44 / /mnt rw - cifs //srv/x rw,username=u,password=open-sesame\n",
		"/proc/7/limits":                      "Max open files 1 1 files\n",
		"/proc/version":                       "Linux\n",
		"/own/does-not-matter":                "",
		"/etc/os-release":                     "NAME=x\n",
		"/proc/sys/fs/inotify/x":              "",
	})
	w.Host.ReadDir = func(path string) ([]fs.DirEntry, error) {
		switch path {
		case "/conf":
			return entries{"a.json", "password=open-sesame\x1b.json"}.read(path)
		case "/state":
			return entries{"checkpoints.journal"}.read(path)
		}
		return nil, fs.ErrNotExist
	}
	w.Host.Node = disk{"/": folder(0, 0, 0o755), "/state": folder(990, 990, 0o700), "/state/checkpoints.journal": file(990, 990, 0o600)}.node
	w.Host.Tail = func(path string, most int64) ([]byte, error) {
		line := "2026 WARN proxy http://user:proxy-pass-word@proxy:3128 said env-value-of-theirs; key AKIAIOSFODNN7EXAMPLE token " + exampleToken + " /var/log/app/access.log\n"
		if path != "/own/agent.log" || most != ownLogTail {
			t.Errorf("asked for %d bytes of %s", most, path)
		}
		return []byte(strings.Repeat(line, 1000)), nil
	}
	w.Status = &agent.Status{PID: 7, Logs: []agent.LogFile{{Path: "/logs/app/a.log", Trouble: &agent.Trouble{Error: "credentials " + exampleSecret}}}, Reasons: []agent.Reason{{What: "custom-header-value"}}}
	report, err := json.Marshal(Report{Checks: []Result{{Says: "password=open-sesame " + exampleSecret}}})
	if err != nil {
		t.Fatal(err)
	}
	environment := []byte(`{"MY_HEADER": "custom-header-value", "THEIR_VAR": "env-value-of-theirs"}`)
	redactor := NewRedactor(Secrets([]string{"AWS_SECRET_ACCESS_KEY=" + exampleSecret}, environment, w.Common.HTTPSProxy)...)
	var out bytes.Buffer
	packed, err := Pack(&out, redactor, Parts(w, report), time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	all := unpack(t, out.Bytes())
	if listed := Contents(packed); strings.Contains(listed, "open-sesame") || strings.Contains(listed, "\x1b") {
		t.Errorf("%q", listed)
	}
	for name, text := range all {
		text = name + text
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
	f := func(name string, words ...string) {
		t.Helper()
		text, ok := all["nephoscope-doctor/"+name]
		if !ok {
			t.Errorf("no %s; there are %v", name, packed)
		}
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("%s: no %q in %s", name, word, text[:min(len(text), 500)])
			}
		}
	}
	f("doctor.json", blot)
	f("status.json", "/logs/app/a.log")
	f("config/00-a.json", "endpoint_override")
	f("config/02-one.json", "broken")
	f("config/common-config.toml", `shared_credential_profile = "p"`)
	f("config/env-config.json", "MY_HEADER", "eu-west-1")
	f("agent.log", "/var/log/app/access.log")
	f("system/state.txt", "checkpoints.journal")
	f("system/limits.txt", "Max open files")
	f("system/df.txt", "TiB free")
	f("CONTENTS.txt", "agent.log", "blotted out", "Not in it")
	for _, p := range packed {
		if p.Name == "agent.log" && (p.Blotted < 4000 || p.Bytes < 100_000) {
			t.Errorf("got %+v", p)
		}
	}
}

func TestPartThatCannotBeReadIsSaid(t *testing.T) {
	w := world(t, oneMetric)
	w.NoStatus = errors.New("nobody answers")
	var out bytes.Buffer
	packed, err := Pack(&out, NewRedactor(), Parts(w, []byte("{}")), time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	text := Contents(packed)
	if !strings.Contains(text, "left out: nobody answers") || !strings.Contains(unpack(t, out.Bytes())["nephoscope-doctor/CONTENTS.txt"], "nobody answers") {
		t.Errorf("got %s", text)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestArchiveOnAFullDiskIsAnError(t *testing.T) {
	if _, err := Pack(full{}, NewRedactor(), []Part{{Name: "x", Text: bytes.Repeat([]byte("x"), 1<<20)}}, time.Unix(1, 0)); err == nil || !strings.Contains(fmt.Sprint(err), "no space left") {
		t.Errorf("got %v", err)
	}
}

func TestPartsThatHangAreLeftOutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(t, oneMetric)
		over := make(chan struct{})
		w.Sources = []string{"/conf", "/more.json"}
		w.Host.ReadDir = func(string) ([]fs.DirEntry, error) { <-over; return nil, fs.ErrNotExist }
		w.Host.ReadFile = func(string) ([]byte, error) { <-over; return nil, fs.ErrNotExist }
		began := time.Now()
		parts := Parts(w, []byte("{}"))
		if took := time.Since(began); took > partPatience || len(parts) < 5 {
			t.Errorf("%d parts took %s", len(parts), took)
		}
		close(over)
	})
}
