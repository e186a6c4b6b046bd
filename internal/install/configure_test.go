package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

func TestFetchReplacesEverything(t *testing.T) {
	h := newHost(t)
	file := h.write("config.json", mem)
	h.write("opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/file_left.json.tmp", "left by the original")
	h.write("opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/otel.yaml", "receivers: {}")
	if !h.fine("-a", "fetch-config", "-c", "default") || h.stored() != "default" {
		t.Errorf("stored: %s", h.stored())
	}
	if !h.fine("-a", "fetch-config", "-c", "file:"+file) || h.stored() != "file_config.json" {
		t.Errorf("stored: %s", h.stored())
	}
	entries, err := os.ReadDir(h.layout.Configs())
	if err != nil || len(entries) != 1 {
		t.Errorf("left in the store: %v, %v", entries, err)
	}
	if text, err := os.ReadFile(file); string(text) != mem {
		t.Errorf("the user's file holds %q, %v", text, err)
	}
}

func TestTwiceTheSameChangesNothing(t *testing.T) {
	h := newHost(t)
	file := h.write("config.json", mem)
	other := h.write("other.json", swap)
	for _, args := range [][]string{
		{"-a", "fetch-config", "-c", "file:" + file},
		{"-a", "append-config", "-m", "onPremise", "-c", "file:" + other},
		{"-a", "remove-config", "-c", "file:" + other},
		{"-a", "set-log-level", "-l", "DEBUG"},
		{"-a", "set-env", "-e", "A=b", "-e", "C=d"},
		{"-a", "remove-config", "-c", "all"},
	} {
		if !h.fine(args...) {
			t.Errorf("%q: nothing changed at first", args)
		}
		before := h.disk()
		if h.fine(args...) || h.disk() != before {
			t.Errorf("%q: changed something again", args)
		}
		if err := h.ctl(append(args, "--json")...); err != nil {
			t.Error(err)
		}
		var said struct{ Changed *bool }
		if err := json.Unmarshal(h.out.Bytes(), &said); err != nil || said.Changed == nil || *said.Changed {
			t.Errorf("%q --json: %v\n%s", args, err, &h.out)
		}
	}
}

func TestAppendAddsOrReplacesByName(t *testing.T) {
	h := newHost(t)
	one, two := h.write("a/one.json", mem), h.write("a/two.json", swap)
	h.fine("-a", "append-config", "-c", "file:"+one)
	h.fine("-a", "append-config", "-c", "file:"+two)
	if got := h.stored(); got != "file_one.json file_two.json" {
		t.Errorf("stored: %s", got)
	}
	// Another file of that name takes its place, also where it would not go together with it.
	again := h.write("b/one.json", strings.ReplaceAll(mem, "used_percent", "total"))
	if !h.fine("-a", "append-config", "-c", "file:"+again) || h.stored() != "file_one.json file_two.json" {
		t.Errorf("stored: %s", h.stored())
	}
	if text, _ := os.ReadFile(filepath.Join(h.layout.Configs(), "file_one.json")); !strings.Contains(string(text), "total") {
		t.Errorf("file_one.json holds %s", text)
	}
}

func TestPartThatIsNotCompleteByItselfCanBeAppended(t *testing.T) {
	h := newHost(t)
	part := h.write("part.json", `{"metrics": {"namespace": "Mine"}}`)
	h.fails("metrics_collected", "-a", "append-config", "-c", "file:"+part)
	if _, err := os.Stat(h.layout.Etc()); err == nil {
		t.Error("a folder was made for nothing")
	}
	h.fine("-a", "fetch-config", "-c", "file:"+h.write("mem.json", mem))
	h.fine("-a", "append-config", "-c", "file:"+part)
	h.fails("metrics_collected", "-a", "remove-config", "-c", "file:mem.json")
}

func TestConflictNamesBothFilesAndStoresNothing(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "append-config", "-c", "file:"+h.write("slow.json", slow))
	other := h.write("slower.json", slower)
	h.fails(other+":1:43: agent.metrics_collection_interval: different values", "-a", "append-config", "-c", "file:"+other)
	h.fails(filepath.Join(h.layout.Configs(), "file_slow.json")+":1:43", "-a", "append-config", "-c", "file:"+other)
}

func TestSourceThatIsWrongStoresNothing(t *testing.T) {
	h := newHost(t)
	f := func(text, why string) {
		t.Helper()
		file := h.write("config.json", text)
		for _, action := range []string{"fetch-config", "append-config"} {
			h.fails(why, "-a", action, "-s", "-c", "file:"+file)
		}
	}
	for range 2 { // in an empty store, and in one that is not
		f("", "config.json is empty")
		f(" \n", "config.json is empty")
		f("a", "config.json:1:1: a is not a JSON value")
		f("{\n  \"metrics\": {\n    \"namespace\": \"x\",,\n  }\n}", "config.json:3:22:")
		f(`{"metrics": {"metrics_collected": {"cpu": {"measurement": "used"}}}}`, "config.json:1:59: metrics.metrics_collected.cpu.measurement: must be a list")
		f(`[]`, "must be an object")
		h.fine("-a", "fetch-config", "-c", "default")
	}
	h.fails("there is no file /nowhere/config.json", "-a", "fetch-config", "-c", "file:/nowhere/config.json")
	h.fails("is a folder", "-a", "fetch-config", "-c", "file:"+h.layout.Root)
	h.fails("does not fill in ~", "-a", "fetch-config", "-c", "file:~/config.json")
}

func TestFileOfTheStoreIsFetched(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config", "-c", "file:"+h.write("x.json", mem))
	h.fine("-a", "append-config", "-c", "file:"+h.write("y.json", swap))
	inStore := "file:" + filepath.Join(h.layout.Configs(), "file_x.json")
	if h.fine("-a", "append-config", "-c", inStore) || h.stored() != "file_x.json file_y.json" {
		t.Errorf("append: stored %s", h.stored())
	}
	if !h.fine("-a", "fetch-config", "-c", inStore) || h.stored() != "file_x.json" {
		t.Errorf("fetch: stored %s", h.stored())
	}
	if h.fine("-a", "fetch-config", "-c", inStore) || h.stored() != "file_x.json" {
		t.Errorf("fetch again: stored %s", h.stored())
	}
	if !h.fine("-a", "remove-config", "-c", inStore) || h.stored() != "" {
		t.Errorf("remove: stored %s", h.stored())
	}
}

func TestNamesInTheStore(t *testing.T) {
	c := &Control{Layout: Layout{Root: t.TempDir()}}
	f := func(text, want string) {
		t.Helper()
		s, err := parseSource(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.storedName(s); got != want {
			t.Errorf("%s is stored as %s, want %s", text, got, want)
		}
	}
	f("default", "default")
	f("file:/etc/cw/config.json", "file_config.json")
	f("file:my config:1.json", "file_my_config_1.json")
	f("ssm:AmazonCloudWatch-linux", "ssm_AmazonCloudWatch-linux")
	f("ssm:/cw/linux", "ssm__cw_linux")
	f("ssm:arn:aws:ssm:eu-west-1:111122223333:parameter/cw", "ssm_arn_aws_ssm_eu-west-1_111122223333_parameter_cw")
	f("file:x.tmp", "file_x.tmp.json") // run reads no *.tmp
	f("ssm:x.yaml", "ssm_x.yaml.json")
	long := "ssm:" + strings.Repeat("a", 2000)
	s, _ := parseSource(long)
	other, _ := parseSource(long + "b")
	if a, b := c.storedName(s), c.storedName(other); len(a) > 255 || a == b {
		t.Errorf("long names: %s, %s", a, b)
	}
}

func TestFormsOfFile(t *testing.T) {
	h := newHost(t)
	file := h.write("config.json", mem)
	t.Chdir(h.layout.Root)
	for _, c := range []struct{ typed, said string }{
		{"file:" + file, ""},
		{"file://" + file, ""},       // file:///…
		{"file:/" + file, ""},        // file://…, as in the walkthrough: two slashes are one to the system
		{"file:" + file[1:], file},   // the slash was forgotten
		{"file:config.json", ""},     // in the working folder
		{"file:./config.json", ""},   // the same
		{"file://config.json", file}, // two slashes, and the working folder
	} {
		h.fine("-a", "fetch-config", "-c", c.typed)
		if h.stored() != "file_config.json" {
			t.Errorf("%s: stored %s", c.typed, h.stored())
		}
		if said := "Reading " + c.said + "\n"; c.said != "" && !strings.Contains(h.out.String(), said) {
			t.Errorf("%s: does not say %s%s", c.typed, said, &h.out)
		}
	}
}

func TestParameterIsFetched(t *testing.T) {
	h := newHost(t)
	h.parameter = func(name string) (string, error) {
		return map[string]string{"/cw/good": mem, "bad": "{"}[name], map[bool]error{true: errors.New("get parameter: not found")}[name == "none"]
	}
	h.fails("fetch configuration: get parameter: not found", "-a", "fetch-config", "-c", "ssm:none")
	h.fails("ssm:bad:1:2:", "-a", "fetch-config", "-c", "ssm:bad")
	if h.fine("-a", "fetch-config", "-c", "ssm:/cw/good"); h.stored() != "ssm__cw_good" {
		t.Errorf("stored: %s", h.stored())
	}
}

func TestDefaultConfigurationsAreFine(t *testing.T) {
	for mode, dimensions := range map[agent.Mode]int{agent.EC2: 4, agent.OnPremise: 0, agent.Auto: 4, "": 4} {
		c, err := config.Parse("default", []byte(Default(mode)))
		if err != nil || len(c.Warnings) > 0 || len(c.Metrics.AppendDimensions) != dimensions || c.Agent.RunAsUser != "cwagent" {
			t.Errorf("mode %q: %v, %v, %v", mode, err, c.Warnings, c.Metrics.AppendDimensions)
		}
	}
}

func TestModeIsRemembered(t *testing.T) {
	h := newHost(t)
	mode := func() string {
		all, err := h.layout.readEnvironment()
		if err != nil {
			t.Fatal(err)
		}
		return all.get(ModeVariable)
	}
	h.fine("-a", "fetch-config", "-m", "onPrem")
	if text, _ := os.ReadFile(filepath.Join(h.layout.Configs(), "default")); mode() != "onPremise" || strings.Contains(string(text), "InstanceId") {
		t.Errorf("mode %q, %s", mode(), text)
	}
	if h.fine("-a", "fetch-config") || mode() != "onPremise" {
		t.Errorf("a command without -m changed the mode to %q", mode())
	}
	if !h.fine("-a", "fetch-config", "-m", "auto") || mode() != "" {
		t.Errorf("mode %q", mode())
	}
}

func TestRemoveOfWhatIsNotThereSaysWhatIs(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config")
	if h.fine("-a", "remove-config", "-c", "file:x.json") || !strings.Contains(h.err.String(), "nothing is stored as file_x.json; stored are: default") {
		t.Errorf("it says %s", &h.err)
	}
}

func TestAllIsForRemoveAlone(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config")
	if h.fine("-a", "fetch-config", "-c", "all") || h.stored() != "default" || !strings.Contains(h.err.String(), `ignore cwa configuration "all" as it is only supported by action "remove-config"`) {
		t.Errorf("it says %s", &h.err)
	}
}

func TestTwoAtOnceTakeTurns(t *testing.T) {
	h := newHost(t)
	var all sync.WaitGroup
	for i := range 8 {
		one := &host{T: t, layout: h.layout}
		file := h.write(fmt.Sprintf("%d.json", i), mem)
		all.Go(func() {
			if err := one.ctl("-a", "append-config", "-c", "file:"+file); err != nil {
				t.Error(err)
			}
			if err := one.ctl("-a", "set-env", "-e", fmt.Sprintf("V%d=x", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	variables, err := h.layout.readEnvironment()
	if got := strings.Fields(h.stored()); len(got) != 8 || len(variables) != 8 {
		t.Errorf("stored %v, %v, %v", got, variables, err)
	}
}

func TestStoreIsForTheAgentsGroup(t *testing.T) {
	h := newHost(t)
	h.write("etc/passwd", "root:x:0:0::/root:/bin/sh\ncwagent:x:990:991::/home/cwagent:/sbin/nologin\n")
	old := h.write("opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/file_old.json", mem) // 0644, of the original
	h.fine("-a", "append-config", "-c", "file:"+h.write("user.json", `{"agent": {"run_as_user": "cwagent"}}`))
	h.fine("-a", "set-env", "-e", "A=b")
	for _, path := range []string{old, filepath.Join(h.layout.Configs(), "file_user.json"), h.layout.Environment()} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		if os.Geteuid() == 0 && groupID(info) != 991 {
			t.Errorf("%s has group %d", path, groupID(info))
		}
	}
	h.fine("-a", "fetch-config", "-c", "file:"+h.write("user.json", strings.Replace(mem, "{", `{"agent": {"run_as_user": "nobody-here"}, `, 1)))
	if os.Geteuid() == 0 && !strings.Contains(h.err.String(), `agent.run_as_user: there is no user "nobody-here"`) {
		t.Errorf("it says %s", &h.err)
	}
}

func TestLinkThatLeadsNowhereIsNamedOrReplaced(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config")
	link := filepath.Join(h.layout.Configs(), "gone.json")
	if err := os.Symlink("/nowhere", link); err != nil {
		t.Skip("NOT RUN: ", err)
	}
	if err := h.ctl("-a", "append-config"); err == nil || !strings.Contains(err.Error(), link+" is a link that leads nowhere") {
		t.Errorf("got %v", err)
	}
	for _, args := range [][]string{{"-a", "fetch-config"}, {"-a", "remove-config", "-c", "all"}} {
		_ = os.Remove(link)
		if err := os.Symlink("/nowhere", link); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(link); !h.fine(args...) || err != nil {
			t.Errorf("%q: changed nothing", args)
		}
		if _, err := os.Lstat(link); err == nil {
			t.Errorf("%q: the link is there", args)
		}
	}
}

func TestDiskThatTakesOnlySomeOfItIsPutBack(t *testing.T) {
	h := newHost(t)
	kept, gone := h.write("kept", "old"), h.write("gone", "there")
	plan := changes{}
	for path, text := range map[string][]byte{kept: []byte("new"), gone: nil, filepath.Join(h.layout.Root, "fresh"): []byte("x")} {
		if err := plan.plan(path, text); err != nil {
			t.Fatal(err)
		}
	}
	plan = append(plan, change{path: filepath.Join(h.layout.Root, "no", "folder"), after: []byte("x")})
	before := h.disk()
	if err := plan.commit(-1); err == nil || !strings.Contains(err.Error(), "store configuration") || h.disk() != before {
		t.Errorf("got %v, and on disk\n%swant\n%s", err, h.disk(), before)
	}
}

func TestWhatAKilledCommandHasLeftGoes(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config")
	for _, dir := range []string{h.layout.Etc(), h.layout.Configs()} {
		if err := os.WriteFile(filepath.Join(dir, ".x.tmp-123"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if h.fine("-a", "fetch-config"); strings.Contains(h.disk(), ".tmp-") {
		t.Errorf("left:\n%s", h.disk())
	}
}
