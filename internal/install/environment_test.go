package install

import (
	"os"
	"strings"
	"testing"
)

const environmentFile = "opt/aws/amazon-cloudwatch-agent/etc/env-config.json"

func TestEnvironmentKeepsWhatIsNotOurs(t *testing.T) {
	h := newHost(t)
	path := h.write(environmentFile, "{\"HTTPS_PROXY\": \"http://proxy:3128/?a&b\",\n \"Z\": 1, \"A\": \"<old>\"}")
	h.fine("-a", "set-log-level", "-l", "DEBUG")
	if !strings.Contains(h.out.String(), "Set CWAGENT_LOG_LEVEL to DEBUG\n") {
		t.Errorf("it says:\n%s", &h.out)
	}
	h.fine("-a", "set-env", "-e", "A=x=y", "-e", "B=")
	if !strings.HasPrefix(h.out.String(), "Set A\nSet B\n") {
		t.Errorf("it says:\n%s", &h.out)
	}
	want := "{\n\t\"A\": \"x=y\",\n\t\"B\": \"\",\n\t\"CWAGENT_LOG_LEVEL\": \"DEBUG\",\n\t\"HTTPS_PROXY\": \"http://proxy:3128/?a&b\",\n\t\"Z\": 1\n}\n"
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestEnvironmentThatCannotBeReadStaysAsItIs(t *testing.T) {
	h := newHost(t)
	path := h.write(environmentFile, "{\n\t\"A\": \"b\",\n\t\"C\": d\n}")
	h.fails(path+":3:7: must be one flat JSON object", "-a", "set-env", "-e", "A=c")
	h.fails(path+":3:7:", "-a", "fetch-config", "-m", "ec2")
	h.write(environmentFile, "[]")
	h.fails(path+":1:1:", "-a", "set-log-level", "-l", "INFO")
	h.write(environmentFile, "")
	h.fine("-a", "set-log-level", "-l", "INFO")
}

func TestRunningAgentIsToldOfItsEnvironment(t *testing.T) {
	h := newHost(t)
	h.running = true
	if !h.fine("-a", "set-log-level", "-l", "ERROR") || h.reloads != 1 {
		t.Errorf("%d reloads", h.reloads)
	}
}
