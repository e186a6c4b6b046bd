package migrate

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
)

func TestStoreKeepsWhatItReplacesEachTime(t *testing.T) {
	t.Parallel()
	l := install.Layout{Root: t.TempDir()}
	path := Target(l, FromAwsLogs)
	f := func(content string, force, wantChanged bool, wantBackup string, wantErr error) {
		t.Helper()
		changed, backup, err := Store(l, path, []byte(content), force)
		if changed != wantChanged || filepath.Base(backup) != filepath.Base(wantBackup) || !errors.Is(err, wantErr) {
			t.Errorf("%s: got %t %s %v", content, changed, backup, err)
		}
	}
	f("one", false, true, "", nil)
	f("one", false, false, "", nil)
	f("two", false, false, "", ErrDiffers)
	f("two", true, true, "file_awslogs.json.before-0", nil)
	f("three", true, true, "file_awslogs.json.before-1", nil)
	f("three", true, false, "", nil)
	for name, want := range map[string]string{path: "three", filepath.Join(l.Backups(), "file_awslogs.json.before-0"): "one", filepath.Join(l.Backups(), "file_awslogs.json.before-1"): "two"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	other := filepath.Join(l.Root, "config.json")
	for _, content := range []string{"a", "b"} {
		if _, _, err := Store(l, other, []byte(content), true); err != nil {
			t.Error(err)
		}
	}
	if got, err := os.ReadFile(other + ".before-0"); err != nil || string(got) != "a" {
		t.Errorf("backup beside the file: got %q, %v", got, err)
	}
}

func TestNamesOfStoredConfigurationsAreThoseOfTheControlCommand(t *testing.T) {
	f := func(path, want string) {
		t.Helper()
		if got := StoredName(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	f("/etc/config.json", "file_config.json")
	f("/etc/my config:1.json", "file_my_config_1.json")
}

func TestWhoseConfigurationAFileIs(t *testing.T) {
	f := func(path, want string) {
		t.Helper()
		if got := Guess(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	f("/etc/awslogs/awslogs.conf", FromAwsLogs)
	f("/x/fluent-bit.yaml", FromFluentBit)
	f("/x/td-agent-bit.conf", FromFluentBit)
	f("/x/telegraf.conf", FromTelegraf)
	f("/x/config.json", FromOriginal)
	f("/x/some.conf", "")
}

// A configuration that none of the differences touches has none but those of every metric.
func TestDifferencesNameWhatTheyAreAbout(t *testing.T) {
	f := func(src string, want ...string) {
		t.Helper()
		c, err := config.Parse("c.json", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range Differences(c) {
			if p.File != "c.json" || p.Line != 1 {
				t.Errorf("not placed: %+v", p)
			}
			got = append(got, p.Path)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: got %q, want %q", src, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: got %q, want %q", src, got, want)
			}
		}
	}
	f(`{"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/a"}]}}}}`)
	f(`{"metrics": {"metrics_collected": {"mem": {"measurement": ["used"]}}}}`, "metrics")
	f(`{"metrics": {"metrics_collected": {"disk": {"measurement": ["used"]}}, "append_dimensions": {"ImageId": "${aws:ImageId}"}}}`,
		"metrics", "metrics.metrics_collected.disk", "metrics.append_dimensions")
	f(`{"logs": {"concurrency": 2, "logs_collected": {"files": {"collect_list": [{"file_path": "/a*", "timestamp_format": "%B", "auto_removal": true}]}}}}`,
		"logs.concurrency", "logs.logs_collected.files.collect_list[0]", "logs.logs_collected.files.collect_list[0].timestamp_format", "logs.logs_collected.files.collect_list[0].auto_removal")
}

func TestNothingButAFileIsReplaced(t *testing.T) {
	t.Parallel()
	device := filepath.Join(t.TempDir(), "device")
	if err := os.Symlink(os.DevNull, device); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{device, t.TempDir()} {
		if changed, _, err := Store(install.Layout{Root: t.TempDir()}, path, []byte("{}"), true); err == nil || changed {
			t.Errorf("%s: changed %t, %v", path, changed, err)
		}
	}
}
