package agent

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/collectors"
	"go.uber.org/zap"
)

// A metadata service that has to be there may stay silent for ever. Disks that do not say which volume they are go on without it.
func TestDisksWaitTenSecondsForWordOnVolumes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has such disks")
	}
	root := t.TempDir()
	for name, text := range map[string]string{
		"proc/1/mountinfo": "20 1 202:1 / / rw - ext4 /dev/xvda1 rw\n", "sys/block/xvda/size": "1\n",
		"statfs.json": `{"/": {"blocks": 10, "bsize": 4096, "files": 5}}`,
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		env := Env{Mode: EC2, Host: collectors.Host{Root: root}.Shared(), Cloud: &sky{volumes: map[string]string{"/dev/sda1": "vol-1"}}, Log: zap.NewNop()}
		c := parse(t, `{"metrics": {"append_dimensions": {}, "metrics_collected": {"disk": {"measurement": ["inodes_total"], "append_dimensions": {"VolumeId": "${aws:VolumeId}"}}}}}`)
		disk, problems := collectors.Build(c.Metrics.Plugins[0], env.Host)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		f := func(want string) {
			t.Helper()
			synctest.Wait()
			data, err := disk.Collect(t.Context(), time.Now())
			got := ""
			for _, d := range data {
				for _, dim := range d.Dimensions {
					got += " " + dim.Name + "=" + dim.Value
				}
			}
			if got != want || err != nil {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
		}
		a := &Agent{env: env, identity: newIdentity(env)}
		task := volumesTask(c, a)
		task.prepare()
		v := &volumes{agent: a}
		go v.run(t.Context())
		time.Sleep(waitVolumes - time.Second)
		f("")
		time.Sleep(time.Second)
		f(" device=xvda1 fstype=ext4 path=/")
		time.Sleep(time.Hour)
		a.identity.instance = anInstance // it answers after all
		a.identity.settle()
		f(" VolumeId=vol-1 device=xvda1 fstype=ext4 path=/")
	})
}
