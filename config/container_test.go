package config

import "testing"

func TestContainerHasTheNamesOfItsOrchestrator(t *testing.T) {
	const logs = `"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/a", "log_group_name": "g"}]}}}`
	f := func(text string, variables map[string]string, omit bool, host, stream string) {
		t.Helper()
		c, err := Parse("c.json", []byte(text), Environment(func(name string) (string, bool) { v, ok := variables[name]; return v, ok }))
		if err != nil {
			t.Fatal(err)
		}
		if c.Agent.OmitHostname != omit || c.Agent.Hostname != host || c.Logs.LogStreamName != stream {
			t.Errorf("%v: omit_hostname %v, hostname %q, stream %q", variables, c.Agent.OmitHostname, c.Agent.Hostname, c.Logs.LogStreamName)
		}
	}
	const in = "RUN_IN_CONTAINER"
	f(`{`+logs+`}`, nil, false, "", "")
	f(`{`+logs+`}`, map[string]string{in: "1", "POD_NAME": "p"}, false, "", "") // the original's word is True
	f(`{`+logs+`}`, map[string]string{in: "True"}, true, "", "{local_hostname}")
	f(`{`+logs+`}`, map[string]string{in: "True", "HOST_NAME": "node"}, true, "node", "node")
	f(`{`+logs+`}`, map[string]string{in: "True", "HOST_NAME": "node", "POD_NAME": "pod"}, true, "node", "pod")
	f(`{"agent": {"omit_hostname": false, "hostname": "own"}, "logs": {"log_stream_name": "mine", "logs_collected": {"files": {"collect_list": [{"file_path": "/a"}]}}}}`,
		map[string]string{in: "True", "HOST_NAME": "node", "POD_NAME": "pod"}, false, "own", "mine")
}
