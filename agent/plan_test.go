package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

// captured is a machine with snaps, partitions and a file system that is not there.
var captured = collectors.Host{Root: filepath.Join("..", "collectors", "testdata", "hosts", "ec2-ubuntu", "first")}

func planOf(t *testing.T, env Env, text string) *Plan {
	t.Helper()
	c, err := config.Parse("c.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := MakePlan(t.Context(), c, env)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// series lists a plugin's, as name and dimensions.
func series(p PlannedPlugin) (all []string) {
	for _, d := range p.Data {
		line := d.Name
		for _, x := range d.Dimensions {
			line += fmt.Sprintf(" %s=%s", x.Name, x.Value)
		}
		all = append(all, line)
	}
	return all
}

const rolledUp = `{"agent": {"hostname": "h"}, "metrics": {%s "aggregation_dimensions": [["InstanceId"], []], "metrics_collected": {
	"mem": {"measurement": [{"name": "used", "rename": "MEM"}, "free"], "drop_original_metrics": ["free"], "append_dimensions": {"id": "${aws:InstanceId}"}}}}}`

func TestPlanBindsAndRollsUpAsPublishDoes(t *testing.T) {
	t.Parallel()
	f := func(mode Mode, append string, rollUps int, want ...string) {
		t.Helper()
		p := planOf(t, Env{Mode: mode, Host: captured}, fmt.Sprintf(rolledUp, append))
		if got := series(p.Plugins[0]); !slices.Equal(got, want) || p.Plugins[0].RollUps != rollUps {
			t.Errorf("got %d roll-ups of %q, want %d of %q", p.Plugins[0].RollUps, got, rollUps, want)
		}
	}
	instance := `"append_dimensions": {"InstanceId": "${aws:InstanceId}"},`
	f(OnPremise, "", 2, "MEM host=h", "MEM", "mem_free")
	f(OnPremise, instance, 2, "MEM host=h", "MEM", "mem_free")
	f(EC2, "", 2, "MEM host=h id=${aws:InstanceId}", "MEM", "mem_free")
	f(EC2, instance, 4, "MEM InstanceId=${aws:InstanceId} id=${aws:InstanceId}", "MEM InstanceId=${aws:InstanceId}", "MEM", "mem_free InstanceId=${aws:InstanceId}", "mem_free")
}

func TestPlanCountsWhatTheLimitsCost(t *testing.T) {
	t.Parallel()
	var own PlannedPlugin
	var known cloudwatch.Series
	many := cloudwatch.Datum{Name: "m", Time: time.Unix(0, 0), Unit: cloudwatch.Count}
	for i := range 151 {
		many.Values = append(many.Values, float64(i))
	}
	own.pack(&known, "n", many)
	wide := cloudwatch.Datum{Name: "w", Values: []float64{1}}
	for i := range 31 {
		wide.Dimensions = append(wide.Dimensions, cloudwatch.Dimension{Name: fmt.Sprintf("d%02d", i), Value: "v"})
	}
	own.pack(&known, "n", wide)
	own.pack(&known, "n", wide) // once is enough
	own.pack(&known, "n", cloudwatch.Datum{Name: "fits", Values: []float64{1}})
	if own.Split != 1 || own.Cut != 1 || len(known.All()) != 3 {
		t.Errorf("got %d in several pieces, %d cut, %d series", own.Split, own.Cut, len(known.All()))
	}
}

func TestPlanNamesGroupsAndStreamsOfAnyHost(t *testing.T) {
	t.Parallel()
	f := func(entry, group, stream string) {
		t.Helper()
		p := planOf(t, Env{Mode: EC2}, `{"logs": {"logs_collected": {"files": {"collect_list": [{`+entry+`}]}}}}`)
		if got := p.Files[0]; got.Group != group || got.Stream != stream {
			t.Errorf("%s: got %s : %s, want %s : %s", entry, got.Group, got.Stream, group, stream)
		}
	}
	f(`"file_path": "/nowhere/a.log"`, "/nowhere/a", "*")
	f(`"file_path": "/nowhere/a.log", "log_group_name": "g-{account_id}-{aws_region}", "log_stream_name": "{date}/{hostname}"`, "g-*-*", "*/*")
	f(`"file_path": "/nowhere/*.log"`, "/nowhere/*", "*")
	f(`"file_path": "/nowhere/app*.log", "publish_multi_logs": true`, "/nowhere/app*", "*")
	f(`"file_path": "/nowhere/app*.log", "log_group_name": "g", "log_stream_name": "s", "publish_multi_logs": true`, "g", "s__nowhere_app*")
	f(`"file_path": "/nowhere/a.log", "log_group_name": "g", "log_stream_name": "s", "publish_multi_logs": true`, "g", "s__nowhere_a.log")
}

func TestPlanResolvesPlaceholdersAsFarAsTheHostKnows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.log"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(mode Mode, group, stream, wantGroup, wantStream string) {
		t.Helper()
		entry := fmt.Sprintf(`{"file_path": %q, "log_group_name": %q`, filepath.Join(dir, "a.log"), group)
		if stream != "" {
			entry += fmt.Sprintf(`, "log_stream_name": %q`, stream)
		}
		p := planOf(t, Env{Mode: mode}, `{"agent": {"hostname": "h", "region": "eu-west-1"}, "logs": {"logs_collected": {"files": {"collect_list": [`+entry+`}]}}}}`)
		if got := p.Files[0].Listing.Files[0].Stream; got.Group != wantGroup || got.Name != wantStream {
			t.Errorf("%s %s %s: got %s : %s, want %s : %s", mode, group, stream, got.Group, got.Name, wantGroup, wantStream)
		}
	}
	f(EC2, "g-{aws_region}-{account_id}", "", "g-eu-west-1-{account_id}", "{instance_id}")
	f(OnPremise, "g-{aws_region}-{account_id}", "", "g-eu-west-1-UNKNOWN-ACCOUNT", "h")
	f(OnPremise, "g", "{instance_id}-{hostname}", "g", "i-UNKNOWN-h")
	f(EC2, "g", "{local_hostname}", "g", "h")
}

func TestPlanSaysWhenItCannotRemember(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	entry := `{"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/nowhere/a.log"}]}}}}`
	if p := planOf(t, Env{StateDir: state}, entry); p.Unremembered != nil {
		t.Errorf("without checkpoints: %v", p.Unremembered)
	}
	if err := os.Mkdir(filepath.Join(state, "checkpoints"), 0o700); err != nil { // which cannot be read as a file
		t.Fatal(err)
	}
	if p := planOf(t, Env{StateDir: state}, entry); p.Unremembered == nil {
		t.Error("checkpoints that cannot be read are no reason to say so")
	}
}

func TestPlanEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("c.json", []byte(fmt.Sprintf(rolledUp, "")))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p, err := MakePlan(ctx, c, Env{Mode: OnPremise, Host: captured}); !errors.Is(err, context.Canceled) || p != nil {
		t.Errorf("got %v, %v", p, err)
	}
}

func TestNotesAreAStore(t *testing.T) {
	t.Parallel()
	var n tailer.Store = newNotes(map[string][]byte{"b": []byte("1"), "d": []byte("2")})
	for _, name := range []string{"c", "a", "e", "c"} {
		_ = n.Put(name, []byte(name))
	}
	_, _ = n.Delete("d"), n.Delete("x")
	if got := strings.Join(n.Names(), ""); got != "abce" {
		t.Errorf("got %s", got)
	}
	if v, ok := n.Get("c"); !ok || string(v) != "c" {
		t.Errorf("got %q, %v", v, ok)
	}
	if _, ok := n.Get("d"); ok {
		t.Error("what was deleted is there")
	}
}

// A difference is told of by the keys of tasks: they must be those that Apply compares.
func TestTasksAreThoseThatApplyRuns(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("c.json", []byte(fmt.Sprintf(rolledUp, "")))
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := Tasks(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Env{StateDir: filepath.Join(t.TempDir(), "state"), Mode: OnPremise, Cloud: &sky{region: "eu-west-1"}, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	if err := a.Apply(c); err != nil {
		t.Fatal(err)
	}
	if len(tasks) != len(a.running) {
		t.Errorf("got %d tasks, %d run", len(tasks), len(a.running))
	}
	for i, r := range a.running { // in the order in which they were built
		if tasks[i].Key != r.Key || tasks[i].Name != r.Name {
			t.Errorf("got %s (%s), runs %s (%s)", tasks[i].Name, tasks[i].Key, r.Name, r.Key)
		}
	}
}
