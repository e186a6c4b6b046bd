package awsapi

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// buildAEMM builds AWS's own stand-in for the metadata service, at the version that testdata/aemm pins. It comes through the
// module proxy, as all else that is built here. Where everything is to be tested, being unable to is a failure; elsewhere it
// is said and skipped.
func buildAEMM(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "aemm")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/aws/amazon-ec2-metadata-mock/cmd")
	build.Dir = filepath.Join("testdata", "aemm")
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	said, err := build.CombinedOutput()
	if err == nil {
		return binary
	}
	if os.Getenv("CI") != "" || os.Getenv("NEPHOSCOPE_FULL") == "1" {
		t.Fatalf("build amazon-ec2-metadata-mock: %v\n%s", err, said)
	}
	t.Skipf("NOT RUN: amazon-ec2-metadata-mock cannot be built (it needs the module proxy): %v\n%s", err, said)
	return ""
}

// startAEMM runs it on a port of loopback, and says where.
func startAEMM(t *testing.T, binary string, flags ...string) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	_, port, _ := net.SplitHostPort(at) // a listener's address has both
	_ = free.Close()
	config, err := filepath.Abs(filepath.Join("testdata", "aemm", "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	run := exec.Command(binary, slices.Concat([]string{"-c", config, "-n", "127.0.0.1", "-p", port}, flags)...)
	run.Dir = t.TempDir()
	run.Env, run.Stdout, run.Stderr = append(os.Environ(), "HOME="+run.Dir), &said, &said
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	t.Cleanup(func() {
		_ = run.Process.Kill() // it may have ended
		<-ended
	})
	deadline, look := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer look.Stop()
	for {
		if answer, err := http.Get("http://" + at + "/latest/meta-data/"); err == nil {
			_ = answer.Body.Close()
			return "http://" + at
		}
		select {
		case <-look.C:
		case err := <-ended:
			ended <- err
			t.Fatalf("it ended: %v\n%s", err, &said)
		case <-deadline:
			t.Fatal("it never answered")
		}
	}
}

func TestMetadataServiceOfAWS(t *testing.T) {
	binary := buildAEMM(t)
	f := func(name string, v1 bool, flags ...string) {
		t.Run(name, func(t *testing.T) {
			alone(t)
			for _, key := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
				t.Setenv(key, "")
			}
			at := startAEMM(t, binary, flags...)
			t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", at)
			t.Setenv("AWS_EC2_METADATA_V1_DISABLED", "true") // as the agent runs
			a, err := Open(t.Context(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			report, err := a.EC2().Metadata(t.Context())
			report.TokenTook = 0
			if want := (MetadataReport{Endpoint: at, Answered: true, Token: true, V1: v1, InstanceID: "i-0abc123def4567890", Region: "eu-west-1"}); err != nil || report != want {
				t.Errorf("report: got %+v %v, want %+v", report, err, want)
			}
			i, err := a.EC2().Instance(t.Context())
			if want := (Instance{ID: "i-0abc123def4567890", Type: "t3.small", ImageID: "ami-0feedfacefeedface", Region: "eu-west-1", AccountID: "111122223333",
				PrivateIP: "10.0.0.5", Hostname: "ip-10-0-0-5.eu-west-1.compute.internal"}); err != nil || i != want {
				t.Errorf("instance: got %+v %v, want %+v", i, err, want)
			}
			if group, err := a.EC2().AutoScalingGroup(t.Context(), i); err != nil || group != "web" {
				t.Errorf("Auto Scaling group: got %q %v", group, err)
			}
			if source, key, err := a.Credentials(t.Context()); err != nil || source != "EC2RoleProvider" || key != "ASIAROLE" {
				t.Errorf("credentials of the role: got %q %q %v", source, key, err)
			}
		})
	}
	f("both versions", true)
	f("version 2 only", false, "--imdsv2")
}
