package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/local"
	"github.com/rogpeppe/go-internal/testscript"
)

// originals are the names of the original's programs, which all lead to ours.
var originals = []string{
	"amazon-cloudwatch-agent", "amazon-cloudwatch-agent-ctl", "amazon-cloudwatch-agent-config-wizard", "start-amazon-cloudwatch-agent", "config-translator", "config-downloader",
}

// A case is a file in testdata/ctl. $ROOT is an installation of its own, in which nothing is yet; $ETC and $STORE are
// folders of it; taken.json asks for an
// address that is in use. "up" waits until an agent answers on $STATE,
// "parameter" puts a file into Parameter Store.
func TestControlCommand(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/ctl",
		Setup: func(e *testscript.Env) error {
			bin := filepath.Join(e.WorkDir, "bin")
			if err := os.Mkdir(bin, 0o755); err != nil {
				return err
			}
			for _, name := range append(originals, "nephoscope") {
				if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
					return err
				}
			}
			service := &local.Server{}
			front := httptest.NewServer(service)
			e.Defer(func() {
				front.CloseClientConnections()
				front.Close()
				_ = service.Close()
			})
			taken := fmt.Appendf(nil, `{"nephoscope": {"status_address": %q}}`, strings.TrimPrefix(front.URL, "http://"))
			if err := os.WriteFile(filepath.Join(e.WorkDir, "taken.json"), taken, 0o600); err != nil {
				return err
			}
			layout := install.Layout{Root: filepath.Join(e.WorkDir, "root")}
			for name, value := range map[string]string{
				"PATH": bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME": e.WorkDir, "ROOT": layout.Root, "ETC": layout.Etc(), "STORE": layout.Configs(), "STATE": layout.State(),
				"AWS_ENDPOINT_URL": front.URL, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1",
				"LINES": "A=b\nc",
			} {
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"up": up, "parameter": parameterOf},
	})
}

// up waits until the agent of $STATE answers.
func up(ts *testscript.TestScript, _ bool, _ []string) {
	deadline := time.After(time.Minute)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		if _, err := statusOf(context.Background(), ts.Getenv("STATE")); err == nil {
			return
		}
		select {
		case <-deadline:
			ts.Fatalf("no agent came up on %s", ts.Getenv("STATE"))
		case <-look.C:
		}
	}
}

// parameterOf puts a file into the local Parameter Store: parameter NAME TYPE FILE.
func parameterOf(ts *testscript.TestScript, _ bool, args []string) {
	body, err := json.Marshal(map[string]string{"Name": args[0], "Type": args[1], "Value": ts.ReadFile(args[2])})
	ts.Check(err)
	r, err := http.NewRequest(http.MethodPost, ts.Getenv("AWS_ENDPOINT_URL"), bytes.NewReader(body))
	ts.Check(err)
	r.Header.Set("X-Amz-Target", "AmazonSSM.PutParameter")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/ssm/aws4_request, SignedHeaders=host, Signature=unchecked")
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(answer.Body)
		ts.Fatalf("put parameter %s: %s %s", args[0], answer.Status, said)
	}
}

func TestNamesOfTheOriginalsProgramsAreCommandLines(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		got, err := commandLine(strings.Fields(line))
		if text := strings.Join(got, " "); err != nil || text != want {
			t.Errorf("%s: got %q, %v, want %q", line, text, err, want)
		}
	}
	f("nephoscope run x.json", "run x.json")
	f("/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a status", "ctl -a status")
	f("amazon-cloudwatch-agent-ctl.exe -h", "ctl -h")
	f("./amazon-cloudwatch-agent-config-wizard -tracesOnly", "wizard -tracesOnly")
	f("start-amazon-cloudwatch-agent", "run")
	f("amazon-cloudwatch-agent", "run")
	f("amazon-cloudwatch-agent -version", "--version")
	f("amazon-cloudwatch-agent -config /x/a.toml -otelconfig b.yaml -otelconfig c.yaml -envconfig e.json -pidfile p -debug", "run --log-level debug")
	f("amazon-cloudwatch-agent -config a.json", "run --config a.json")
	f("amazon-cloudwatch-agent config-wizard -tracesOnly", "wizard -tracesOnly")
	f("amazon-cloudwatch-agent config-downloader --download-source ssm:x --multi-config append --mode onPrem", "ctl -a append-config -c ssm:x -m onPrem")
	f("amazon-cloudwatch-agent status --json", "status --json")
	f("config-downloader --output-dir /opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/ --download-source default --mode ec2 --config common-config.toml --multi-config remove --dualstack", "ctl -a remove-config -c default -m ec2 -d")
	wrong := func(line, why string) {
		t.Helper()
		if got, err := commandLine(strings.Fields(line)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: got %q, %v, want …%s…", line, got, err, why)
		}
	}
	wrong("start-amazon-cloudwatch-agent now", "takes no arguments")
	wrong("amazon-cloudwatch-agent -nonsense", "amazon-cloudwatch-agent: flag provided but not defined: -nonsense")
	wrong("config-downloader --output-dir /tmp", "are stored in /opt/aws")
	wrong("config-downloader --multi-config all", `unknown -multi-config "all"`)
	wrong("config-translator --input /nowhere/a.json --input-dir /nowhere", "neither /nowhere/a.json nor /nowhere")
	f("config-translator --help", "check --help")
	f("start-amazon-cloudwatch-agent -h", "run --help")
	f("amazon-cloudwatch-agent -help", "run --help")
	f("amazon-cloudwatch-agent config-downloader -h", "ctl --help")
}
