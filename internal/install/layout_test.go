package install

import (
	"path/filepath"
	"testing"
)

func TestFoldersAreTheOriginalsOnEachSystem(t *testing.T) {
	f := func(system string, variables map[string]string, want folders) {
		t.Helper()
		if got := foldersOn(system, func(name string) string { return variables[name] }); got != want {
			t.Errorf("%s: got %+v", system, got)
		}
	}
	home := folders{
		bin: "/opt/aws/amazon-cloudwatch-agent/bin", etc: "/opt/aws/amazon-cloudwatch-agent/etc",
		configs: "/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d", logs: "/opt/aws/amazon-cloudwatch-agent/logs", state: "/var/lib/nephoscope",
	}
	f("linux", nil, home)
	f("darwin", map[string]string{"ProgramData": "x"}, home)
	f("windows", nil, folders{
		bin: `C:\Program Files\Amazon\AmazonCloudWatchAgent`, etc: `C:\ProgramData\Amazon\AmazonCloudWatchAgent`,
		configs: `C:\ProgramData\Amazon\AmazonCloudWatchAgent\Configs`, logs: `C:\ProgramData\Amazon\AmazonCloudWatchAgent\Logs`, state: `C:\ProgramData\Nephoscope`,
	})
	f("windows", map[string]string{"ProgramData": `D:\Data`, "ProgramFiles": `D:\Programs`}, folders{
		bin: `D:\Programs\Amazon\AmazonCloudWatchAgent`, etc: `D:\Data\Amazon\AmazonCloudWatchAgent`,
		configs: `D:\Data\Amazon\AmazonCloudWatchAgent\Configs`, logs: `D:\Data\Amazon\AmazonCloudWatchAgent\Logs`, state: `D:\Data\Nephoscope`,
	})
}

func TestEverythingIsUnderTheRoot(t *testing.T) {
	root := t.TempDir()
	l := Layout{root}
	for _, path := range []string{l.Bin(), l.WizardConfig(), l.Etc(), l.Configs(), l.Common(), l.Environment(), l.Backups(), l.Logs(), l.Log(), l.OriginalState(), l.State()} {
		if inside, err := filepath.Rel(root, path); err != nil || !filepath.IsLocal(inside) {
			t.Errorf("%s is not under %s", path, root)
		}
	}
}
