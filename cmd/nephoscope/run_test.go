package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

const oneLog = `{"agent": {"region": "eu-west-1"}, "logs": {"force_flush_interval": 1, "logs_collected": {"files": {"collect_list": [
	{"file_path": "%DIR%/access.log", "log_group_name": "g", "log_stream_name": "s", "retention_in_days": 7, "log_group_class": "INFREQUENT_ACCESS"}]}}}}`

const fivePlugins = `{"agent": {"metrics_collection_interval": 1, "region": "eu-west-1"}, "metrics": {"force_flush_interval": 1, "metrics_collected": {
	"cpu": {"measurement": ["usage_idle", "usage_iowait"], "resources": ["*"]}, "mem": {"measurement": ["used_percent", "total"]},
	"disk": {"measurement": ["used_percent", "inodes_free"], "resources": ["/"]}, "diskio": {"measurement": ["io_time"]}, "swap": {"measurement": ["used_percent"]}}}}`

func TestEachLineOfTheFileArrivesOnceAndInOrder(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.write("access.log", "first\nsecond\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	want := []string{"first", "second"}
	for i := range 2000 {
		want = append(want, fmt.Sprint("line ", i))
		b.write("access.log", want[len(want)-1]+"\n")
	}
	b.until("all lines", func() bool { return len(b.events("g", "s")) >= len(want) })
	if got := b.events("g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
	groups, retention, err := b.service.Groups()
	b.must(err)
	if len(groups) != 1 || retention["g"] != 7 {
		t.Errorf("got groups %v, retention %v", groups, retention)
	}
}

func TestMetricsOfThisHostArrive(t *testing.T) {
	b := newBed(t)
	b.config(fivePlugins)
	b.start()
	b.until("a datum of each plugin", func() bool {
		for _, name := range []string{"cpu_usage_idle", "mem_used_percent", "disk_used_percent", "diskio_io_time", "swap_used_percent"} {
			if len(b.dimensionsOf(name)) == 0 {
				return false
			}
		}
		return true
	})
	host, _ := os.Hostname()
	if got := b.dimensionsOf("mem_used_percent"); !slices.Equal(got, []string{"host=" + host}) {
		t.Errorf("mem: got dimensions %v", got)
	}
	if got := b.dimensionsOf("cpu_usage_idle"); !slices.Contains(got, "cpu=cpu-total host="+host) || !slices.Contains(got, "cpu=cpu0 host="+host) {
		t.Errorf("cpu: got dimensions %v", got)
	}
	all, _ := b.service.Metrics()
	for _, m := range all {
		if m.Namespace != "CWAgent" {
			t.Errorf("namespace %s", m.Namespace)
		}
	}
	if refused := b.service.Errors(); len(refused) > 0 {
		t.Errorf("the service refused: %v", refused)
	}
}

const ec2Dimensions = "AutoScalingGroupName=web ImageId=ami-0feedfacefeedface InstanceId=i-0abc123def4567890 InstanceType=t3.small"

const appended = `{"metrics": {"force_flush_interval": 1, "append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}",
	"ImageId": "${aws:ImageId}", "InstanceId": "${aws:InstanceId}", "InstanceType": "${aws:InstanceType}"},
	"aggregation_dimensions": [["InstanceId"]], "metrics_collected": {"mem": {"measurement": ["used_percent"], "metrics_collection_interval": 1}}},
	"logs": {"force_flush_interval": 1, "logs_collected": {"files": {"collect_list": [{"file_path": "%DIR%/access.log", "log_group_name": "{account_id}-{ip_address}"}]}}}}`

func TestEC2DimensionsFromInstanceTags(t *testing.T) {
	b := newBed(t)
	b.onEC2(metadata{tags: map[string]string{"Name": "x", "aws:autoscaling:groupName": "web"}})
	b.config(appended)
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("metrics", func() bool { return len(b.dimensionsOf("mem_used_percent")) > 1 })
	if got := b.dimensionsOf("mem_used_percent"); len(got) != 2 || !slices.Contains(got, ec2Dimensions) || !slices.Contains(got, "InstanceId=i-0abc123def4567890") {
		t.Errorf("got %q", got)
	}
	b.until("log events in the stream named after the instance", func() bool {
		return len(b.events("111122223333-10.0.0.5", "i-0abc123def4567890")) == 2
	})
}

func TestEC2DimensionsFromDescribeTags(t *testing.T) {
	b := newBed(t)
	b.service.Tags = map[string]string{"aws:autoscaling:groupName": "web"}
	b.onEC2(metadata{})
	b.config(appended)
	b.start()
	b.until("metrics", func() bool { return len(b.dimensionsOf("mem_used_percent")) > 0 })
	if got := b.dimensionsOf("mem_used_percent"); !slices.Contains(got, ec2Dimensions) {
		t.Errorf("got %q", got)
	}
}

func TestDescribeTagsDeniedHoldsMetricsBackAndNamesTheCure(t *testing.T) {
	b := newBed(t)
	b.onEC2(metadata{})
	b.config(appended)
	denied := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "DescribeTags") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>`)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		b.service.ServeHTTP(w, r)
	}
	b.answer(denied)
	b.start()
	b.until("the hint", func() bool { return b.said("ec2:DescribeTags") })
	b.until("a spooled batch", func() bool {
		waiting, _ := os.ReadDir(b.path("state/spool"))
		return len(waiting) > 2
	})
	if got := b.dimensionsOf("mem_used_percent"); len(got) > 0 {
		t.Errorf("sent under another identity: %q", got)
	}
	b.service.Tags = map[string]string{"aws:autoscaling:groupName": "web"}
	b.answer(nil)
	b.until("metrics", func() bool { return len(b.dimensionsOf("mem_used_percent")) > 0 })
	for _, set := range b.dimensionsOf("mem_used_percent") {
		if set != ec2Dimensions && set != "InstanceId=i-0abc123def4567890" {
			t.Errorf("got %q", set)
		}
	}
}

func TestNoMetadataServiceGoesOnWithTheHostName(t *testing.T) {
	b := newBed(t)
	b.config(appended)
	b.write("access.log", "a\nb\n")
	b.start("--mode", "onPremise")
	host, _ := os.Hostname()
	b.until("metrics with the host name", func() bool { return slices.Contains(b.dimensionsOf("mem_used_percent"), "host="+host) })
	if n := strings.Count(b.output.String(), "no EC2 metadata service"); n != 1 {
		t.Errorf("said %d times that there is no metadata service", n)
	}
}

func TestKillNineLosesNothing(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	n := 0
	line := func() {
		b.write("access.log", fmt.Sprintf("line %06d\n", n))
		n++
	}
	for range 5 {
		b.start()
		for range 3000 {
			line()
		}
		arrived := len(b.events("g", "s"))
		b.until("something more", func() bool { return len(b.events("g", "s")) > arrived })
		b.kill()
	}
	b.start()
	line()
	b.until("the last line", func() bool {
		got := b.events("g", "s")
		return slices.Contains(got, fmt.Sprintf("line %06d", n-1))
	})
	seen := map[string]int{}
	for _, m := range b.events("g", "s") {
		seen[m]++
	}
	for i := range n {
		if seen[fmt.Sprintf("line %06d", i)] == 0 {
			t.Fatalf("line %d is lost; %d of %d arrived", i, len(seen), n)
		}
	}
	t.Logf("%d lines, %d repeated", n, len(b.events("g", "s"))-n)
}

func TestStopDuringAnOutageIsQuickAndLosesNothing(t *testing.T) {
	b := newBed(t)
	b.config(strings.TrimSuffix(oneLog, "}") + `, "metrics": {"force_flush_interval": 1, "metrics_collected": {
		"mem": {"measurement": ["used_percent"], "metrics_collection_interval": 1}}}}`)
	b.answer(func(http.ResponseWriter, *http.Request) { <-b.over }) // hangs
	b.write("access.log", "a\nb\nc\n")
	b.start()
	b.until("a spooled batch", func() bool {
		files, _ := os.ReadDir(b.path("state/spool"))
		return len(files) > 1
	})
	if took := b.stop(); took > 10*time.Second {
		t.Errorf("took %v to stop", took)
	}
	b.answer(nil)
	b.start()
	b.until("all lines", func() bool { return slices.Equal(b.events("g", "s"), []string{"a", "b", "c"}) })
	b.until("an empty spool", func() bool {
		files, _ := os.ReadDir(b.path("state/spool"))
		return len(files) == 0
	})
	b.stop()
}

func TestEndpointThatAnswersBadlyLosesNothing(t *testing.T) {
	f := func(name string, bad http.HandlerFunc) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.config(oneLog)
			b.answer(bad)
			b.write("access.log", "a\nb\nc\n")
			b.start()
			b.until("a complaint", func() bool { return b.said("trying again") })
			b.write("access.log", "d\n")
			b.answer(nil)
			b.until("all lines", func() bool { return slices.Equal(b.events("g", "s"), []string{"a", "b", "c", "d"}) })
			b.stop()
		})
	}
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	f("500", status(500, ""))
	f("503 page of a proxy", status(503, "<html>sorry</html>"))
	f("400 without a word", status(400, ""))
	f("400 of a proxy", status(400, "<html>bad request</html>"))
	f("403", status(403, `{"__type":"AccessDeniedException","message":"no"}`))
	f("throttling", status(400, `{"__type":"ThrottlingException","message":"slower"}`))
	f("every event called invalid", status(400, `{"__type":"InvalidParameterException","message":"no"}`))
	f("200 with garbage", status(200, "<html>welcome to the hotel's network</html>"))
	f("connection closed", func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = c.Close()
		}
	})
}

func TestGarbageInTheLogArrives(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	long := strings.Repeat("0123456789", 500_000)
	b.write("access.log", "crlf\r\nnul \x00 nul\nnot utf-8 \xff\xfe\n"+long+"\nlast but one\nlast\n")
	b.start()
	b.until("the last line", func() bool { got := b.events("g", "s"); return len(got) > 0 && got[len(got)-1] == "last" })
	got := b.events("g", "s")
	want := []string{"crlf", "nul \x00 nul", "not utf-8 \ufffd\ufffd"}
	if !slices.Equal(got[:3], want) {
		t.Errorf("got %q", got[:3])
	}
	if joined := strings.Join(got[3:len(got)-2], ""); joined != long {
		t.Errorf("5 MB came as %d bytes in %d pieces", len(joined), len(got)-5)
	}
	b.stop()
	if !b.said(`"pieces": 4`) {
		t.Error("the pieces are not counted")
	}
}

func TestRotationOfALiveLog(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	var want []string
	line := func() {
		want = append(want, fmt.Sprintf("line %06d", len(want)))
		b.write("access.log", want[len(want)-1]+"\n")
	}
	line()
	line()
	b.start()
	b.until("the first line", func() bool { return len(b.events("g", "s")) > 0 })
	for round := range 4 {
		for range 500 {
			line()
		}
		rotated := b.path(fmt.Sprint("access.log.", round+1))
		if round%2 == 0 {
			b.must(os.Rename(b.path("access.log"), rotated))
		} else {
			raw, err := os.ReadFile(b.path("access.log"))
			b.must(err)
			b.must(os.WriteFile(rotated, raw, 0o600))
			b.must(os.Truncate(b.path("access.log"), 0))
		}
		line()
		arrived := len(want) - 100
		b.until("most lines", func() bool { return len(b.events("g", "s")) > arrived })
	}
	b.until("all lines", func() bool { return len(b.events("g", "s")) >= len(want) })
	if got := b.events("g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
	b.stop()
}

func TestReloadTouchesOnlyWhatChanged(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	b.must(os.WriteFile(b.path("config.json"), []byte(`{"logs": {`), 0o600))
	b.must(b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("a refusal with its place", func() bool { return b.said("not applied") && b.said("config.json:1:") })
	b.write("access.log", "c\nd\n")
	b.until("lines under the old configuration", func() bool { return len(b.events("g", "s")) == 4 })
	b.config(strings.Replace(oneLog, `"collect_list": [`, `"collect_list": [{"file_path": "%DIR%/other.log", "log_group_name": "g2", "log_stream_name": "s"},`, 1))
	b.write("other.log", "x\ny\n")
	b.must(b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("lines of the new file", func() bool { return len(b.events("g2", "s")) == 2 })
	if !b.said(`{"started": 1, "stopped": 0, "undisturbed": 2}`) {
		t.Error("more than the new file was touched")
	}
	b.write("access.log", "e\nf\n")
	b.until("lines of the old file", func() bool { return slices.Equal(b.events("g", "s"), []string{"a", "b", "c", "d", "e", "f"}) })
	b.stop()
}

func TestSecondAgentOnOneStateFolderIsRefused(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.start()
	b.until("the first agent", func() bool { return b.said("configuration applied") })
	first := b.cmd
	firstEnd := b.ended
	b.start()
	if err := <-b.ended; err == nil || b.cmd.ProcessState.ExitCode() != exitUnread || !b.said("another agent is using") {
		t.Errorf("the second agent ended with %v", err)
	}
	b.cmd, b.ended = first, firstEnd
	b.stop()
}

func TestStateIsForTheAgentAlone(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	b.stop()
	for _, name := range []string{"state", "state/checkpoints"} {
		if info, err := os.Stat(b.path(name)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if b.said("AWS_SECRET") || strings.Contains(b.output.String(), "SECRET") {
		t.Error("a secret is in the log")
	}
}

const withVolumes = `{"agent": {"metrics_collection_interval": 1}, "metrics": {"force_flush_interval": 1, "append_dimensions": {"InstanceId": "${aws:InstanceId}"},
	"metrics_collected": {"disk": {"measurement": ["total"], "resources": ["/"], "append_dimensions": {"VolumeId": "${aws:VolumeId}"}}}}}`

// onXen has the root's disk not say which volume it is.
func (b *bed) onXen() {
	b.Helper()
	b.must(os.MkdirAll(b.path("sys/block/xvda"), 0o755))
	b.must(os.WriteFile(b.path("mountinfo"), []byte("20 1 202:1 / / rw - ext4 /dev/xvda1 rw\n"), 0o600))
	b.env = append(b.env, "HOST_SYS="+b.path("sys"), "HOST_PROC_MOUNTINFO="+b.path("mountinfo"))
	b.onEC2(metadata{})
}

const onXvda = "InstanceId=i-0abc123def4567890 device=xvda1 fstype=ext4 path=/"

func TestVolumeOfADiskOfXen(t *testing.T) {
	b := newBed(t)
	b.service.Volumes = map[string]string{"/dev/sda1": "vol-0123", "/dev/sdf": "vol-0456"}
	b.onXen()
	b.config(withVolumes)
	b.start()
	b.until("metrics", func() bool { return len(b.dimensionsOf("disk_total")) > 0 })
	if got := b.dimensionsOf("disk_total"); !slices.Equal(got, []string{strings.Replace(onXvda, " device", " VolumeId=vol-0123 device", 1)}) {
		t.Errorf("got %q", got)
	}
}

func TestDescribeVolumesDeniedLeavesTheDimensionOut(t *testing.T) {
	b := newBed(t)
	b.onXen()
	b.config(withVolumes)
	b.must(b.service.SetFaults(local.Fault{Operation: "DescribeVolumes", Do: local.FaultError, Code: "UnauthorizedOperation", Message: "not authorized", Status: 403}))
	b.start()
	b.until("metrics", func() bool { return len(b.dimensionsOf("disk_total")) > 0 })
	if got := b.dimensionsOf("disk_total"); !slices.Equal(got, []string{onXvda}) {
		t.Errorf("got %q", got)
	}
	const what = "EC2 does not say which EBS volumes are attached"
	if n := strings.Count(b.output.String(), what); n != 1 || !b.said("allow ec2:DescribeVolumes in the instance's role") {
		t.Errorf("the log has it %d times", n)
	}
	if out, _, _ := b.status(); !strings.Contains(out, what) || !strings.Contains(out, "allow ec2:DescribeVolumes") {
		t.Errorf("status: %s", out)
	}
	if r, code := b.diagnosis("permissions", "config.json"); code != exitMistakes || !strings.Contains(textOf(r), "ec2:DescribeVolumes is denied") {
		t.Errorf("doctor: status %d: %s", code, textOf(r))
	}
}

// Disks that say themselves which volume they are have nobody asked.
func TestVolumesAreAskedForOnlyWhereDisksDoNotSayThem(t *testing.T) {
	b := newBed(t)
	b.onXen()
	b.must(os.MkdirAll(b.path("sys/block/xvda/device"), 0o755))
	b.must(os.WriteFile(b.path("sys/block/xvda/device/serial"), []byte("vol0777\n"), 0o600))
	b.config(withVolumes)
	b.start()
	b.until("metrics", func() bool { return len(b.dimensionsOf("disk_total")) > 0 })
	if got := b.dimensionsOf("disk_total"); !slices.Equal(got, []string{strings.Replace(onXvda, " device", " VolumeId=vol-0777 device", 1)}) {
		t.Errorf("got %q", got)
	}
	if wasAsked(b.service, "DescribeVolumes") {
		t.Errorf("asked: %v", b.service.Requests())
	}
}
