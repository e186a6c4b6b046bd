//go:build vm

package vmtest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

const (
	group    = "vm"
	agentLog = "/opt/aws/amazon-cloudwatch-agent/logs/amazon-cloudwatch-agent.log"
	service  = "127.0.0.1:4586" // 169.254.169.254:4586 for the machine
)

// newCloud starts a CloudWatch, and AWS's own stand-in for the metadata service, on this side: both outlive the machine.
func newCloud(t *testing.T) *local.Server {
	t.Helper()
	cloud := &local.Server{AllowRemote: true}
	if err := cloud.Open(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", service)
	if err != nil {
		t.Fatalf("%v (the tests want a network of their own: run them by make test-vm)", err)
	}
	web := &http.Server{Handler: cloud, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = web.Serve(l) }() // it ends with the test
	t.Cleanup(func() {
		_ = web.Close()
		if err := cloud.Close(); err != nil {
			t.Errorf("close the local CloudWatch: %v", err)
		}
	})
	startMetadata(t)
	return cloud
}

// startMetadata has it answer to version 2 alone, at port 80.
func startMetadata(t *testing.T) {
	t.Helper()
	config, err := filepath.Abs("../../internal/awsapi/testdata/aemm/config.json")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	run := exec.CommandContext(ctx, given(t, "aemm"), "-c", config, "-n", "127.0.0.1", "-p", "80", "--imdsv2")
	run.Dir = t.TempDir()
	var said bytes.Buffer
	run.Env, run.Stdout, run.Stderr = append(os.Environ(), "HOME="+run.Dir), &said, &said
	if err := run.Start(); err != nil {
		t.Fatalf("start the metadata service: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = run.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	until(t, time.Minute, "the metadata service to answer", func() bool {
		select {
		case <-ended:
			t.Fatalf("the metadata service ended: %s", said.Bytes())
		default:
		}
		answer, err := http.Get("http://127.0.0.1/latest/meta-data/")
		if err == nil {
			_ = answer.Body.Close()
		}
		return err == nil
	})
}

// events are those of a stream, in the order of their arrival.
func events(t *testing.T, cloud *local.Server, stream string) []local.Event {
	t.Helper()
	all, err := cloud.Events(group, stream)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(all, func(a, b local.Event) int { return a.Ingested.Compare(b.Ingested) })
	return all
}

// dataTimes are the times of the data of a metric of this host, in order.
func dataTimes(t *testing.T, cloud *local.Server, name string) (all []time.Time) {
	t.Helper()
	data, err := cloud.Data("VM", name, local.Dimension{Name: "InstanceId", Value: "i-0abc123def4567890"})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range data {
		all = append(all, d.At)
	}
	return all
}

// away has every request answered with 503 until the function is called.
func away(t *testing.T, cloud *local.Server) (back func()) {
	t.Helper()
	if err := cloud.SetFaults(local.Fault{Operation: "*", Do: local.FaultStatus, Status: http.StatusServiceUnavailable}); err != nil {
		t.Fatal(err)
	}
	return cloud.ClearFaults
}
