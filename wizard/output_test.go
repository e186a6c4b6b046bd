package wizard

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/nephoscope/nephoscope/config"
)

// files returns the names in a folder of the layout.
func (h held) files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(h.root, "opt/aws/amazon-cloudwatch-agent", dir))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestPreviousConfigurationIsKept(t *testing.T) {
	first := hold(t, "", nil, func(o *Options) { o.Yes = true })
	if first.result.Backup != "" || !first.result.Changed || strings.Contains(first.transcript, "is kept as") {
		t.Errorf("the first: got %+v", first.result)
	}
	same := hold(t, "", nil, func(o *Options) { o.Yes, o.Layout.Root = true, first.root })
	if same.result.Backup != "" || same.result.Changed {
		t.Errorf("the same again: got %+v", same.result)
	}
	other := hold(t, "", nil, func(o *Options) { o.Answers, o.Layout.Root = map[string]string{"plan": "2"}, first.root })
	kept, err := os.ReadFile(other.result.Backup)
	if err != nil || string(kept) != string(first.config) || !other.result.Changed {
		t.Errorf("another: got %+v, %v", other.result, err)
	}
	if filepath.Base(other.result.Backup) != "config-0.json" {
		t.Errorf("got backup %s", other.result.Backup)
	}
}

func TestTenBackupsAreKeptAndTheOldestGoes(t *testing.T) {
	root := folder(t)
	for n := range 14 {
		port := fmt.Sprint(8000 + n)
		hold(t, "", nil, func(o *Options) { o.Answers, o.Layout.Root = map[string]string{"statsd.port": port}, root })
	}
	got := held{root: root}.files(t, "etc/backup-configs")
	if want := "[config-10.json config-11.json config-12.json config-3.json config-4.json config-5.json config-6.json config-7.json config-8.json config-9.json]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	oldest, _ := os.ReadFile(filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/etc/backup-configs/config-3.json"))
	if !strings.Contains(string(oldest), ":8003") {
		t.Errorf("config-3.json is not the fourth:\n%s", oldest)
	}
}

func TestEmptyFileOfAnOriginalThatWasAbortedIsNotKept(t *testing.T) {
	root := folder(t)
	bin := filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "config.json"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	got := hold(t, "", nil, func(o *Options) { o.Yes, o.Layout.Root = true, root })
	if got.result.Backup != "" || len(got.files(t, "etc/backup-configs")) > 0 {
		t.Errorf("got %+v", got.result)
	}
}

func TestNothingButTheConfigurationIsLeft(t *testing.T) {
	got := hold(t, "", strings.NewReader("1\n"), nil)
	if names := got.files(t, "bin"); fmt.Sprint(names) != "[config.json]" {
		t.Errorf("got %v", names)
	}
	info, err := os.Stat(got.result.Output)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("got mode %v, %v", info.Mode(), err)
	}
}

func TestOutputThatCannotBeWrittenIsAMistakeBeforeTheFirstQuestion(t *testing.T) {
	dir := folder(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(output, want string) {
		t.Helper()
		got := hold(t, "", unread{t}, func(o *Options) { o.Output = output })
		if got.err == nil || !strings.Contains(got.err.Error(), want) || strings.Contains(got.transcript, "operating system") {
			t.Errorf("%s: got error %v", output, got.err)
		}
		got = hold(t, "", nil, func(o *Options) { o.Output, o.Yes = output, true })
		if got.err == nil || !strings.Contains(got.err.Error(), want) || strings.Contains(got.transcript, "operating system") {
			t.Errorf("%s, and --yes: got error %v\n%s", output, got.err, got.transcript)
		}
	}
	f(dir, "it is a folder (name a file with --output)")
	f(os.DevNull, "it is no regular file (name one with --output)")
	f(filepath.Join(dir, "none", "c.json"), "make the folder, or name another file with --output")
	f(filepath.Join(file, "c.json"), "(name another file with --output)")
}

func TestOutputOfOnesOwnKeepsItsBackupsBesideIt(t *testing.T) {
	dir := folder(t)
	output := filepath.Join(dir, "mine.json")
	for _, plan := range []string{"1", "2"} {
		got := hold(t, "", nil, func(o *Options) { o.Output, o.Answers = output, map[string]string{"plan": plan} })
		if got.err != nil {
			t.Fatal(got.err)
		}
		if len(got.files(t, "bin")) > 0 {
			t.Errorf("got %v in bin", got.files(t, "bin"))
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "backup-configs", "config-0.json")); err != nil {
		t.Error(err)
	}
}

func TestLinkStaysALink(t *testing.T) {
	dir := folder(t)
	target, link := filepath.Join(dir, "target.json"), filepath.Join(dir, "link.json")
	if err := os.WriteFile(target, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if got := hold(t, "", nil, func(o *Options) { o.Yes, o.Output = true, link }); got.err != nil {
		t.Fatal(got.err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is none any more: %v, %v", info, err)
	}
	if raw, _ := os.ReadFile(target); len(raw) < 10 {
		t.Errorf("got %s", raw)
	}
	nowhere := filepath.Join(dir, "nowhere.json")
	if err := os.Symlink("later.json", nowhere); err != nil {
		t.Fatal(err)
	}
	if got := hold(t, "", nil, func(o *Options) { o.Yes, o.Output = true, nowhere }); got.err != nil {
		t.Fatal(got.err)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "later.json")); err != nil || len(raw) < 10 {
		t.Errorf("what the link leads to: got %s, %v", raw, err)
	}
}

func TestMigrationAsksNothingAndWritesTheLogsAlone(t *testing.T) {
	root := folder(t)
	host := newHost(t, "region eu-west-1")
	var out strings.Builder
	o := Options{In: unread{t}, Out: &out, Layout: layout(root), Host: host.Host}
	result, err := Migrate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(result.Output)
	if err != nil || !strings.HasPrefix(string(raw), "{\n\t\"logs\": {\n\t\t\"force_flush_interval\": 5,") {
		t.Errorf("got %s, %v", raw, err)
	}
	accepted(t, raw)
	if !strings.Contains(out.String(), "batch_count") || !strings.Contains(result.Command, "-m auto") || len(host.stored) > 0 {
		t.Errorf("got %s%+v, stored %v", out.String(), result, host.stored)
	}
	for path, want := range map[string]string{"/no/such.conf": "no such file", "/broken.conf": "not a section", "/conflict.conf": "two different values"} {
		o.Import = path
		if _, err := Migrate(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v", path, err)
		}
	}
	if again, _ := os.ReadFile(result.Output); string(again) != string(raw) {
		t.Error("a migration that failed changed the file")
	}
	o.Import, o.StoreWanted = "", true
	if _, err := Migrate(t.Context(), o); err != nil || len(host.stored) > 0 {
		t.Errorf("without credentials: got error %v, stored %v", err, host.stored)
	}
	o.Host = newHost(t, "region eu-west-1\ncredential AKIA1").Host
	result, err = Migrate(t.Context(), o)
	if err != nil || result.Parameter != "AmazonCloudWatch-linux" {
		t.Errorf("got %+v, %v", result, err)
	}
}

func TestTracesAlone(t *testing.T) {
	got := hold(t, "region eu-west-1", strings.NewReader("2\n2001\n2002\n4\n9\n\n0\n"), func(o *Options) { o.TracesOnly = true })
	want := `{
	"traces": {
		"buffer_size_mb": 4,
		"concurrency": 9,
		"traces_collected": {
			"xray": {
				"bind_address": "127.0.0.1:2001",
				"tcp_proxy": {
					"bind_address": "127.0.0.1:2002"
				}
			}
		}
	}
}
`
	if got.err != nil || string(got.config) != want {
		t.Errorf("got %v\n%s", got.err, got.config)
	}
	unchanged := hold(t, "daemon xray -b 127.0.0.1:4000", unread{t}, func(o *Options) { o.TracesOnly, o.Yes, o.XRayUnchanged = true, true, true })
	if !strings.Contains(string(unchanged.config), `"bind_address": "127.0.0.1:4000"`) || strings.Contains(unchanged.transcript, "shall be changed") {
		t.Errorf("got %s\n%s", unchanged.config, unchanged.transcript)
	}
}

func TestConfigurationThatTheAgentWouldRefuseIsWrittenAndNotStarted(t *testing.T) {
	refuse := func(name string, _ []byte) ([]config.Problem, error) {
		return []config.Problem{config.Mistake(config.Place{File: name, Line: 2, Column: 1, Path: "agent"}, "the agent does not like it", "change it")}, nil
	}
	got := hold(t, "region eu-west-1\nstart", strings.NewReader(strings.ReplaceAll(walkthroughAnswers+" 2 1", " ", "\n")), func(o *Options) { o.Host.Check = refuse })
	if got.err != nil || got.result.Valid() || len(got.host.started) > 0 || strings.Contains(got.transcript, "started with this") {
		t.Errorf("got %v, %+v, started %v", got.err, got.result, got.host.started)
	}
	if !strings.Contains(got.transcript, "config.json:2:1: agent: the agent does not like it (change it)\nThe agent will not start") {
		t.Errorf("got\n%s", got.transcript)
	}
}

func TestCommandIsWhatAShellTakes(t *testing.T) {
	f := func(name, host, want string) {
		t.Helper()
		dir := filepath.Join(folder(t), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		got := hold(t, "", nil, func(o *Options) {
			o.Layout.Root, o.Output, o.Answers = "", filepath.Join(dir, "c.json"), map[string]string{"host": host}
		})
		if want = strings.ReplaceAll(want, "DIR", filepath.Dir(dir)); got.result.Command != want {
			t.Errorf("got %s, want %s", got.result.Command, want)
		}
	}
	f("a", ec2, "sudo amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -c file:DIR/a/c.json -s")
	f("a b", onPremises, "sudo amazon-cloudwatch-agent-ctl -a fetch-config -m onPremise -c file:'DIR/a b/c.json' -s")
	f("it's", ec2, `sudo amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -c file:'DIR/it'\''s/c.json' -s`)
}

// A pattern such as /** may match half a disk.
func TestPreviewIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		defer close(over)
		got := hold(t, "", nil, func(o *Options) {
			o.Yes = true
			o.Host.Preview = func(context.Context, string, []byte) (string, error) { <-over; return "", nil }
		})
		if got.err != nil || !strings.Contains(got.transcript, "takes longer than 10s to find out: nephoscope explain /opt/") || !strings.HasSuffix(got.transcript, "Program exits now.\n") {
			t.Errorf("got %v\n%s", got.err, got.transcript)
		}
	})
}
