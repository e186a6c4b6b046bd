package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func environment(variables map[string]string) Option {
	return Environment(func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	})
}

func TestEnvironmentVariablesAreFilledIn(t *testing.T) {
	c, err := Parse("f", []byte(`{
		"agent": {"region": "${REGION}", "credentials": {"role_arn": "${ROLE}"}},
		"metrics": {"append_dimensions": {"ImageId": "${aws:ImageId}"}, "metrics_collected": {"mem": {"measurement": ["used"], "append_dimensions": {"stage": "${STAGE}-${REGION}"}}}},
		"logs": {"logs_collected": {"files": {"collect_list": [
			{"file_path": "/srv/${STAGE}/*.log", "timezone": "${ZONE}", "log_stream_name": "$STAGE ${env:STAGE} ${} ${1}", "blacklist": "a${UNSET}"}]}}}}`),
		environment(map[string]string{"REGION": "eu-west-1", "ROLE": "arn:aws:iam::123456789012:role/r", "STAGE": "test", "ZONE": "UTC", "aws:ImageId": "x", "1": "x", "env:STAGE": "x"}))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "region", c.Agent.Region, "eu-west-1")
	want(t, "role", c.Metrics.RoleARN, "arn:aws:iam::123456789012:role/r")
	want(t, "EC2 dimensions", c.Metrics.AppendDimensions, []string{"ImageId"})
	want(t, "static dimension", c.Metrics.Plugins[0].AppendDimensions, map[string]string{"stage": "test-eu-west-1"})
	f := c.Logs.Files[0]
	want(t, "path", f.Path, "/srv/test/*.log")
	want(t, "zone", f.Timezone, time.UTC)
	want(t, "stream", f.LogStreamName, "$STAGE ${env:STAGE} ${} ${1}")
	want(t, "blacklist", f.Blacklist.String(), "a${UNSET}")
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Text, "UNSET is not set") || c.Warnings[0].Path != "logs.logs_collected.files.collect_list[0].blacklist" {
		t.Errorf("warnings: %v", c.Warnings)
	}
}

// What is filled in is checked, where it stands.
func TestFilledInValuesAreChecked(t *testing.T) {
	_, err := Parse("f", []byte(`{"agent": {"region": "${EMPTY}"},
		"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/a", "timezone": "${ZONE}", "blacklist": "${PATTERN}"}]}}}}`),
		environment(map[string]string{"EMPTY": "", "ZONE": "Mars", "PATTERN": "("}))
	problems, _ := err.(Problems)
	var got []string
	for _, p := range problems {
		got = append(got, p.Path+" "+p.Text)
	}
	want(t, "mistakes", got, []string{
		"agent.region must not be empty",
		`logs.logs_collected.files.collect_list[0].timezone must be "UTC", "Local" or "LOCAL", not "Mars"`,
		`logs.logs_collected.files.collect_list[0].blacklist not a regular expression: missing closing ): "("`,
	})
}

func TestNamesOfKeysAreNotFilledIn(t *testing.T) {
	c, err := Parse("f", []byte(`{"metrics": {"metrics_collected": {"mem": {"measurement": ["used"], "append_dimensions": {"${A}": "b"}}}}}`), environment(map[string]string{"A": "x"}))
	if err != nil || c.Metrics.Plugins[0].AppendDimensions["${A}"] != "b" {
		t.Errorf("got %+v, %v", c.Metrics, err)
	}
}

func TestLoadFillsInFromTheProcess(t *testing.T) {
	t.Setenv("NEPHOSCOPE_TEST_REGION", "eu-north-1")
	name := write(t, filepath.Join(t.TempDir(), "a.json"), `{"agent": {"region": "${NEPHOSCOPE_TEST_REGION}"}}`)
	if c, err := Load(name); err != nil || c.Agent.Region != "eu-north-1" {
		t.Errorf("got %v, %v", c.Agent, err)
	}
}

func TestLoadLooksForTypesDB(t *testing.T) {
	dir := t.TempDir()
	there := write(t, filepath.Join(dir, "types.db"), "")
	name := write(t, filepath.Join(dir, "a.json"), `{"metrics": {"metrics_collected": {"collectd": {"collectd_security_level": "none", "collectd_typesdb": ["`+there+`", "`+filepath.Join(dir, "gone")+`"]}}}}`)
	c, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(c.Warnings, func(p Problem) bool { return p.Path == "metrics.metrics_collected.collectd.collectd_typesdb[1]" })
	if len(c.Warnings) != 1 || at < 0 || c.Warnings[at].Text != "there is no file "+filepath.Join(dir, "gone") {
		t.Errorf("got %v", c.Warnings)
	}
	if _, err := os.Stat(there); err != nil {
		t.Error("looking changed something:", err)
	}
}

func TestLoadLooksForTheUsersOfCollectd(t *testing.T) {
	dir := t.TempDir()
	there, gone := write(t, filepath.Join(dir, "users"), ""), filepath.Join(dir, "gone")
	f := func(level, file, want string) {
		t.Helper()
		c, err := Load(write(t, filepath.Join(dir, "a.json"), `{"metrics": {"metrics_collected": {"collectd": {"collectd_security_level": "`+level+`", "collectd_auth_file": "`+file+`"}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		if want == "" && len(c.Warnings) > 0 || want != "" && (len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Text, want)) {
			t.Errorf("%s, %s: got %v", level, file, c.Warnings)
		}
	}
	f("encrypt", there, "")
	f("encrypt", gone, "there is no file "+gone+", so that nobody can be known")
	f("sign", gone, "there is no file "+gone)
	f("none", gone, "")
}
