package install

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
)

func TestCommandLines(t *testing.T) {
	f := func(line string, want Options) {
		t.Helper()
		if want.Source == "" {
			want.Source = "default"
		}
		got, err := ParseOptions(strings.Fields(line))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", line, got, err)
		}
	}
	f("-a start", Options{Action: "start"})
	f("-astop -m ec2", Options{Action: "stop", Mode: agent.EC2})
	f("-a fetch-config -m ec2 -c file:/opt/config.json -s", Options{Action: "fetch-config", Mode: agent.EC2, Source: "file:/opt/config.json", Restart: true})
	f("-sdafetch-config -cfile:x", Options{Action: "fetch-config", Source: "file:x", Restart: true, Dualstack: true})
	f("-s -c default -a append-config -m onPrem", Options{Action: "append-config", Mode: agent.OnPremise, Restart: true})
	f("-a status -a stop", Options{Action: "stop"})
	f("-m auto -a remove-config -c all", Options{Action: "remove-config", Mode: agent.Auto, Source: "all"})
	f("-a set-log-level -l DEBUG", Options{Action: "set-log-level", Level: "DEBUG"})
	f("-a set-env -e A=b -eC=", Options{Action: "set-env", Variables: []string{"A=b", "C="}})
	f("--json --root /r --state=/s -a status --", Options{Action: "status", JSON: true, Root: "/r", State: "/s"})
	f("-sh -a nonsense", Options{Help: true, Restart: true})
	f("-a nonsense --help", Options{Action: "nonsense", Help: true})
	f("-a preun", Options{Action: "preun"})
}

func TestCommandLinesThatAreWrong(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		if _, err := ParseOptions(args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want …%s…", args, err, want)
		}
	}
	f("-a is missing (fetch-config, ")
	f("-l is missing (INFO, ", "-a", "set-log-level")
	f("Invalid action: begin", "-a", "begin")
	f("Invalid mode: azure", "-a", "start", "-m", "azure")
	f("Invalid mode: ", "-a", "start", "-m", "")
	f("Invalid option: -x", "-a", "start", "-x")
	f("Invalid option: -x", "-sx", "-a", "start")
	f("Invalid option: --restart", "-a", "start", "--restart")
	f("Option -c requires an argument", "-a", "start", "-c")
	f("Option --root requires an argument", "-a", "start", "--root")
	f("Option --root requires an argument", "-a", "start", "--root=")
	f("Option --json takes no argument", "--json=yes", "-a", "start")
	f("did you mean -a status?", "status")
	f("Unexpected argument: x", "-a", "status", "--", "x")
	f("did you mean WARN?", "-a", "set-log-level", "-l", "warn")
	f("Invalid environment variable: ''", "-a", "set-env")
	f(`Invalid environment variable: "PATH"`, "-a", "set-env", "-e", "PATH")
	f(`Invalid environment variable: "=x"`, "-a", "set-env", "-e", "=x")
	f("line break", "-a", "set-env", "-e", "A=b\nc")
	f("Invalid log level: loud", "-a", "set-env", "-e", "CWAGENT_LOG_LEVEL=loud")
	f("Invalid mode: moon", "-a", "set-env", "-e", "NEPHOSCOPE_MODE=moon")
	f("did you mean file:config.json?", "-a", "fetch-config", "-c", "config.json")
	f("expected default, file:PATH or ssm:NAME", "-a", "fetch-config", "-c", "everything")
	f("s3: is not supported", "-a", "fetch-config", "-c", "s3://bucket/key")
	f("nothing follows the colon", "-a", "fetch-config", "-c", "ssm:")
	f(`unknown default config "mine"`, "-a", "fetch-config", "-c", "default:mine")
	f("opentelemetry", "-a", "fetch-config", "-c", "default:otel")
}

func FuzzParseOptions(f *testing.F) {
	f.Add("-a\x00fetch-config\x00-cfile:x\x00-s")
	f.Add("-sda\x00set-env\x00-e\x00A=b\x00--root=/x\x00--json")
	f.Add("-h")
	f.Fuzz(func(t *testing.T, line string) {
		o, err := ParseOptions(strings.Split(line, "\x00"))
		if err != nil || o.Help {
			return
		}
		again, err := ParseOptions(typed(o))
		if err != nil || !reflect.DeepEqual(o, again) {
			t.Errorf("%q: %+v typed out is %+v, %v", line, o, again, err)
		}
	})
}

// typed writes options out, one by one.
func typed(o Options) []string {
	args := []string{"-a", o.Action, "-c", o.Source}
	if o.Mode != "" {
		args = append(args, "-m", string(o.Mode))
	}
	if o.Restart {
		args = append(args, "-s")
	}
	if o.Dualstack {
		args = append(args, "-d")
	}
	if o.Level != "" {
		args = append(args, "-l"+o.Level)
	}
	for _, v := range o.Variables {
		args = append(args, "-e", v)
	}
	if o.JSON {
		args = append(args, "--json")
	}
	if o.Root != "" {
		args = append(args, "--root", o.Root)
	}
	if o.State != "" {
		args = append(args, "--state="+o.State)
	}
	return slices.Concat(args, []string{"--"})
}
